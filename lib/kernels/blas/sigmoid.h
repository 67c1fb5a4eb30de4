/* The logistic function of a vector of floats, and swish. */
#ifndef HL_BLAS_SIGMOID_H
#define HL_BLAS_SIGMOID_H

#include "kernels/blas/vector.h"

enum { SIGMOID_MOST = 87 }; /* e to this and to minus this are normal numbers still */

/* p 2^n for whole n from -126 to 127. */
static inline vector vector_scale(vector p, vector n) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    return p * (vector)((__builtin_convertvector(n, vector_mask) + 127) << 23);
#endif
}

/* x, or the bound that it is above; a NaN stays one. */
static inline vector vector_at_most(vector x, vector high) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_min_ps((__m512)high, (__m512)x); /* of two where one is a NaN the second */
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    return (vector)_mm256_min_ps((__m256)high, (__m256)x);
#else
    vector_mask above = x > high;
    return (vector)(((vector_mask)x & ~above) | ((vector_mask)high & above));
#endif
}

/* 1 / x of a normal x whose inverse is one, to about a unit in the last place. */
static inline vector vector_inverse(vector x) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    vector guess = (vector)_mm512_rcp14_ps((__m512)x); /* to 14 bits; a step of Newton's doubles them */
    return vector_fma(guess, vector_fma(-guess, x, vector_of(1)), guess);
#else
    return 1 / x;
#endif
}

/* e^-x of x from -SIGMOID_MOST to that, to two units in the last place. x = n log 2 + r with |r| <= log(2) / 2; e^-r by the polynomial of
 * degree 6 with the least largest relative error there, 2e-9, but for its first two terms, which are 1 and -r. */
static inline vector vector_exp_of_minus(vector x) {
    vector round = vector_of(0x1.8p23f), n = vector_fma(x, vector_of(-0x1.715476p+0f), round) - round;
    vector r = vector_fma(n, vector_of(0x1.7f7d1cp-20f), vector_fma(n, vector_of(0x1.62e4p-1f), x));
    vector p = vector_of(0x1.6ab928p-10f);
    p = vector_fma(p, r, vector_of(-0x1.126d64p-7f));
    p = vector_fma(p, r, vector_of(0x1.55589cp-5f));
    p = vector_fma(p, r, vector_of(-0x1.55540ap-3f));
    p = vector_fma(p, r, vector_of(0x1.fffffap-2f));
    p = vector_fma(p, r, vector_of(-1));
    p = vector_fma(p, r, vector_of(1));
    return vector_scale(p, n);
}

/* s = 1 / (1 + e^-x) and 1 - s, each with all its digits, for x of at least -SIGMOID_MOST; beyond that on the other side 1 - s stays the
 * least. */
static inline vector vector_sigmoid(vector x, vector *rest) {
    vector e = vector_exp_of_minus(vector_at_most(x, vector_of(SIGMOID_MOST))), inverse = vector_inverse(1 + e);
    *rest = e * inverse;
    return inverse;
}

/* x s, and its slope s + x s (1 - s) (Ramachandran et al. 2017). */
static inline vector vector_swish(vector x) {
    vector rest, least = vector_larger(vector_of(-SIGMOID_MOST), x);
    return least * vector_sigmoid(least, &rest);
}
static inline vector vector_swish_slope(vector x) {
    vector rest, least = vector_larger(vector_of(-SIGMOID_MOST), x), s = vector_sigmoid(least, &rest);
    return s * vector_fma(least, rest, vector_of(1));
}

#endif
