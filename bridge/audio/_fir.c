/* The polyphase filter of resampling.py, compiled; and g711.py's tables, looked up.
 *
 * A block of `down` input samples gives `up` output samples, each the product of what
 * was heard last with a column of the matrix. numpy spends most of its time on making
 * and checking arrays of 160 numbers; here a frame is a few plain loops, laid out so
 * that any compiler makes vectors of them:
 *
 *   - the input is kept by residue, lane q holding every `down`-th sample from the q-th
 *     on, so that one tap of all blocks reads consecutive numbers;
 *   - sums run over many blocks at once, one tap after the other, so that no sum is
 *     re-ordered and the compiler needs no licence to be inexact;
 *   - all that a frame needs is on the stack, and the taps are everybody's: with
 *     hundreds of streams it is not arithmetic that costs, but memory that others have
 *     used since. A stream's own is what its filter remembers, some 200 bytes.
 *
 * Samples are int16 in host byte order, sums are float; rounding is to nearest even and
 * saturates, as in pcm.py. Only the stable ABI is used: one build serves every Python
 * from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_fir.h"

/* The most that resampling.py asks for: 8 <-> 48 kHz, 24 taps of the slower rate. */
#define MOST_DOWN 6
#define MOST_MEMORY 24

/* So many blocks are filtered at a time, 20 ms at 8 kHz... */
#define PIECE 160

/* ...and so many sums stay in registers while all taps pass. The last tile reads beyond
 * the last block, and what it makes of that is not used. */
#define TILE 32

#define LANE (MOST_MEMORY + PIECE + TILE)

typedef struct {
    PyObject_HEAD
    Py_ssize_t up, down, memory; /* memory: blocks remembered of each lane */
    Py_buffer taps;              /* [up][down][memory + 1] floats, everybody's */
    float heard[MOST_DOWN * MOST_MEMORY];
} Filter;

/* Every processor of today has vectors of four; GCC and Clang must be told to keep them
 * in registers, others get an array. */
#if defined(__GNUC__)
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
#define ADD_PRODUCT(sum, tap, heard) (sum) += (tap) * *(const Eight *)(heard)
#else
typedef struct { float at[8]; } Eight;
#define ADD_PRODUCT(sum, tap, heard) \
    for (int i = 0; i < 8; i++) (sum).at[i] += (tap) * (heard)[i]
#endif

/* Most have vectors of eight, too: where a library can choose as it is loaded, both are
 * compiled. They come to the same, bit by bit. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* One output of every block: sums[b] = the taps times the b-th window of the lanes. */
static inline void sum_taps(const float *tap, Py_ssize_t down, Py_ssize_t memory,
                     const float *lanes, Py_ssize_t blocks, float *sums)
{
    const float *first = tap;
    for (Py_ssize_t begin = 0; begin < blocks; begin += TILE, sums += TILE) {
        Eight a = {0.0f}, b = {0.0f}, c = {0.0f}, d = {0.0f};
        tap = first;
        for (Py_ssize_t q = 0; q < down; q++) {
            const float *heard = lanes + q * LANE + begin;
            for (const float *last = heard + memory; heard <= last; heard++, tap++) {
                ADD_PRODUCT(a, *tap, heard);
                ADD_PRODUCT(b, *tap, heard + 8);
                ADD_PRODUCT(c, *tap, heard + 16);
                ADD_PRODUCT(d, *tap, heard + 24);
            }
        }
        memcpy(sums, &a, sizeof a);
        memcpy(sums + 8, &b, sizeof b);
        memcpy(sums + 16, &c, sizeof c);
        memcpy(sums + 24, &d, sizeof d);
    }
}

/* Adding and taking away 1.5 * 2^23 leaves no room for a fraction: the float is rounded
 * to nearest even, as lrintf() does, which is a call for each sample. */
static int16_t saturated(float value)
{
    const float whole = 12582912.0f;
    value = value < -32768.0f ? -32768.0f : value;
    value = value > 32767.0f ? 32767.0f : value;
    return (int16_t)(int32_t)((value + whole) - whole);
}

FOR_EACH_PROCESSOR
static void filter_piece(Filter *self, const int16_t *heard, Py_ssize_t blocks,
                         int16_t *said)
{
    const Py_ssize_t up = self->up, down = self->down, memory = self->memory;
    const float *taps = self->taps.buf;
    float lanes[MOST_DOWN * LANE], sums[PIECE + TILE];
    for (Py_ssize_t q = 0; q < down; q++) {
        float *lane = lanes + q * LANE;
        memcpy(lane, self->heard + q * memory, (size_t)memory * sizeof(float));
        for (Py_ssize_t b = 0; b < blocks; b++)
            lane[memory + b] = heard[b * down + q];
        memset(lane + memory + blocks, 0, TILE * sizeof(float));
        memcpy(self->heard + q * memory, lane + blocks, (size_t)memory * sizeof(float));
    }
    for (Py_ssize_t r = 0; r < up; r++) {
        sum_taps(taps + r * down * (memory + 1), down, memory, lanes, blocks, sums);
        for (Py_ssize_t b = 0; b < blocks; b++)
            said[b * up + r] = saturated(sums[b]);
    }
}

static void filter_all(Filter *self, const int16_t *heard, Py_ssize_t blocks,
                       int16_t *said)
{
    for (Py_ssize_t done = 0; done < blocks; done += PIECE) {
        const Py_ssize_t count = blocks - done < PIECE ? blocks - done : PIECE;
        filter_piece(self, heard + done * self->down, count, said + done * self->up);
    }
}

static PyObject *Filter_process(Filter *self, PyObject *samples)
{
    Py_buffer in;
    if (self->taps.buf == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a filter without taps");
        return NULL;
    }
    if (PyObject_GetBuffer(samples, &in, PyBUF_SIMPLE) < 0)
        return NULL;
    const Py_ssize_t blocks = in.len / 2 / self->down;
    PyObject *out = NULL;
    if (in.len % (2 * self->down))
        PyErr_SetString(PyExc_ValueError, "no whole number of blocks");
    else
        out = PyByteArray_FromStringAndSize(NULL, blocks * self->up * 2);
    if (out != NULL)
        filter_all(self, in.buf, blocks, (int16_t *)PyByteArray_AsString(out));
    PyBuffer_Release(&in);
    return out;
}

static PyObject *Filter_reset(Filter *self, PyObject *Py_UNUSED(nothing))
{
    memset(self->heard, 0, sizeof self->heard);
    Py_RETURN_NONE;
}

static int Filter_init(Filter *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"taps", "up", "down", NULL};
    Py_ssize_t up, down;
    Py_buffer taps;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*nn", names, &taps, &up, &down))
        return -1;
    const Py_ssize_t count = taps.len / (Py_ssize_t)sizeof(float);
    if (self->taps.buf != NULL || up < 1 || down < 1 || down > MOST_DOWN ||
        up > count / down || count % (up * down) ||
        taps.len % (Py_ssize_t)sizeof(float) ||
        count / (up * down) - 1 > MOST_MEMORY) {
        PyErr_SetString(PyExc_ValueError, "no taps for whole blocks of a small ratio");
        PyBuffer_Release(&taps);
        return -1;
    }
    self->up = up;
    self->down = down;
    self->memory = count / (up * down) - 1;
    self->taps = taps;
    return 0;
}

static void Filter_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&((Filter *)object)->taps);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* For modules in C: a FilterInto of _fir.h. */
static int filter_into(PyObject *filter, const int16_t *heard, Py_ssize_t count,
                       int16_t *said, Py_ssize_t room)
{
    if (PyType_GetSlot(Py_TYPE(filter), Py_tp_dealloc) != (void *)Filter_dealloc)
        return 0;
    Filter *self = (Filter *)filter;
    if (self->taps.buf == NULL || count % self->down ||
        count / self->down * self->up != room)
        return 0;
    filter_all(self, heard, room / self->up, said);
    return 1;
}

PyDoc_STRVAR(process_doc,
"Filter the next int16 samples (anything with a buffer, a multiple of `down`).\n\n"
"Returns `up / down` times as many, as the bytes of int16.");

static PyMethodDef Filter_methods[] = {
    {"process", (PyCFunction)Filter_process, METH_O, process_doc},
    {"reset", (PyCFunction)Filter_reset, METH_NOARGS, "Go back to silence."},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(filter_doc,
"Filter(taps, up, down): float32 of shape (up, down, n); the matrix of\n"
"`resampling.phases`, by output, residue of the input, and age, oldest first.");

static PyType_Slot Filter_slots[] = {
    {Py_tp_doc, (void *)filter_doc},
    {Py_tp_init, Filter_init},
    {Py_tp_dealloc, Filter_dealloc},
    {Py_tp_methods, Filter_methods},
    {0, NULL},
};

static PyType_Spec Filter_spec = {
    .name = "bridge.audio._fir.Filter",
    .basicsize = sizeof(Filter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Filter_slots,
};

/* G.711 by table, as g711.py makes them: a byte for each sample, and back. */
static PyObject *expand(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer codes, values;
    PyObject *out = NULL;
    if (!PyArg_ParseTuple(args, "y*y*", &codes, &values))
        return NULL;
    if (values.len != 256 * 2)
        PyErr_SetString(PyExc_ValueError, "a table has 256 values");
    else
        out = PyByteArray_FromStringAndSize(NULL, codes.len * 2);
    if (out != NULL) {
        int16_t *said = (int16_t *)PyByteArray_AsString(out);
        for (Py_ssize_t i = 0; i < codes.len; i++)
            said[i] = ((const int16_t *)values.buf)[((const uint8_t *)codes.buf)[i]];
    }
    PyBuffer_Release(&codes);
    PyBuffer_Release(&values);
    return out;
}

static PyObject *compress(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer samples, codes;
    PyObject *out = NULL;
    if (!PyArg_ParseTuple(args, "y*y*", &samples, &codes))
        return NULL;
    if (codes.len != 65536 || samples.len % 2)
        PyErr_SetString(PyExc_ValueError, "a table has a code for each int16");
    else
        out = PyBytes_FromStringAndSize(NULL, samples.len / 2);
    if (out != NULL) {
        uint8_t *said = (uint8_t *)PyBytes_AsString(out);
        for (Py_ssize_t i = 0; i < samples.len / 2; i++)
            said[i] = ((const uint8_t *)codes.buf)[((const uint16_t *)samples.buf)[i]];
    }
    PyBuffer_Release(&samples);
    PyBuffer_Release(&codes);
    return out;
}

static PyMethodDef functions[] = {
    {"expand", expand, METH_VARARGS,
     "expand(codes, values): int16 of each code, by a table of 256."},
    {"compress", compress, METH_VARARGS,
     "compress(samples, codes): the code of each int16, by a table of 65536."},
    {NULL, NULL, 0, NULL},
};

static int add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&Filter_spec);
    if (type == NULL || PyModule_AddObjectRef(module, "Filter", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    PyObject *shared = PyCapsule_New((void *)filter_into, FILTER_INTO, NULL);
    if (shared == NULL || PyModule_AddObjectRef(module, "filter_into", shared) < 0) {
        Py_XDECREF(shared);
        return -1;
    }
    Py_DECREF(shared);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_types}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.audio._fir", NULL, 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__fir(void)
{
    return PyModuleDef_Init(&module);
}
