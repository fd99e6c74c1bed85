/* Audio of many sockets, read in one loop while it is written as before. See incoming.py.
 *
 * Hundreds of servers' streams bring fifty frames a second each. What makes one dear in
 * Python is not what is computed, but the dozens of objects that are touched, which all
 * others' have driven out of the cache since the last frame. Here a frame goes from a
 * buffer that all share into one piece of memory. Whatever does not look like the frame
 * before is left to Python, with all that follows it.
 *
 * Only the stable ABI is used: one build serves every Python from 3.11 on. It takes
 * epoll, and so Linux.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define AT_ONCE 24       /* messages are worth being looked into; */
#define MOST_KEPT 64     /* nobody may have come to it before there are so many. */
#define MOST_READY 64    /* sockets are read before others have their turn, */
#define READ_BYTES 16384 /* of each so much. */
#define WRONG 64         /* No letter of base64 stands for that. */

typedef struct {
    PyObject_HEAD
    int fd, epoll;         /* less than 0: Python reads */
    int kept;
    Py_ssize_t sample_bytes;
    PyObject *head, *tail; /* of a message, around its payload in quotes */
    PyObject *owner;       /* told of what is Python's to do, while there is a socket */
    double came_s[MOST_KEPT];
    PyObject *payloads[MOST_KEPT];
} Incoming;

static unsigned char values[256];

/* Base64 as encoders write it; 0 for any other, which is the parser's. */
static int decode(const unsigned char *text, Py_ssize_t bytes, unsigned char *decoded)
{
    unsigned all = 0;
    for (; bytes > 2; bytes -= 3, text += 4, decoded += 3) {
        const unsigned a = values[text[0]], b = values[text[1]], c = values[text[2]],
                       d = values[text[3]], bits = a << 18 | b << 12 | c << 6 | d;
        all |= a | b | c | d;
        decoded[0] = (unsigned char)(bits >> 16);
        decoded[1] = (unsigned char)(bits >> 8);
        decoded[2] = (unsigned char)bits;
    }
    if (bytes) {
        const unsigned a = values[text[0]], b = values[text[1]],
                       c = bytes > 1 ? values[text[2]] : 0;
        all |= a | b | c;
        /* Bits that stand for nothing are zero in what an encoder wrote. */
        if (bytes > 1 ? c & 3 : b & 15)
            return 0;
        decoded[0] = (unsigned char)(a << 2 | b >> 4);
        if (bytes > 1)
            decoded[1] = (unsigned char)(b << 4 | c >> 2);
    }
    return !(all & WRONG);
}

/* Keep a message's audio; 0 if it is not as foreseen, -1 with an exception. */
static int hear(Incoming *self, const unsigned char *text, Py_ssize_t size, double now_s)
{
    const Py_ssize_t head = PyBytes_Size(self->head), tail = PyBytes_Size(self->tail);
    const Py_ssize_t letters = size - head - tail - 2;
    const unsigned char *first = text + head + 1;
    if (letters < 4 || letters % 4 || self->kept == MOST_KEPT || first[-1] != '"' ||
        first[letters] != '"' ||
        memcmp(text, PyBytes_AsString(self->head), (size_t)head) ||
        memcmp(text + size - tail, PyBytes_AsString(self->tail), (size_t)tail))
        return 0;
    const int padding = first[letters - 1] != '=' ? 0 : first[letters - 2] != '=' ? 1 : 2;
    const Py_ssize_t bytes = letters / 4 * 3 - padding;
    if (bytes % self->sample_bytes)
        return 0;
    PyObject *payload = PyBytes_FromStringAndSize(NULL, bytes);
    if (payload == NULL)
        return -1;
    if (!decode(first, bytes, (unsigned char *)PyBytes_AsString(payload))) {
        Py_DECREF(payload);
        return 0;
    }
    self->came_s[self->kept] = now_s;
    self->payloads[self->kept++] = payload;
    return 1;
}

/* Take whole frames; returns where the rest begins, or NULL with an exception. */
static const unsigned char *take_frames(Incoming *self, const unsigned char *at,
                                        const unsigned char *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* As perf_counter() does */
    const double now_s = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    /* Whole messages of text; neither masked nor of the longest. */
    while (end - at > 4 && at[0] == 0x81 && at[1] <= 126) {
        const int is_long = at[1] == 126;
        const Py_ssize_t size = is_long ? at[2] << 8 | at[3] : at[1];
        const unsigned char *text = at + (is_long ? 4 : 2);
        if (end - text < size || (is_long && size < 126))
            break;
        const int heard = hear(self, text, size, now_s);
        if (heard < 0)
            return NULL;
        if (!heard)
            break;
        at = text + size;
    }
    return at;
}

static PyObject *read_ready(PyObject *Py_UNUSED(module), PyObject *number)
{
    static unsigned char buffer[READ_BYTES];
    struct epoll_event events[MOST_READY];
    PyObject *asked = PyList_New(0), *pair = NULL;
    const long epoll = PyLong_AsLong(number);
    if (asked == NULL || PyErr_Occurred())
        goto failed;
    const int count = epoll_wait((int)epoll, events, MOST_READY, 0);
    if (count < 0 && errno != EINTR) {
        PyErr_SetFromErrno(PyExc_OSError);
        goto failed;
    }
    for (int i = 0; i < count; i++) {
        Incoming *self = events[i].data.ptr;
        Py_ssize_t size = recv(self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        /* The end of a socket is nothing, read; its transport will find it, too. */
        const int is_over = size <= 0;
        const unsigned char *end = buffer + (is_over ? 0 : size);
        const unsigned char *rest = take_frames(self, buffer, end);
        if (rest == NULL)
            goto failed;
        if (rest == end && !is_over && self->kept < AT_ONCE)
            continue;
        pair = rest < end || is_over
                   ? Py_BuildValue("Oy#", self->owner, rest, (Py_ssize_t)(end - rest))
                   : Py_BuildValue("OO", self->owner, Py_None);
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

static PyObject *Incoming_take(Incoming *self, PyObject *Py_UNUSED(nothing))
{
    const int kept = self->kept;
    PyObject *payloads = PyList_New(kept), *came_s = PyList_New(kept);
    for (int i = 0; payloads != NULL && came_s != NULL && i < kept; i++) {
        PyObject *time_s = PyFloat_FromDouble(self->came_s[i]);
        if (time_s == NULL || PyList_SetItem(came_s, i, time_s) < 0)
            Py_CLEAR(came_s);
    }
    if (payloads == NULL || came_s == NULL) {
        Py_XDECREF(payloads);
        Py_XDECREF(came_s);
        return NULL;
    }
    for (int i = 0; i < kept; i++)
        PyList_SetItem(payloads, i, self->payloads[i]);
    self->kept = 0;
    return Py_BuildValue("NN", payloads, came_s);
}

static PyObject *Incoming_stop(Incoming *self, PyObject *Py_UNUSED(nothing))
{
    if (self->sample_bytes && self->fd >= 0)
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, self->fd, NULL);
    self->fd = -1;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

static PyObject *Incoming_read_from(Incoming *self, PyObject *args)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = self}};
    PyObject *owner, *head, *tail;
    int epoll, fd;
    if (!PyArg_ParseTuple(args, "OiiSS", &owner, &epoll, &fd, &head, &tail))
        return NULL;
    if (!self->sample_bytes) {
        PyErr_SetString(PyExc_ValueError, "samples have bytes");
        return NULL;
    }
    Py_XDECREF(Incoming_stop(self, NULL));
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_XDECREF(self->head);
    Py_XDECREF(self->tail);
    self->owner = Py_NewRef(owner);
    self->head = Py_NewRef(head);
    self->tail = Py_NewRef(tail);
    self->epoll = epoll;
    self->fd = fd;
    Py_RETURN_NONE;
}

static int Incoming_init(Incoming *self, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    Py_ssize_t sample_bytes;
    if (!PyArg_ParseTuple(args, "n", &sample_bytes))
        return -1;
    if (sample_bytes < 1 || self->sample_bytes) {
        PyErr_SetString(PyExc_ValueError, "samples have bytes, and are made once");
        return -1;
    }
    self->fd = -1;
    self->sample_bytes = sample_bytes;
    return 0;
}

static void Incoming_dealloc(PyObject *object)
{
    Incoming *self = (Incoming *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    Py_XDECREF(Incoming_stop(self, NULL));
    while (self->kept)
        Py_DECREF(self->payloads[--self->kept]);
    Py_CLEAR(self->head);
    Py_CLEAR(self->tail);
    release(object);
    Py_DECREF(type);
}

static PyMethodDef Incoming_methods[] = {
    {"take", (PyCFunction)Incoming_take, METH_NOARGS,
     "All payloads that are kept, and when each came."},
    {"read_from", (PyCFunction)Incoming_read_from, METH_VARARGS,
     "read_from(owner, epoll, fd, head, tail)\n\nRead a socket until `stop`."},
    {"stop", (PyCFunction)Incoming_stop, METH_NOARGS, "Leave the socket to Python."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot Incoming_slots[] = {
    {Py_tp_init, Incoming_init},
    {Py_tp_dealloc, Incoming_dealloc},
    {Py_tp_methods, Incoming_methods},
    {0, NULL},
};

static PyType_Spec Incoming_spec = {
    .name = "bridge.load._incoming.Incoming",
    .basicsize = sizeof(Incoming),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Incoming_slots,
};

static int begin(PyObject *module)
{
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(values, WRONG, sizeof values);
    for (int i = 0; i < 64; i++)
        values[(unsigned char)LETTERS[i]] = (unsigned char)i;
    PyObject *type = PyType_FromSpec(&Incoming_spec);
    const int failed = type == NULL || PyModule_AddObjectRef(module, "Incoming", type) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyMethodDef functions[] = {
    {"read_ready", read_ready, METH_O,
     "read_ready(epoll)\n\nRead what came. Returns whose audio is to be taken, with None,\n"
     "and who is to read on, with what is not as foreseen; nothing at the end."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.load._incoming", NULL, 0, functions, slots, NULL, NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__incoming(void)
{
    return PyModuleDef_Init(&module);
}
