/* Half maps (hl_view.half) beside float maps that hold the same numbers: what a kernel gives of the one has to be what it gives of the other. */
#ifndef HL_TEST_KERNELS_HALVES_H
#define HL_TEST_KERNELS_HALVES_H

#include "maps.h"

static inline float widened(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest, ties to even; written otherwise than the kernels' own. */
static inline uint16_t narrowed(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t half = (uint16_t)(bits >> 16);
    if (isnan(value)) return half | 0x40;
    uint32_t rest = bits & 0xffff;
    if (rest > 0x8000 || (rest == 0x8000 && (half & 1))) half++;
    return half;
}

/* Rounds a float map's numbers to bf16, gaps and all, and returns a half copy of it, of the same strides. Owner: the caller, free its data. */
static inline hl_view half_of(hl_view *map) {
    int64_t count = hl_view_pixels(map) * map->stride;
    uint16_t *halves = malloc((size_t)count * sizeof *halves);
    ck_assert(halves);
    float *numbers = map->data;
    for (int64_t i = 0; i < count; i++) halves[i] = narrowed(numbers[i]), numbers[i] = widened(halves[i]);
    hl_view half = *map;
    half.data = halves, half.half = true;
    return half;
}

/* A half map holds exactly the float map's numbers, rounded, and neither has been written beside. */
static inline void halves_agree(const char *what, const hl_view *half, const hl_view *map) {
    const uint16_t *halves = half->data;
    const float *numbers = map->data;
    ck_assert(half->half && !map->half && half->stride == map->stride);
    for (int64_t i = 0; i < hl_view_pixels(map) * map->stride; i++)
        if (halves[i] != narrowed(numbers[i])) /* Check writes a line for every assertion */
            ck_abort_msg("%s: number %lld is %g, expected %g rounded", what, (long long)i, (double)widened(halves[i]), (double)numbers[i]);
}

#endif
