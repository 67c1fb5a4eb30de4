/* The one-dimensional transforms of Winograd's F(4, 3): values `s` apart become values `t` apart, both constants where they are inlined.
 *
 * Lavin, Gray 2016, Fast Algorithms for Convolutional Neural Networks: y = A^T [(G g) . (B^T d)], 4 outputs of 6 inputs and 3 taps. The factors of
 * G's rows, S = diag(1/4, -1/6, -1/6, 1/24, 1/24, 1), are left to A^T forward: kernels are transformed more often than outputs, which hardly take
 * longer. */
#ifndef HL_BLAS_TRANSFORMS_H
#define HL_BLAS_TRANSFORMS_H

#include "kernels/blas/vector.h"

#define INLINE static inline __attribute__((always_inline))

/* One of those below. */
typedef void transform(const vector *d, int s, vector *to, int t);

/* The first half of a transform: columns of size x size values are transformed. */
INLINE void transform_columns(transform *one, int size, const vector *from, vector *mid) {
#pragma GCC unroll 6
    for (int x = 0; x < size; x++) one(from + x, size, mid + x, size);
}

/* The second half: rows of `size` values become `wide`. */
INLINE void transform_rows(transform *one, int size, int wide, const vector *mid, vector *to) {
#pragma GCC unroll 6
    for (int y = 0; y < wide; y++) one(mid + y * size, 1, to + y * wide, 1);
}

/* B^T */
INLINE void input_6(const vector *d, int s, vector *to, int t) {
    vector even = vector_fma(vector_of(-4), d[2 * s], d[4 * s]), odd = vector_fma(vector_of(-4), d[s], d[3 * s]);
    vector near = d[4 * s] - d[2 * s], far = d[3 * s] - d[s];
    to[0] = vector_fma(vector_of(4), d[0], vector_fma(vector_of(-5), d[2 * s], d[4 * s]));
    to[t] = even + odd, to[2 * t] = even - odd;
    to[3 * t] = vector_fma(vector_of(2), far, near), to[4 * t] = vector_fma(vector_of(-2), far, near);
    to[5 * t] = vector_fma(vector_of(4), d[s], vector_fma(vector_of(-5), d[3 * s], d[5 * s]));
}

/* A^T S */
INLINE void output_4(const vector *m, int s, vector *to, int t) {
    vector sum = (m[s] + m[2 * s]) * (-1.f / 6), difference = (m[s] - m[2 * s]) * (-1.f / 6);
    vector sum2 = m[3 * s] + m[4 * s], difference2 = m[3 * s] - m[4 * s];
    to[0] = vector_fma(vector_of(1.f / 24), sum2, vector_fma(vector_of(0.25f), m[0], sum));
    to[t] = vector_fma(vector_of(1.f / 12), difference2, difference);
    to[2 * t] = vector_fma(vector_of(1.f / 6), sum2, sum);
    to[3 * t] = vector_fma(vector_of(1.f / 3), difference2, difference) + m[5 * s];
}

/* A */
INLINE void gradient_6(const vector *d, int s, vector *to, int t) {
    vector even = d[0] + d[2 * s], odd = d[s] + d[3 * s];
    vector even2 = vector_fma(vector_of(4), d[2 * s], d[0]), odd2 = vector_fma(vector_of(4), d[3 * s], d[s]);
    to[0] = d[0];
    to[t] = even + odd, to[2 * t] = even - odd;
    to[3 * t] = vector_fma(vector_of(2), odd2, even2), to[4 * t] = vector_fma(vector_of(-2), odd2, even2);
    to[5 * t] = d[3 * s];
}

/* S^-1 G */
INLINE void kernel_6(const vector *g, int s, vector *to, int t) {
    vector even = g[0] + g[2 * s], even2 = vector_fma(vector_of(4), g[2 * s], g[0]);
    to[0] = g[0];
    to[t] = even + g[s], to[2 * t] = even - g[s];
    to[3 * t] = vector_fma(vector_of(2), g[s], even2), to[4 * t] = vector_fma(vector_of(-2), g[s], even2);
    to[5 * t] = g[2 * s];
}

/* G^T */
INLINE void dkernel_3(const vector *u, int s, vector *to, int t) {
    vector sum = (u[s] + u[2 * s]) * (1.f / 6), sum2 = u[3 * s] + u[4 * s];
    to[0] = vector_fma(vector_of(1.f / 24), sum2, vector_fma(vector_of(0.25f), u[0], -sum));
    to[t] = vector_fma(vector_of(1.f / 6), u[2 * s] - u[s], (u[3 * s] - u[4 * s]) * (1.f / 12));
    to[2 * t] = vector_fma(vector_of(1.f / 6), sum2, u[5 * s] - sum);
}

/* What rows a and b of u, transformed to 3 values each, add to the 3 rows of G^T u G: to[r * 3 + x]. Rows go in pairs that have sums in common. */
static inline int pair_row(int pair, int i) { return pair == 0 ? 1 + i : pair == 1 ? 3 + i : 5 * i; }
INLINE void dkernel_rows(int pair, const vector *a, const vector *b, vector *to) {
#pragma GCC unroll 3
    for (int x = 0; x < 3; x++) {
        if (pair == 0) to[x] = to[6 + x] = (a[x] + b[x]) * (-1.f / 6), to[3 + x] = (b[x] - a[x]) * (1.f / 6);
        else if (pair == 1) to[x] = (a[x] + b[x]) * (1.f / 24), to[3 + x] = (a[x] - b[x]) * (1.f / 12), to[6 + x] = (a[x] + b[x]) * (1.f / 6);
        else to[x] = a[x] * 0.25f, to[3 + x] = (vector){0}, to[6 + x] = b[x];
    }
}

#endif
