/* The polyphase filter of resampling.py, compiled.
 *
 * A block of `down` input samples gives `up` output samples, each the product of the
 * last `width` inputs with a column of the matrix. numpy spends most of its time on
 * making and checking arrays of 160 numbers; here a frame is two passes of plain loops,
 * laid out so that any compiler makes vectors of them:
 *
 *   - the input is kept by residue, lane q holding every `down`-th sample from the q-th
 *     on, so that the k-th tap of all blocks reads consecutive numbers;
 *   - sums run over all blocks at once, one tap after the other, so that no sum is
 *     re-ordered and the compiler needs no licence to be inexact.
 *
 * Samples are int16 in host byte order, sums are float; rounding is to nearest even and
 * saturates, as in pcm.py. Only the stable ABI is used: one build serves every Python
 * from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    Py_ssize_t up, down, width, memory; /* memory: blocks remembered in each lane */
    float *taps;                        /* [up][width] */
    float *lanes;                       /* [down][room]: what was heard, then the chunk */
    float *sums;                        /* [room] */
    int16_t *samples;                   /* [room] */
    Py_ssize_t room;                    /* blocks that fit into a lane */
} Filter;

/* So many sums at a time stay in registers while all taps pass. The last tile reads
 * beyond the last block, and what it makes of that is not used. */
#define TILE 16

static int make_room(Filter *self, Py_ssize_t blocks)
{
    Py_ssize_t room = self->memory + blocks + TILE;
    if (room <= self->room)
        return 0;
    float *lanes = PyMem_Calloc((size_t)(self->down * room), sizeof(float));
    float *sums = PyMem_Realloc(self->sums, (size_t)room * sizeof(float));
    int16_t *samples = PyMem_Realloc(self->samples, (size_t)room * sizeof(int16_t));
    if (sums != NULL)
        self->sums = sums;
    if (samples != NULL)
        self->samples = samples;
    if (lanes == NULL || sums == NULL || samples == NULL) {
        PyMem_Free(lanes);
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t q = 0; q < self->down && self->lanes != NULL; q++)
        memcpy(lanes + q * room, self->lanes + q * self->room,
               (size_t)self->memory * sizeof(float));
    PyMem_Free(self->lanes);
    self->lanes = lanes;
    self->room = room;
    return 0;
}

/* Every processor of today has vectors of four; GCC and Clang must be told to keep them
 * in registers, others get an array. */
#if defined(__GNUC__)
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
#define ADD_PRODUCT(sum, tap, heard) (sum) += (tap) * *(const Four *)(heard)
#else
typedef struct { float at[4]; } Four;
#define ADD_PRODUCT(sum, tap, heard) \
    for (int i = 0; i < 4; i++) (sum).at[i] += (tap) * (heard)[i]
#endif

/* One output of every block: sums[b] = the matrix' column times the b-th window. */
static void sum_taps(const Filter *self, const float *taps, Py_ssize_t blocks)
{
    for (Py_ssize_t begin = 0; begin < blocks; begin += TILE) {
        Four a = {0.0f}, b = {0.0f}, c = {0.0f}, d = {0.0f};
        const float *earliest = self->lanes + begin;
        for (Py_ssize_t k = 0; k < self->width; earliest++) {
            const float *heard = earliest;
            for (Py_ssize_t q = 0; q < self->down && k < self->width; q++, k++) {
                const float tap = taps[k];
                ADD_PRODUCT(a, tap, heard);
                ADD_PRODUCT(b, tap, heard + 4);
                ADD_PRODUCT(c, tap, heard + 8);
                ADD_PRODUCT(d, tap, heard + 12);
                heard += self->room;
            }
        }
        float *sums = self->sums + begin;
        memcpy(sums, &a, sizeof a);
        memcpy(sums + 4, &b, sizeof b);
        memcpy(sums + 8, &c, sizeof c);
        memcpy(sums + 12, &d, sizeof d);
    }
}

/* Adding and taking away 1.5 * 2^23 leaves no room for a fraction: the float is rounded
 * to nearest even, as lrintf() does, which is a call for each sample. */
static void saturate(const float *restrict sums, int16_t *restrict samples,
                     Py_ssize_t count)
{
    const float whole = 12582912.0f;
    for (Py_ssize_t i = 0; i < count; i++) {
        float value = sums[i];
        value = value < -32768.0f ? -32768.0f : value;
        value = value > 32767.0f ? 32767.0f : value;
        samples[i] = (int16_t)(int32_t)((value + whole) - whole);
    }
}

static PyObject *Filter_process(Filter *self, PyObject *samples)
{
    Py_buffer in;
    if (PyObject_GetBuffer(samples, &in, PyBUF_SIMPLE) < 0)
        return NULL;
    const int16_t *heard = in.buf;
    const Py_ssize_t blocks = in.len / 2 / self->down;
    PyObject *out = NULL;
    if (in.len % (2 * self->down))
        PyErr_SetString(PyExc_ValueError, "no whole number of blocks");
    else if (make_room(self, blocks) == 0)
        out = PyByteArray_FromStringAndSize(NULL, blocks * self->up * 2);
    if (out != NULL) {
        int16_t *said = (int16_t *)PyByteArray_AsString(out);
        for (Py_ssize_t q = 0; q < self->down; q++) {
            float *lane = self->lanes + q * self->room + self->memory;
            for (Py_ssize_t b = 0; b < blocks; b++)
                lane[b] = heard[b * self->down + q];
        }
        for (Py_ssize_t r = 0; r < self->up; r++) {
            sum_taps(self, self->taps + r * self->width, blocks);
            saturate(self->sums, self->up == 1 ? said : self->samples, blocks);
            for (Py_ssize_t b = 0; b < blocks && self->up > 1; b++)
                said[b * self->up + r] = self->samples[b];
        }
        for (Py_ssize_t q = 0; q < self->down; q++) {
            float *lane = self->lanes + q * self->room;
            memmove(lane, lane + blocks, (size_t)self->memory * sizeof(float));
        }
    }
    PyBuffer_Release(&in);
    return out;
}

static PyObject *Filter_reset(Filter *self, PyObject *Py_UNUSED(nothing))
{
    if (self->lanes != NULL)
        memset(self->lanes, 0, (size_t)(self->down * self->room) * sizeof(float));
    Py_RETURN_NONE;
}

static int Filter_init(Filter *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"matrix", "up", "down", NULL};
    Py_buffer matrix;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*nn", names, &matrix,
                                     &self->up, &self->down))
        return -1;
    const Py_ssize_t taps = matrix.len / (Py_ssize_t)sizeof(float);
    int made = -1;
    if (self->taps != NULL || self->up < 1 || self->down < 1 || taps % self->up ||
        (self->width = taps / self->up) < self->down ||
        (self->width - self->down) % self->down)
        PyErr_SetString(PyExc_ValueError, "no matrix of whole blocks");
    else if ((self->taps = PyMem_Malloc((size_t)matrix.len)) == NULL)
        PyErr_NoMemory();
    else {
        const float *rows = matrix.buf;
        for (Py_ssize_t k = 0; k < self->width; k++)
            for (Py_ssize_t r = 0; r < self->up; r++)
                self->taps[r * self->width + k] = rows[k * self->up + r];
        self->memory = self->width / self->down - 1;
        made = make_room(self, 0);
    }
    PyBuffer_Release(&matrix);
    return made;
}

static void Filter_dealloc(PyObject *object)
{
    Filter *self = (Filter *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->taps);
    PyMem_Free(self->lanes);
    PyMem_Free(self->sums);
    PyMem_Free(self->samples);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
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
"Filter(matrix, up, down): the matrix of `resampling.phases`, float32, row by row.");

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

static int add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&Filter_spec);
    if (type == NULL || PyModule_AddObjectRef(module, "Filter", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_types}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "bridge.audio._fir", NULL, 0, NULL, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__fir(void)
{
    return PyModuleDef_Init(&module);
}
