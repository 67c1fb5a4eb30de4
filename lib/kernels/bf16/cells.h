/* Floats to bf16 numbers as products (products.h) take them. */
#ifndef HL_BF16_CELLS_H
#define HL_BF16_CELLS_H

#include <immintrin.h>

#include "kernels/bf16/products.h"
#include "kernels/blas/vector.h"

/* Cells of even and odd places side by side: lane c's two are those of a and of b. */
static inline __m512i cells_paired(vector a, vector b) {
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a); /* a's, then b's */
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, both);
}

/* 16 rows of pairs to a tile whose rows are lanes: row i lane j goes to row j's pair i. */
static inline void cells_transposed(vector rows[LANES], uint16_t *to, int64_t row_cells) {
    vector_transpose(rows);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) vector_store((float *)(void *)(to + i * row_cells), rows[i]);
}

/* `count` floats to cells, zeros to the next multiple of DEPTH. */
static inline void cells_of(const float *from, int64_t count, uint16_t *to) {
    for (int64_t i = 0; i < count; i += DEPTH) {
        int left = count - i < DEPTH ? (int)(count - i) : DEPTH;
        vector low = vector_load_some(from + i, left), high = left > LANES ? vector_load_some(from + i + LANES, left - LANES) : (vector){0};
        _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
    }
}

#endif
