/* Masks that SciPy and the tests make alike, by formula. */
#ifndef HL_TEST_MASKS_H
#define HL_TEST_MASKS_H

#include <math.h>
#include <string.h>

#include "../harness.h"
#include "hilum/geometry.h"

enum { MOST = 9 * 20 * 24 };
static const double fine[3] = {0.7, 0.8, 2.5};

static inline hl_stack stack_of(int depth, int height, int width, const double *spacing) {
    hl_stack stack = {depth, height, width, {0}};
    if (spacing) memcpy(stack.spacing, spacing, sizeof stack.spacing);
    return stack;
}

/* Inside are some `percent` of the voxels: a hash of the place decides. */
static inline void noise_mask(const hl_stack *s, int first_slice, uint32_t percent, uint8_t *mask) {
    for (int z = 0; z < s->depth; z++) {
        for (int y = 0; y < s->height; y++) {
            for (int x = 0; x < s->width; x++) {
                uint32_t h = ((uint32_t)x * 73856093u) ^ ((uint32_t)y * 19349663u) ^ ((uint32_t)(z + first_slice) * 83492791u);
                h = (h ^ h >> 13) * 1274126177u;
                *mask++ = (h ^ h >> 16) % 100 < percent;
            }
        }
    }
}

/* Sets (or with value 0 clears) the voxels of an ellipsoid; centre and radii z, y, x. */
static inline void paint_ellipsoid(const hl_stack *s, const int c[3], const int r[3], uint8_t value, uint8_t *mask) {
    for (int z = 0; z < s->depth; z++) {
        for (int y = 0; y < s->height; y++) {
            for (int x = 0; x < s->width; x++, mask++) {
                int64_t a = (int64_t)(z - c[0]) * r[1] * r[2], b = (int64_t)(y - c[1]) * r[0] * r[2], d = (int64_t)(x - c[2]) * r[0] * r[1];
                int64_t most = (int64_t)r[0] * r[1] * r[2];
                if (a * a + b * b + d * d <= most * most) *mask = value;
            }
        }
    }
}

static inline int64_t count_inside(const hl_stack *s, const uint8_t *mask) {
    int64_t count = 0;
    for (size_t i = 0; i < hl_stack_voxels(s); i++) count += mask[i] != 0;
    return count;
}

/* The sum of the places, counted from 1, that are inside. */
static inline int64_t sum_places(const hl_stack *s, const uint8_t *mask) {
    int64_t sum = 0;
    for (size_t i = 0; i < hl_stack_voxels(s); i++) sum += mask[i] ? (int64_t)i + 1 : 0;
    return sum;
}

/* A mask from text: '.' is 0, a digit its value; rows follow one another. */
static inline void mask_from_text(const char *text, uint8_t *mask) {
    for (; *text; text++) *mask++ = *text == '.' ? 0 : (uint8_t)(*text - '0');
}

static inline void expect_near(double found, double expected, double tolerance) {
    ck_assert_msg(fabs(found - expected) <= tolerance * fmax(1, fabs(expected)), "%.17g, expected %.17g", found, expected);
}

#endif
