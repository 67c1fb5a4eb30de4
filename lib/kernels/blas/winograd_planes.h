/* Transforming values to Winograd's planes: two rows of a tile at a time. */
#ifndef HL_BLAS_WINOGRAD_PLANES_H
#define HL_BLAS_WINOGRAD_PLANES_H

#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

/* Asks for the lines that are written, before they are computed: on Intel's processors a store that misses holds up those behind it. On
 * AMD's asking takes longer. */
INLINE void await_planes(const float *to, int64_t plane) {
    if (is_amd()) return;
#pragma GCC unroll 36
    for (int k = 0; k < PLANES; k++) __builtin_prefetch(to + k * plane, 1, 3);
}

/* Rows a and b of a transform's 6 x 6 results, each to its planes, of size x size values: value (y, x) is at rows[y] + columns[x]. The 12 numbers between
 * stay in registers, where 36 would not. `ahead`: floats from a value to the next tile's, where that is to be asked for; or 0, a constant. */
INLINE void two_rows(transform *one, int size, int a, int b, const float *const *rows, const int64_t *columns, int64_t ahead, float *to, int64_t plane) {
    vector mid[2][PATCH];
#pragma GCC unroll 6
    for (int x = 0; x < size; x++) {
        vector column[PATCH], all[PATCH]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int y = 0; y < size; y++) {
            if (ahead && x >= size - TILE) __builtin_prefetch(rows[y] + columns[x] + ahead);
            column[y] = vector_load(rows[y] + columns[x]);
        }
        one(column, 1, all, 1);
        mid[0][x] = all[a], mid[1][x] = all[b];
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vector line[PATCH];
        float *next = to + (i ? b : a) * PATCH * plane;
        one(mid[i], 1, line, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++, next = (float *)hidden(next + plane)) vector_store(next, line[x]);
    }
}

/* All of them, of values that lie `row` and `pixel` apart. Rows that have sums in common go together. Addresses are hidden from the compiler, which would
 * else make all 72 ahead of the loop over panels, and read them from the stack again. */
INLINE void to_planes(transform *one, int size, const float *values, int64_t row, int64_t pixel, int64_t ahead, float *to, int64_t plane) {
    const float *rows[PATCH];
    int64_t columns[PATCH];
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) rows[i] = hidden(values + i * row), columns[i] = i * pixel;
    two_rows(one, size, 1, 2, rows, columns, ahead, to, plane);
    two_rows(one, size, 3, 4, rows, columns, 0, to, plane);
    two_rows(one, size, 0, 5, rows, columns, 0, to, plane);
}

/* The same of values side by side. */
INLINE void values_to_planes(transform *one, int size, const vector *values, float *to, int64_t plane) {
    to_planes(one, size, (const float *)values, size * LANES, LANES, 0, to, plane);
}

#endif
