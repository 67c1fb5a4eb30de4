/* The logistic function of a vector of floats. */
#ifndef HL_BLAS_SIGMOID_H
#define HL_BLAS_SIGMOID_H

#include "kernels/blas/vector.h"

/* p 2^n for whole n from -150 to 150, 0 where that is below all numbers. */
static inline vector vector_scale(vector p, vector n) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    vector_mask k = __builtin_convertvector(n, vector_mask), half = k / 2, rest = k - half; /* two factors, each a normal number */
    return p * (vector)((half + 127) << 23) * (vector)((rest + 127) << 23);
#endif
}

/* x, or the bound it is beyond; a NaN stays one. */
static inline vector vector_between(vector low, vector x, vector high) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_min_ps((__m512)high, _mm512_max_ps((__m512)low, (__m512)x)); /* of two where one is a NaN the second */
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    return (vector)_mm256_min_ps((__m256)high, _mm256_max_ps((__m256)low, (__m256)x));
#else
    vector_mask below = x < low, above = x > high;
    return (vector)(((vector_mask)x & ~below & ~above) | ((vector_mask)low & below) | ((vector_mask)high & above));
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

/* e^-x of x from -104 to 104, to two units in the last place. x = n log 2 + r with |r| <= log(2) / 2; e^-r by the polynomial of degree 6 with
 * the least largest relative error there, 2e-9, but for its first two terms, which are 1 and -r. */
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

/* 1 / (1 + e^-x); *rest gets 1 minus that. Both keep their digits however small they are, down to the least normal number. */
static inline vector vector_sigmoid(vector x, vector *rest) {
    vector e = vector_exp_of_minus(vector_between(vector_of(-87), x, vector_of(104))), inverse = vector_inverse(1 + e);
    *rest = e * inverse;
    return inverse;
}

#endif
