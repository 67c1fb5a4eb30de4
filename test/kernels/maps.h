/* Maps that exist in float and in double with the same values, for holding one set of kernels against another. */
#ifndef HL_TEST_KERNELS_MAPS_H
#define HL_TEST_KERNELS_MAPS_H

#include <math.h>
#include <string.h>

#include "../harness.h"
#include "base/base.h"
#include "base/random.h"
#include "kernels/kernels.h"

/* The tables of fast float kernels. A test passes over those that this processor cannot run. */
static const hl_kernels *const tables[] = {&hl_kernels_blas, &hl_kernels_avx2, &hl_kernels_avx512};
enum { TABLES = sizeof tables / sizeof *tables };

static inline bool runs_here(const hl_kernels *kernels) {
    hl_context *hl = hl_open(&(hl_options){.isa = kernels->name});
    bool runs = hl_kernels_for(hl, HL_F32) == kernels;
    hl_close(hl);
    return runs;
}

static const float GAP = 12345; /* what stands between the pixels of a map whose stride exceeds its channels */

typedef struct map {
    hl_view f32, f64;
} map;

/* Numbers of both dtypes. */
typedef struct row {
    float *f32;
    double *f64;
    int64_t count;
} row;

static inline double number(uint64_t seed, uint64_t i) { return (double)(float)(2 * hl_random_uniform(seed, HL_RANDOM_INIT, 0, i) - 1); }

static inline row row_new(int64_t count, uint64_t seed) {
    row r = {malloc((size_t)count * sizeof(float)), malloc((size_t)count * sizeof(double)), count};
    ck_assert(r.f32 && r.f64);
    for (int64_t i = 0; i < count; i++) r.f64[i] = number(seed, (uint64_t)i), r.f32[i] = (float)r.f64[i];
    return r;
}
static inline void row_free(row *r) { free(r->f32), free(r->f64); }

static inline map map_new(int n, int h, int w, int c, int gap, uint64_t seed) {
    row r = row_new((int64_t)n * h * w * (c + gap), seed);
    for (int64_t i = 0; i < r.count; i++)
        if (i % (c + gap) >= c) r.f64[i] = (double)GAP, r.f32[i] = GAP;
    return (map){{r.f32, n, h, w, c, c + gap, false}, {r.f64, n, h, w, c, c + gap, false}};
}
static inline void map_free(map *m) { free(m->f32.data), free(m->f64.data); }
static inline size_t map_bytes(const map *m) { return (size_t)(hl_view_pixels(&m->f32) * m->f32.stride) * sizeof(float); }

/* The float numbers must be the double ones up to `tolerance` times the largest of these. */
static inline void rows_agree(const char *what, const float *f32, const double *f64, int64_t count, double tolerance) {
    double largest = 1e-30, error = 0;
    for (int64_t i = 0; i < count; i++) {
        if (fabs(f64[i]) > largest) largest = fabs(f64[i]);
        double d = fabs((double)f32[i] - f64[i]);
        if (!(d <= error)) error = d; /* a NaN too */
    }
    ck_assert_msg(error <= tolerance * largest, "%s: off by %g of %g", what, error, largest);
}

static inline void maps_agree(const char *what, const map *m, double tolerance) {
    const float *f32 = m->f32.data;
    const double *f64 = m->f64.data;
    int64_t pixels = hl_view_pixels(&m->f32), stride = m->f32.stride;
    double *left = malloc((size_t)(pixels * m->f32.c) * sizeof *left);
    float *right = malloc((size_t)(pixels * m->f32.c) * sizeof *right);
    ck_assert(left && right);
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < stride; c++) {
            if (c >= m->f32.c) {
                if (f32[p * stride + c] != GAP || f64[p * stride + c] != (double)GAP) ck_abort_msg("%s: wrote beside the map", what);
            } else left[p * m->f32.c + c] = f64[p * stride + c], right[p * m->f32.c + c] = f32[p * stride + c];
        }
    rows_agree(what, right, left, pixels * m->f32.c, tolerance);
    free(left), free(right);
}

/* Workspace as a caller gives it: aligned, uninitialised (all NaN here), not a byte more than was asked for. */
typedef struct space {
    unsigned char *data;
    size_t bytes;
} space;
static inline space space_new(hl_context *hl, size_t bytes) {
    space s = {hl_aligned(hl, bytes + 64), bytes};
    ck_assert_ptr_nonnull(s.data);
    memset(s.data, 0xFF, bytes + 64);
    return s;
}
static inline void space_free(const char *what, space *s) {
    for (size_t i = s->bytes; i < s->bytes + 64; i++)
        if (s->data[i] != 0xFF) ck_abort_msg("%s: wrote beyond its workspace", what);
    free(s->data);
}

#endif
