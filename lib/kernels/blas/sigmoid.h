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

/* e^-|x|, to two units in the last place. |x| = n log 2 - r with |r| <= log(2) / 2, e^r by its Taylor series. */
static inline vector vector_exp_below(vector x) {
    vector most = vector_of(-104), below = (vector)((vector_mask)x | (vector_mask)vector_of(-0.f)); /* beyond is only 0 */
    vector_mask inside = ~(vector_mask)(below < most);
    below = (vector)(((vector_mask)below & inside) | ((vector_mask)most & ~inside)); /* a NaN stays one */
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
    vector below = vector_exp_below(x), inverse = 1 / (1 + below), small = below * inverse;
    vector_mask negative = (vector_mask)x >> 31, swap = ((vector_mask)inverse ^ (vector_mask)small) & negative;
    *rest = (vector)((vector_mask)small ^ swap);
    return (vector)((vector_mask)inverse ^ swap);
}

#endif
