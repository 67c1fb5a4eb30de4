/* AMX tiles of bf16 numbers (Intel's Architecture Instruction Set Extensions, chapter 3): a tile of 16 rows by 32 numbers times one of 16 rows of 16
 * pairs adds to 16 rows by 16 floats. What is kept so: `cells`, uint16_t. These files are built for AVX-512, AVX512_BF16 and AMX alone. */
#ifndef HL_AMX_TILES_H
#define HL_AMX_TILES_H

#include <immintrin.h>

#include "kernels/blas/blas.h"
#include "kernels/blas/vector.h"

enum {
    TILE = 16,                 /* rows of a tile; floats of a row of sums */
    DEPTH = 32,                /* cells of a row */
    TILE_CELLS = TILE * DEPTH, /* 1 KB */
};

/* All eight tiles whole. Between these two a thread may multiply; a switch to another thread keeps its tiles. */
static inline void tiles_begin(void) {
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}
static inline void tiles_end(void) { _tile_release(); }

/* The first four, which are summed in. */
static inline void tiles_clear(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

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
