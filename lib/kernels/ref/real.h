/* The number type of the plain kernels, which are built twice: in float, and with HL_REF_DOUBLE in double. */
#ifndef HL_REF_REAL_H
#define HL_REF_REAL_H

#include "kernels/kernels.h"

#ifdef HL_REF_DOUBLE
typedef double real;
#define HL_REF(name) hl_ref_##name##_f64
#else
typedef float real;
#define HL_REF(name) hl_ref_##name##_f32
#endif

/* The channels of one pixel. */
static inline real *pixel_at(const hl_view *view, int n, int y, int x) {
    return (real *)view->data + (((int64_t)n * view->h + y) * view->w + x) * view->stride;
}
/* The first pixel of row `row` of n * h. */
static inline real *row_at(const hl_view *view, int64_t row) { return (real *)view->data + row * view->w * view->stride; }
static inline int64_t rows_of(const hl_view *view) { return (int64_t)view->n * view->h; }

#endif
