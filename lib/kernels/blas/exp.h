/* The exponential and logistic functions in float, of plain arithmetic that a compiler vectorises. */
#ifndef HL_BLAS_EXP_H
#define HL_BLAS_EXP_H

#include <math.h>
#include <stdint.h>

typedef union hl_float_bits {
    float value;
    uint32_t bits;
} hl_float_bits;

/* 2^k for a normal result */
static inline float hl_blas_power_of_2(int32_t k) { return (hl_float_bits){.bits = ((uint32_t)k + 127) << 23}.value; }

/* e^x within about one unit in the last place, subnormal numbers, infinities and NaN included.
 * x = n log 2 + r with |r| <= log(2) / 2, e^r by its Taylor series, and 2^n in two factors, each a normal number. */
static inline float hl_blas_exp(float x) {
    const float most = 104; /* beyond are only 0 and infinity */
    const hl_float_bits round = {.value = 0x1.8p23f};
    float size = fabsf(x), within = copysignf(size > most ? most : size, x);  /* a NaN stays one */
    hl_float_bits rounded = {.value = within * 0x1.715476p+0f + round.value}; /* n stands in the last bits */
    float n = rounded.value - round.value;
    float r = within - n * 0x1.62e4p-1f - n * 0x1.7f7d1cp-20f; /* the first product is exact */
    float p = 1.f / 5040;
    p = p * r + 1.f / 720;
    p = p * r + 1.f / 120;
    p = p * r + 1.f / 24;
    p = p * r + 1.f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1;
    int32_t k = (int32_t)(rounded.bits - round.bits), half = k / 2;
    return p * hl_blas_power_of_2(half) * hl_blas_power_of_2(k - half);
}

/* 1 / (1 + e^-x); *rest gets 1 minus that. Both keep their digits however small they are. */
static inline float hl_blas_sigmoid(float x, float *rest) {
    hl_float_bits sign = {.value = x}, above = {.value = 1}, below = {.value = hl_blas_exp(-fabsf(x))};
    float inverse = 1 / (1 + below.value);
    uint32_t swap = (above.bits ^ below.bits) & (0 - (sign.bits >> 31)); /* a comparison would become a branch */
    above.bits ^= swap, below.bits ^= swap;
    *rest = below.value * inverse;
    return above.value * inverse;
}

#endif
