/* The logistic function of a vector of floats. */
#ifndef HL_BLAS_SIGMOID_H
#define HL_BLAS_SIGMOID_H

#include "kernels/blas/vector.h"

/* p 2^n for whole n from -150 to 0, 0 where that is below all numbers. */
static inline vector vector_scale(vector p, vector n) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    vector_mask k = __builtin_convertvector(n, vector_mask), half = k / 2, rest = k - half; /* two factors, each a normal number */
    return p * (vector)((half + 127) << 23) * (vector)((rest + 127) << 23);
#endif
}

/* a, or b where that is larger; a NaN of a stays one. */
static inline vector vector_larger(vector a, vector b) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_max_ps((__m512)b, (__m512)a); /* of two where one is a NaN the second */
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    return (vector)_mm256_max_ps((__m256)b, (__m256)a);
#else
    vector_mask other = a < b;
    return (vector)(((vector_mask)a & ~other) | ((vector_mask)b & other));
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

/* b where x has its sign bit set, else a. */
static inline vector vector_by_sign(vector x, vector a, vector b) {
#if defined HL_KERNELS_AVX512 && defined __AVX512DQ__
    return (vector)_mm512_mask_mov_ps((__m512)a, _mm512_movepi32_mask((__m512i)x), (__m512)b);
#else
    vector_mask negative = (vector_mask)x >> 31;
    return (vector)(((vector_mask)a & ~negative) | ((vector_mask)b & negative));
#endif
}

/* e^-|x|, to two units in the last place. |x| = n log 2 - r with |r| <= log(2) / 2, e^r by its Taylor series. */
static inline vector vector_exp_below(vector x) {
    vector below = vector_larger((vector)((vector_mask)x | (vector_mask)vector_of(-0.f)), vector_of(-104)); /* beyond is only 0 */
    vector round = vector_of(0x1.8p23f), n = vector_fma(below, vector_of(0x1.715476p+0f), round) - round;
    vector r = vector_fma(n, vector_of(-0x1.7f7d1cp-20f), vector_fma(n, vector_of(-0x1.62e4p-1f), below));
    vector p = vector_of(1.f / 5040);
    p = vector_fma(p, r, vector_of(1.f / 720));
    p = vector_fma(p, r, vector_of(1.f / 120));
    p = vector_fma(p, r, vector_of(1.f / 24));
    p = vector_fma(p, r, vector_of(1.f / 6));
    p = vector_fma(p, r, vector_of(0.5f));
    p = vector_fma(p, r, vector_of(1));
    p = vector_fma(p, r, vector_of(1));
    return vector_scale(p, n);
}

/* 1 / (1 + e^-x); *rest gets 1 minus that. Both keep their digits however small they are. */
static inline vector vector_sigmoid(vector x, vector *rest) {
    vector below = vector_exp_below(x), inverse = vector_inverse(1 + below), small = below * inverse;
    *rest = vector_by_sign(x, small, inverse);
    return vector_by_sign(x, inverse, small);
}

#endif
