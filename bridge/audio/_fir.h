/* What modules in C have of _fir.c: its filter, without the way through Python. */
#include <Python.h>
#include <stdint.h>

/* A capsule of that module, holding a FilterInto. */
#define FILTER_INTO "bridge.audio._fir.filter_into"

/* Filter `count` samples, which must give `room` of them; 0 if they would not, or if that
 * is no `Filter`, and then nothing has happened. */
typedef int (*FilterInto)(PyObject *filter, const int16_t *heard, Py_ssize_t count,
                          int16_t *said, Py_ssize_t room);
