/* Frames that are as foreseen, taken apart without parsing. See prediction.py.
 *
 * What a frame says beside its numbers and its sound, it says in the same bytes as the
 * one before: these are compared, and what lies between is read. Whatever is not
 * exactly as foreseen, in form or in number, is left alone, and nothing is noted.
 *
 * Only the stable ABI is used: one build serves every Python from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Kinds of fields, as prediction.py names them. */
enum { SEQUENCE_NUMBER, CHUNK, TIMESTAMP, PAYLOAD, KINDS };

/* So many digits make no more than 2^53, and no number but zero begins with zero. */
#define MOST_DIGITS 15

/* What a frame says beside its fields; Plivo's do in some 200 bytes, and up to 512 more
 * where the call has headers. */
#define MOST_BYTES 800

/* A frame of WebSocket that is longer is left to others; the longest of Plivo's are 20 ms
 * at 16 kHz, some 1100 bytes. */
#define MOST_FRAMED 4000
#define HEAD_BYTES 8

typedef struct {
    PyObject_HEAD
    Py_ssize_t sample_bytes, bytes_per_ms, step_ms, size_limit;
    long long last[PAYLOAD]; /* by kind; less than 0: none came */
    long long duration_ms;
    unsigned char count;            /* of fields; 0: nothing is foreseen */
    unsigned char kinds[KINDS];     /* in their order */
    uint16_t ends[KINDS + 1];       /* of what stands before each, and behind all */
    char bytes[MOST_BYTES];
} Predictor;

#define AT(c, v) [c] = (v) + 1
/* One more than the value of a letter of base64; 0 for what is none. */
static const unsigned char VALUES[256] = {
    AT('A', 0),  AT('B', 1),  AT('C', 2),  AT('D', 3),  AT('E', 4),  AT('F', 5),
    AT('G', 6),  AT('H', 7),  AT('I', 8),  AT('J', 9),  AT('K', 10), AT('L', 11),
    AT('M', 12), AT('N', 13), AT('O', 14), AT('P', 15), AT('Q', 16), AT('R', 17),
    AT('S', 18), AT('T', 19), AT('U', 20), AT('V', 21), AT('W', 22), AT('X', 23),
    AT('Y', 24), AT('Z', 25), AT('a', 26), AT('b', 27), AT('c', 28), AT('d', 29),
    AT('e', 30), AT('f', 31), AT('g', 32), AT('h', 33), AT('i', 34), AT('j', 35),
    AT('k', 36), AT('l', 37), AT('m', 38), AT('n', 39), AT('o', 40), AT('p', 41),
    AT('q', 42), AT('r', 43), AT('s', 44), AT('t', 45), AT('u', 46), AT('v', 47),
    AT('w', 48), AT('x', 49), AT('y', 50), AT('z', 51), AT('0', 52), AT('1', 53),
    AT('2', 54), AT('3', 55), AT('4', 56), AT('5', 57), AT('6', 58), AT('7', 59),
    AT('8', 60), AT('9', 61), AT('+', 62), AT('/', 63),
};

/* The number that begins here, or -1; `*end` is behind it. */
static long long number(const char *at, const char *last, const char **end)
{
    const char *first = at;
    long long value = 0;
    while (at < last && *at >= '0' && *at <= '9' && at - first <= MOST_DIGITS)
        value = value * 10 + (*at++ - '0');
    *end = at;
    const Py_ssize_t digits = at - first;
    if (digits < 1 || digits > MOST_DIGITS || (digits > 1 && *first == '0'))
        return -1;
    return value;
}

/* Four letters at a time, the last four perhaps with padding; 0 if that is no base64. */
static int decode(const unsigned char *text, Py_ssize_t letters, unsigned char *out)
{
    const unsigned char *whole = text + (letters - 4);
    for (; text < whole; text += 4, out += 3) {
        const unsigned a = VALUES[text[0]], b = VALUES[text[1]], c = VALUES[text[2]],
                       d = VALUES[text[3]];
        if (!a || !b || !c || !d)
            return 0;
        const uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
    }
    const int padding = (text[3] == '=') + (text[3] == '=' && text[2] == '=');
    const unsigned a = VALUES[text[0]], b = VALUES[text[1]],
                   c = padding > 1 ? 1 : VALUES[text[2]],
                   d = padding > 0 ? 1 : VALUES[text[3]];
    if (!a || !b || !c || !d)
        return 0;
    const uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
    /* Bits that stand for nothing are zero in what an encoder wrote. */
    if (padding && bits & (padding > 1 ? 0xffff : 0xff))
        return 0;
    out[0] = (unsigned char)(bits >> 16);
    if (padding < 2)
        out[1] = (unsigned char)(bits >> 8);
    if (padding < 1)
        out[2] = (unsigned char)bits;
    return 1;
}

static PyObject *take(Predictor *self, const char *at, Py_ssize_t size)
{
    if (!self->count || size >= self->size_limit)
        Py_RETURN_NONE;
    const char *last = at + size, *payload = NULL, *known = self->bytes;
    long long found[PAYLOAD];
    Py_ssize_t letters = 0;
    memcpy(found, self->last, sizeof found);
    for (int i = 0;; i++) {
        const Py_ssize_t length = self->bytes + self->ends[i] - known;
        if (last - at < length || memcmp(at, known, (size_t)length))
            Py_RETURN_NONE;
        at += length;
        known += length;
        if (i == self->count)
            break;
        const int kind = self->kinds[i];
        if (kind == PAYLOAD) {
            const char *end = memchr(at, '"', (size_t)(last - at));
            if (end == NULL)
                Py_RETURN_NONE;
            payload = at;
            letters = end - at;
            at = end;
        } else {
            found[kind] = number(at, last, &at);
            /* One more than the last; time is looked at below. */
            if (found[kind] < 0 || self->last[kind] < 0 ||
                (kind != TIMESTAMP && found[kind] != self->last[kind] + 1))
                Py_RETURN_NONE;
        }
    }
    const long long late_ms = found[TIMESTAMP] - self->last[TIMESTAMP];
    if (found[TIMESTAMP] >= 0 && (late_ms - self->duration_ms > self->step_ms ||
                                  self->duration_ms - late_ms > self->step_ms))
        Py_RETURN_NONE;
    if (at != last || letters < 4 || letters % 4)
        Py_RETURN_NONE;
    const Py_ssize_t bytes = letters / 4 * 3 - (payload[letters - 1] == '=') -
                             (payload[letters - 2] == '=');
    if (bytes % self->sample_bytes)
        Py_RETURN_NONE;
    PyObject *decoded = PyBytes_FromStringAndSize(NULL, bytes);
    if (decoded == NULL)
        return NULL;
    if (!decode((const unsigned char *)payload, letters,
                (unsigned char *)PyBytes_AsString(decoded))) {
        Py_DECREF(decoded);
        Py_RETURN_NONE;
    }
    memcpy(self->last, found, sizeof found);
    self->duration_ms = bytes / self->bytes_per_ms;
    return decoded;
}

static PyObject *Predictor_take(Predictor *self, PyObject *text)
{
    char *at;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(text, &at, &size) < 0)
        return NULL;
    return take(self, at, size);
}

/* RFC 6455, 5.2: a whole text, masked, whose length takes two bytes. */
static PyObject *Predictor_take_framed(Predictor *self, PyObject *data)
{
    const unsigned char *at;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(data, (char **)&at, &size) < 0)
        return NULL;
    const Py_ssize_t length = size - HEAD_BYTES;
    if (length < 126 || length > MOST_FRAMED || at[0] != 0x81 || at[1] != 0xfe ||
        (at[2] << 8 | at[3]) != length)
        Py_RETURN_NONE;
    uint64_t text[MOST_FRAMED / 8 + 1], mask;
    memcpy(&mask, at + 4, 4);
    memcpy((char *)&mask + 4, at + 4, 4);
    text[length / 8] = 0;
    memcpy(text, at + HEAD_BYTES, (size_t)length);
    for (Py_ssize_t i = 0; i <= length / 8; i++)
        text[i] ^= mask;
    return take(self, (const char *)text, length);
}

static PyObject *Predictor_foresee(Predictor *self, PyObject *args)
{
    const char *bytes;
    const unsigned char *kinds;
    const uint16_t *ends;
    Py_ssize_t size, count, ends_bytes;
    long long last[PAYLOAD], duration_ms;
    self->count = 0;
    if (!PyArg_ParseTuple(args, "y#y#y#LLLL", &bytes, &size, &kinds, &count, &ends,
                          &ends_bytes, &last[SEQUENCE_NUMBER], &last[CHUNK],
                          &last[TIMESTAMP], &duration_ms))
        return NULL;
    int seen = 0, is_sound = size <= MOST_BYTES && count <= KINDS &&
                             ends_bytes == (count + 1) * (Py_ssize_t)sizeof *ends;
    for (Py_ssize_t i = 0; is_sound && i <= count; i++) {
        const uint16_t begin = i ? ends[i - 1] : 0;
        is_sound = ends[i] >= begin && ends[i] <= size && (i < count || ends[i] == size);
        if (i < count) {
            is_sound = is_sound && kinds[i] < KINDS && !(seen & 1 << kinds[i]);
            seen |= 1 << kinds[i];
        }
    }
    if (!is_sound || !(seen & 1 << PAYLOAD)) {
        PyErr_SetString(PyExc_ValueError, "no frame looks like that");
        return NULL;
    }
    if (self->sample_bytes < 1) {
        PyErr_SetString(PyExc_ValueError, "samples have bytes");
        return NULL;
    }
    memcpy(self->bytes, bytes, (size_t)size);
    memcpy(self->kinds, kinds, (size_t)count);
    memcpy(self->ends, ends, (size_t)ends_bytes);
    memcpy(self->last, last, sizeof last);
    self->duration_ms = duration_ms;
    self->count = (unsigned char)count;
    Py_RETURN_NONE;
}

static PyObject *Predictor_forget(Predictor *self, PyObject *Py_UNUSED(nothing))
{
    self->count = 0;
    Py_RETURN_NONE;
}

static PyObject *Predictor_last(Predictor *self, PyObject *Py_UNUSED(nothing))
{
    return Py_BuildValue("LLLL", self->last[SEQUENCE_NUMBER], self->last[CHUNK],
                         self->last[TIMESTAMP], self->duration_ms);
}

static int Predictor_init(Predictor *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"sample_bytes", "bytes_per_ms", "step_ms", "size_limit",
                            NULL};
    Py_ssize_t sample_bytes, bytes_per_ms;
    self->count = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "nnnn", names, &sample_bytes,
                                     &bytes_per_ms, &self->step_ms, &self->size_limit))
        return -1;
    if (sample_bytes < 1 || bytes_per_ms < 1) {
        PyErr_SetString(PyExc_ValueError, "samples have bytes");
        return -1;
    }
    self->sample_bytes = sample_bytes;
    self->bytes_per_ms = bytes_per_ms;
    return 0;
}

static void Predictor_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(take_doc,
"Take a frame apart: its payload's bytes, or None if it is not as foreseen.");

PyDoc_STRVAR(take_framed_doc,
"Do the same with a masked frame of WebSocket, if the data is that and nothing else.");

PyDoc_STRVAR(foresee_doc,
"foresee(known, kinds, ends, sequence_number, chunk, timestamp, duration_ms)\n\n"
"What frames look like from now on, and the last numbers; less than 0 where none came.");

static PyMethodDef Predictor_methods[] = {
    {"take", (PyCFunction)Predictor_take, METH_O, take_doc},
    {"take_framed", (PyCFunction)Predictor_take_framed, METH_O, take_framed_doc},
    {"foresee", (PyCFunction)Predictor_foresee, METH_VARARGS, foresee_doc},
    {"forget", (PyCFunction)Predictor_forget, METH_NOARGS, "Foresee nothing."},
    {"last", (PyCFunction)Predictor_last, METH_NOARGS,
     "Numbers of the last frame: sequence number, chunk, timestamp, length in ms."},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(predictor_doc,
"Predictor(sample_bytes, bytes_per_ms, step_ms, size_limit): of a stream's frames.\n\n"
"One that is `size_limit` bytes long is not foreseen, nor one whose time is more than\n"
"`step_ms` away from where it should be.");

static PyType_Slot Predictor_slots[] = {
    {Py_tp_doc, (void *)predictor_doc},
    {Py_tp_init, Predictor_init},
    {Py_tp_dealloc, Predictor_dealloc},
    {Py_tp_methods, Predictor_methods},
    {0, NULL},
};

static PyType_Spec Predictor_spec = {
    .name = "bridge.stream._prediction.Predictor",
    .basicsize = sizeof(Predictor),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Predictor_slots,
};

static int add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&Predictor_spec);
    if (type == NULL || PyModule_AddObjectRef(module, "Predictor", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_types}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.stream._prediction", NULL, 0, NULL, slots, NULL, NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__prediction(void)
{
    return PyModuleDef_Init(&module);
}
