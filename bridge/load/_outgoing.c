/* Frames of many callers, sent in one loop while nobody has to be asked. See outgoing.py.
 *
 * Hundreds of callers say fifty frames a second each. What makes one dear in Python is
 * not what is computed, but the dozens of objects that are touched, which all others'
 * have driven out of the cache since the last frame. Here they are one piece of memory,
 * and a sound that all share.
 *
 * Only the stable ABI is used: one build serves every Python from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define PARTS 5 /* of a message: around its number, payload, time and chunk */
#define FRAME_MS 20
#define MOST_DIGITS 20
#define MOST_HEAD 8 /* bytes before the text of a frame: kind, length, mask */
#define MOST_TEXT 16384

typedef struct {
    PyObject_HEAD
    int fd;                  /* less than 0: Python sends all */
    int alone;               /* so many frames more are sent without asking */
    double due_s, look_s;    /* from the sooner one on, Python is asked */
    long long number, chunk; /* of the last message, and of its audio */
    long long sent;          /* frames, until somebody counts them */
    long long began_ms;
    Py_ssize_t at;           /* of the next frame */
    PyObject *texts;         /* of a sound without end: a tuple of bytes, or NULL */
    PyObject *around;        /* all parts of a message, joined */
    Py_ssize_t ends[PARTS];
    PyObject *owner;
} Outgoing;

static uint64_t chance;

static unsigned char *put(unsigned char *at, const char *bytes, Py_ssize_t size)
{
    memcpy(at, bytes, (size_t)size);
    return at + size;
}

static unsigned char *put_number(unsigned char *at, unsigned long long number)
{
    unsigned char digits[MOST_DIGITS], *end = digits + MOST_DIGITS, *first = end;
    do
        *--first = (unsigned char)('0' + number % 10);
    while (number /= 10);
    memcpy(at, first, (size_t)(end - first));
    return at + (end - first);
}

/* Put a mask before a text and over it, and before that the head of a frame. */
static unsigned char *frame_of(unsigned char *text, Py_ssize_t length)
{
    /* xorshift64: a mask has to differ, not to keep a secret. */
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    const uint32_t key = (uint32_t)(chance >> 32);
    const uint64_t twice = (uint64_t)key << 32 | key;
    for (Py_ssize_t i = 0; i < length; i += 8) {
        uint64_t eight; /* What is behind the text is spoiled in vain. */
        memcpy(&eight, text + i, 8);
        eight ^= twice;
        memcpy(text + i, &eight, 8);
    }
    memcpy(text - 4, &key, 4);
    unsigned char *frame = text - (length < 126 ? 6 : 8);
    frame[0] = 0x81; /* A whole message of text */
    frame[1] = (unsigned char)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) {
        frame[2] = (unsigned char)(length >> 8);
        frame[3] = (unsigned char)length;
    }
    return frame;
}

/* What could not be sent of the next frame, in `left`; -1 with an exception. */
static Py_ssize_t send_next(Outgoing *self, unsigned char **left)
{
    static unsigned char buffer[MOST_HEAD + MOST_TEXT + 8];
    unsigned char *text = buffer + MOST_HEAD, *at = text;
    PyObject *sound = PyTuple_GetItem(self->texts, self->at);
    const char *around = PyBytes_AsString(self->around);
    const Py_ssize_t *ends = self->ends;
    if (sound == NULL)
        return -1;
    self->number++;
    self->chunk++;
    at = put(at, around, ends[0]);
    at = put_number(at, (unsigned long long)self->number);
    at = put(at, around + ends[0], ends[1] - ends[0]);
    at = put(at, PyBytes_AsString(sound), PyBytes_Size(sound));
    at = put(at, around + ends[1], ends[2] - ends[1]);
    at = put_number(at, (unsigned long long)(self->began_ms + self->chunk * FRAME_MS));
    at = put(at, around + ends[2], ends[3] - ends[2]);
    at = put_number(at, (unsigned long long)self->chunk);
    at = put(at, around + ends[3], ends[4] - ends[3]);
    unsigned char *frame = frame_of(text, at - text);
    const Py_ssize_t gone =
        send(self->fd, frame, (size_t)(at - frame), MSG_DONTWAIT | MSG_NOSIGNAL);
    self->alone--;
    self->sent++;
    self->at = (self->at + 1) % PyTuple_Size(self->texts);
    /* A broken socket takes nothing: its transport will find out when it tries. */
    *left = frame + (gone < 0 ? 0 : gone);
    return at - *left;
}

static PyObject *due(PyObject *module, PyObject *args)
{
    PyObject *lines, *asked = PyList_New(0), *pair = NULL;
    PyTypeObject **type = PyModule_GetState(module);
    double now_s;
    if (asked == NULL || !PyArg_ParseTuple(args, "O!d", &PyList_Type, &lines, &now_s))
        goto failed;
    const Py_ssize_t count = PyList_Size(lines);
    for (Py_ssize_t i = 0; i < count; i++) {
        Outgoing *line = (Outgoing *)PyList_GetItem(lines, i);
        if (!PyObject_TypeCheck((PyObject *)line, *type)) {
            PyErr_SetString(PyExc_TypeError, "what is due is not Outgoing");
            goto failed;
        }
        const int is_alone = line->fd >= 0 && line->alone > 0 && line->texts != NULL &&
                             now_s < line->due_s && now_s < line->look_s;
        unsigned char *left;
        const Py_ssize_t size = is_alone ? send_next(line, &left) : 0;
        if (size < 0)
            goto failed;
        if (is_alone && size == 0)
            continue;
        PyObject *owner = line->owner == NULL ? Py_None : line->owner;
        pair = is_alone ? Py_BuildValue("Oy#", owner, left, size)
                        : Py_BuildValue("OO", owner, Py_None);
        if (pair == NULL || PyList_Append(asked, pair) < 0)
            goto failed;
        Py_CLEAR(pair);
    }
    return asked;
failed:
    Py_XDECREF(pair);
    Py_XDECREF(asked);
    return NULL;
}

static PyObject *Outgoing_say(Outgoing *self, PyObject *args)
{
    PyObject *texts, *parts[PARTS], *around = PyBytes_FromStringAndSize("", 0);
    long long began_ms;
    Py_ssize_t longest = 0;
    Py_CLEAR(self->texts);
    if (!PyArg_ParseTuple(args, "O!(SSSSS)L", &PyTuple_Type, &texts, &parts[0], &parts[1],
                          &parts[2], &parts[3], &parts[4], &began_ms)) {
        Py_XDECREF(around);
        return NULL;
    }
    for (int i = 0; i < PARTS && around != NULL; i++) {
        PyBytes_Concat(&around, parts[i]);
        self->ends[i] = around == NULL ? 0 : PyBytes_Size(around);
    }
    if (around == NULL)
        return NULL;
    Py_XDECREF(self->around);
    self->around = around;
    self->began_ms = began_ms;
    for (Py_ssize_t i = 0; i < PyTuple_Size(texts); i++) {
        PyObject *text = PyTuple_GetItem(texts, i);
        if (!PyBytes_Check(text)) {
            PyErr_SetString(PyExc_TypeError, "a sound's texts are bytes");
            return NULL;
        }
        longest = PyBytes_Size(text) > longest ? PyBytes_Size(text) : longest;
    }
    /* What does not fit is Python's. */
    if (longest && self->ends[PARTS - 1] + longest + 3 * MOST_DIGITS <= MOST_TEXT) {
        Py_INCREF(texts);
        self->texts = texts;
    }
    Py_RETURN_NONE;
}

static int Outgoing_init(Outgoing *self, PyObject *Py_UNUSED(args),
                         PyObject *Py_UNUSED(keywords))
{
    self->fd = -1;
    self->due_s = Py_HUGE_VAL;
    return 0;
}

static void Outgoing_dealloc(PyObject *object)
{
    Outgoing *self = (Outgoing *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->texts);
    Py_CLEAR(self->around);
    release(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(say_doc,
"say(texts, parts, began_ms)\n\n"
"What is said, without end, and the parts of a message around its number, its payload,\n"
"its time and its chunk.");

static PyMethodDef Outgoing_methods[] = {
    {"say", (PyCFunction)Outgoing_say, METH_VARARGS, say_doc},
    {NULL, NULL, 0, NULL},
};

#define MEMBER(name, type) {#name, type, offsetof(Outgoing, name), 0, NULL}
static PyMemberDef Outgoing_members[] = {
    MEMBER(fd, T_INT), MEMBER(alone, T_INT), MEMBER(due_s, T_DOUBLE),
    MEMBER(look_s, T_DOUBLE), MEMBER(number, T_LONGLONG), MEMBER(chunk, T_LONGLONG),
    MEMBER(sent, T_LONGLONG), MEMBER(at, T_PYSSIZET), MEMBER(owner, T_OBJECT),
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot Outgoing_slots[] = {
    {Py_tp_init, Outgoing_init},
    {Py_tp_dealloc, Outgoing_dealloc},
    {Py_tp_methods, Outgoing_methods},
    {Py_tp_members, Outgoing_members},
    {0, NULL},
};

static PyType_Spec Outgoing_spec = {
    .name = "bridge.load._outgoing.Outgoing",
    .basicsize = sizeof(Outgoing),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Outgoing_slots,
};

static int begin(PyObject *module)
{
    PyTypeObject **type = PyModule_GetState(module);
    if (getrandom(&chance, sizeof chance, 0) < 0 || !chance)
        chance = 1;
    *type = (PyTypeObject *)PyType_FromSpec(&Outgoing_spec);
    return *type == NULL ? -1 : PyModule_AddObjectRef(module, "Outgoing", (PyObject *)*type);
}

static PyMethodDef functions[] = {
    {"due", due, METH_VARARGS,
     "due(lines, now_s)\n\nSend the next frame of each that may. Returns who is asked, "
     "with None,\nand whose frame did not fit, with what is left of it."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.load._outgoing", NULL, sizeof(PyTypeObject *), functions,
    slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__outgoing(void)
{
    return PyModuleDef_Init(&module);
}
