/* A frame of running speech, from a bot's samples to the message. See sending.py.
 *
 * Between two frames of a stream hundreds of others have had theirs, and whatever this
 * one needs has left the processor's caches. So what a frame needs on its way out stands
 * together here, and is gone through once: the ledger's numbers, which say whether it is
 * due, the filter, the base64, and what is written around it.
 *
 * Only the stable ABI is used: one build serves every Python from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "../audio/_fir.h"

/* As heard.py wants them: more than two seconds of frames. */
#define REMEMBERED 128

/* 20 ms of a bot's samples, and of the wire's. */
#define MOST_FRAME 960

/* What is written around the base64: a WebSocket's head and a few keys of JSON. */
#define MOST_AROUND 240

typedef struct {
    double position, at_s;
} Sent;

typedef struct {
    PyObject_HEAD
    long long samples;
    double rate_hz, zero_s, runs_from_s, most_ahead_s;
    Py_ssize_t frame, wire_frame; /* samples of either side; 0: nothing is written here */
    PyObject *filter;             /* NULL: both rates are the same */
    PyObject *codes;              /* of each int16, 65536 bytes; NULL: linear samples */
    int latest;
    unsigned char begin_bytes, end_bytes;
    char around[MOST_AROUND];
    Sent sent[REMEMBERED];
} Sending;

static FilterInto filter_into;

static const char LETTERS[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode(const unsigned char *at, Py_ssize_t bytes, char *out)
{
    for (; bytes > 2; bytes -= 3, at += 3, out += 4) {
        const unsigned bits = at[0] << 16 | at[1] << 8 | at[2];
        out[0] = LETTERS[bits >> 18];
        out[1] = LETTERS[bits >> 12 & 63];
        out[2] = LETTERS[bits >> 6 & 63];
        out[3] = LETTERS[bits & 63];
    }
    if (bytes) {
        const unsigned bits = at[0] << 16 | (bytes > 1 ? at[1] << 8 : 0);
        out[0] = LETTERS[bits >> 18];
        out[1] = LETTERS[bits >> 12 & 63];
        out[2] = bytes > 1 ? LETTERS[bits >> 6 & 63] : '=';
        out[3] = '=';
        out += 4;
    }
    return out;
}

static void book(Sending *self, long long count, double now_s)
{
    self->samples += count;
    self->latest = (self->latest + 1) % REMEMBERED;
    self->sent[self->latest] = (Sent){(double)self->samples, now_s};
}

/* The message of a frame, or NULL, with an exception or without: that is none. */
static PyObject *message_of(Sending *self, const int16_t *said)
{
    int16_t filtered[MOST_FRAME];
    const Py_ssize_t count = self->wire_frame, bytes = self->codes ? count : 2 * count;
    const Py_ssize_t letters = (bytes + 2) / 3 * 4;
    PyObject *message = PyBytes_FromStringAndSize(
        NULL, self->begin_bytes + letters + self->end_bytes);
    if (message == NULL)
        return NULL;
    if (self->filter != NULL) {
        if (!filter_into(self->filter, said, self->frame, filtered, count)) {
            Py_DECREF(message);
            return NULL;
        }
        said = filtered;
    }
    const unsigned char *payload = (const unsigned char *)said;
    unsigned char coded[MOST_FRAME];
    if (self->codes != NULL) {
        const char *codes = PyBytes_AsString(self->codes);
        for (Py_ssize_t i = 0; i < count; i++)
            coded[i] = (unsigned char)codes[(uint16_t)said[i]];
        payload = coded;
    }
    char *out = PyBytes_AsString(message);
    memcpy(out, self->around, self->begin_bytes);
    out = encode(payload, bytes, out + self->begin_bytes);
    memcpy(out, self->around + self->begin_bytes, self->end_bytes);
    return message;
}

static PyObject *Sending_next(Sending *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "next(samples, now_s)");
        return NULL;
    }
    const double now_s = PyFloat_AsDouble(args[1]);
    if (now_s == -1.0 && PyErr_Occurred())
        return NULL;
    const double sent_s = (double)self->samples / self->rate_hz;
    const double ahead_s = self->zero_s + sent_s - now_s;
    if (!self->frame || !(ahead_s >= 0 && ahead_s <= self->most_ahead_s) ||
        now_s >= self->runs_from_s + sent_s)
        Py_RETURN_NONE;
    Py_buffer said;
    if (PyObject_GetBuffer(args[0], &said, PyBUF_SIMPLE) < 0) {
        /* Every other of a longer array, say. */
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *message =
        said.len == 2 * self->frame ? message_of(self, said.buf) : NULL;
    PyBuffer_Release(&said);
    if (message == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    book(self, self->wire_frame, now_s);
    return message;
}

static PyObject *Sending_book(Sending *self, PyObject *args)
{
    long long count;
    double now_s;
    if (!PyArg_ParseTuple(args, "Ld", &count, &now_s))
        return NULL;
    book(self, count, now_s);
    Py_RETURN_NONE;
}

static PyObject *Sending_behind(Sending *self, PyObject *position)
{
    const double from = PyFloat_AsDouble(position);
    if (from == -1.0 && PyErr_Occurred())
        return NULL;
    int count = 0;
    while (count < REMEMBERED &&
           self->sent[(self->latest - count + REMEMBERED) % REMEMBERED].position > from)
        count++;
    PyObject *behind = PyList_New(count);
    for (int i = 0; behind != NULL && i < count; i++) {
        const int back = count - 1 - i;
        const Sent *sent = &self->sent[(self->latest - back + REMEMBERED) % REMEMBERED];
        PyObject *pair = Py_BuildValue("Ld", (long long)sent->position, sent->at_s);
        if (pair == NULL || PyList_SetItem(behind, i, pair) < 0)
            Py_CLEAR(behind);
    }
    return behind;
}

/* An attribute that may be None: then NULL. */
static int optional(PyObject *owner, const char *name, PyObject **found)
{
    *found = PyObject_GetAttrString(owner, name);
    if (*found == NULL)
        return -1;
    if (*found == Py_None)
        Py_CLEAR(*found);
    return 0;
}

static PyObject *Sending_write_as(Sending *self, PyObject *args)
{
    const char *begin, *end;
    Py_ssize_t begin_bytes, end_bytes, frame, wire_frame;
    double most_ahead_s;
    PyObject *speaking, *filter, *codes;
    self->frame = 0;
    if (!PyArg_ParseTuple(args, "y#y#Onnd", &begin, &begin_bytes, &end, &end_bytes,
                          &speaking, &frame, &wire_frame, &most_ahead_s) ||
        optional(speaking, "filter", &filter) < 0)
        return NULL;
    if (optional(speaking, "codes", &codes) < 0) {
        Py_XDECREF(filter);
        return NULL;
    }
    Py_CLEAR(self->filter);
    Py_CLEAR(self->codes);
    self->filter = filter;
    self->codes = codes;
    if (frame < 1 || frame > MOST_FRAME || wire_frame < 1 || wire_frame > MOST_FRAME ||
        begin_bytes > 255 || end_bytes > 255 || begin_bytes + end_bytes > MOST_AROUND ||
        (filter == NULL && frame != wire_frame) ||
        (codes != NULL && (!PyBytes_Check(codes) || PyBytes_Size(codes) != 65536))) {
        PyErr_SetString(PyExc_ValueError, "no frames are written like that");
        return NULL;
    }
    memcpy(self->around, begin, (size_t)begin_bytes);
    memcpy(self->around + begin_bytes, end, (size_t)end_bytes);
    self->begin_bytes = (unsigned char)begin_bytes;
    self->end_bytes = (unsigned char)end_bytes;
    self->wire_frame = wire_frame;
    self->most_ahead_s = most_ahead_s;
    self->frame = frame;
    Py_RETURN_NONE;
}

static int Sending_init(Sending *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"rate_hz", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "d", names, &self->rate_hz))
        return -1;
    self->zero_s = self->runs_from_s = -Py_HUGE_VAL;
    return 0;
}

static void Sending_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_CLEAR(((Sending *)object)->filter);
    Py_CLEAR(((Sending *)object)->codes);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(next_doc,
"The message of a frame that is due now, booked as sent; None if it is out of the\n"
"ordinary, and then nothing has happened.");

static PyMethodDef Sending_methods[] = {
    {"next", (PyCFunction)(void (*)(void))Sending_next, METH_FASTCALL, next_doc},
    {"book", (PyCFunction)Sending_book, METH_VARARGS,
     "book(count, now_s): samples leave, however written."},
    {"behind", (PyCFunction)Sending_behind, METH_O,
     "Sendings that go beyond a position: where each ends, and when; oldest first."},
    {"write_as", (PyCFunction)Sending_write_as, METH_VARARGS,
     "write_as(begin, end, speaking, frame, wire_frame, most_ahead_s): how from now on."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef Sending_members[] = {
    {"samples", T_LONGLONG, offsetof(Sending, samples), READONLY, NULL},
    {"zero_s", T_DOUBLE, offsetof(Sending, zero_s), 0, NULL},
    {"runs_from_s", T_DOUBLE, offsetof(Sending, runs_from_s), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot Sending_slots[] = {
    {Py_tp_doc, (void *)"Sending(rate_hz): of a stream; see sending.py."},
    {Py_tp_init, Sending_init},
    {Py_tp_dealloc, Sending_dealloc},
    {Py_tp_methods, Sending_methods},
    {Py_tp_members, Sending_members},
    {0, NULL},
};

static PyType_Spec Sending_spec = {
    .name = "bridge.call._sending.Sending",
    .basicsize = sizeof(Sending),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Sending_slots,
};

static int prepare(PyObject *module)
{
    const uint16_t one = 1;
    if (*(const unsigned char *)&one != 1) {
        /* They are written as they are in memory. */
        PyErr_SetString(PyExc_ImportError, "samples on the wire are little-endian");
        return -1;
    }
    PyObject *fir = PyImport_ImportModule("bridge.audio._fir");
    if (fir == NULL)
        return -1;
    PyObject *shared = PyObject_GetAttrString(fir, "filter_into");
    Py_DECREF(fir);
    if (shared == NULL)
        return -1;
    filter_into = (FilterInto)PyCapsule_GetPointer(shared, FILTER_INTO);
    Py_DECREF(shared);
    if (filter_into == NULL)
        return -1;
    PyObject *type = PyType_FromSpec(&Sending_spec);
    if (type == NULL || PyModule_AddObjectRef(module, "Sending", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, prepare}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.call._sending", NULL, 0, NULL, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__sending(void)
{
    return PyModuleDef_Init(&module);
}
