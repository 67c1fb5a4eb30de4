/* Writing what is transformed to Winograd's planes. */
#ifndef HL_BLAS_WINOGRAD_PLANES_H
#define HL_BLAS_WINOGRAD_PLANES_H

#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

/* Asks for the lines that are written, before they are computed: on Intel's processors a store that misses holds up those behind it. On
 * AMD's asking takes longer. */
INLINE void await_planes(const float *to, int64_t plane) {
    if (is_amd()) return;
#pragma GCC unroll 36
    for (int k = 0; k < PLANES; k++, to = hidden(to + plane)) __builtin_prefetch(to, 1, 3);
}

/* Rows of values whose columns are transformed, one result to a plane. */
INLINE void rows_to_planes(transform *one, int size, const vector *mid, float *to, int64_t plane) {
#pragma GCC unroll 6
    for (int y = 0; y < PATCH; y++) {
        vector row[PATCH];
        one(mid + y * size, 1, row, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++, to = (float *)hidden(to + plane)) vector_store(to, row[x]);
    }
}

#endif
