/* The transforms of Winograd's F(4x4, 3x3), sixteen channels at a time. */
#include <string.h>

#include "kernels/blas/winograd.h"

/* One-dimensional transforms: values `step` apart, each of LANES channels. */
typedef void transform(const lanes *restrict d, int step, lanes *restrict to, int to_step);

/* B^T */
static inline void input_6(const lanes *restrict d, int s, lanes *restrict to, int t) {
    for (int i = 0; i < LANES; i++) {
        float d0 = d[0].at[i], d1 = d[s].at[i], d2 = d[2 * s].at[i], d3 = d[3 * s].at[i], d4 = d[4 * s].at[i], d5 = d[5 * s].at[i];
        float even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
        to[0].at[i] = 4 * d0 - 5 * d2 + d4;
        to[t].at[i] = even + odd;
        to[2 * t].at[i] = even - odd;
        to[3 * t].at[i] = near + far;
        to[4 * t].at[i] = near - far;
        to[5 * t].at[i] = 4 * d1 - 5 * d3 + d5;
    }
}

/* A^T */
static inline void output_4(const lanes *restrict m, int s, lanes *restrict to, int t) {
    for (int i = 0; i < LANES; i++) {
        float m0 = m[0].at[i], m1 = m[s].at[i], m2 = m[2 * s].at[i], m3 = m[3 * s].at[i], m4 = m[4 * s].at[i], m5 = m[5 * s].at[i];
        float sum = m1 + m2, difference = m1 - m2, sum2 = m3 + m4, difference2 = m3 - m4;
        to[0].at[i] = m0 + sum + sum2;
        to[t].at[i] = difference + 2 * difference2;
        to[2 * t].at[i] = sum + 4 * sum2;
        to[3 * t].at[i] = difference + 8 * difference2 + m5;
    }
}

/* A */
static inline void gradient_6(const lanes *restrict d, int s, lanes *restrict to, int t) {
    for (int i = 0; i < LANES; i++) {
        float d0 = d[0].at[i], d1 = d[s].at[i], d2 = d[2 * s].at[i], d3 = d[3 * s].at[i];
        float even = d0 + d2, odd = d1 + d3, even2 = d0 + 4 * d2, odd2 = 2 * d1 + 8 * d3;
        to[0].at[i] = d0;
        to[t].at[i] = even + odd;
        to[2 * t].at[i] = even - odd;
        to[3 * t].at[i] = even2 + odd2;
        to[4 * t].at[i] = even2 - odd2;
        to[5 * t].at[i] = d3;
    }
}

/* G */
static inline void kernel_6(const lanes *restrict g, int s, lanes *restrict to, int t) {
    for (int i = 0; i < LANES; i++) {
        float g0 = g[0].at[i], g1 = g[s].at[i], g2 = g[2 * s].at[i];
        float even = (g0 + g2) * (-1.f / 6), odd = g1 * (1.f / 6), even2 = g0 * (1.f / 24) + g2 * (1.f / 6), odd2 = g1 * (1.f / 12);
        to[0].at[i] = g0 * 0.25f;
        to[t].at[i] = even - odd;
        to[2 * t].at[i] = even + odd;
        to[3 * t].at[i] = even2 + odd2;
        to[4 * t].at[i] = even2 - odd2;
        to[5 * t].at[i] = g2;
    }
}

/* G^T */
static inline void dkernel_3(const lanes *restrict u, int s, lanes *restrict to, int t) {
    for (int i = 0; i < LANES; i++) {
        float u0 = u[0].at[i], u1 = u[s].at[i], u2 = u[2 * s].at[i], u3 = u[3 * s].at[i], u4 = u[4 * s].at[i], u5 = u[5 * s].at[i];
        float sum = (u1 + u2) * (1.f / 6), sum2 = u3 + u4;
        to[0].at[i] = u0 * 0.25f - sum + sum2 * (1.f / 24);
        to[t].at[i] = (u2 - u1) * (1.f / 6) + (u3 - u4) * (1.f / 12);
        to[2 * t].at[i] = sum2 * (1.f / 6) - sum + u5;
    }
}

/* Columns, then rows: (size x size) values become (wide x wide). */
static inline void both_ways(transform *one, int size, int wide, const lanes *from, lanes *to) {
    lanes half[PLANES];
    for (int x = 0; x < size; x++) one(from + x, size, half + x, size);
    for (int y = 0; y < wide; y++) one(half + y * size, 1, to + y * wide, 1);
}

/* Not by memcpy: its narrower moves would hold up the vector loads that follow. */
static inline void copy_lanes(const float *restrict from, float *restrict to) {
#pragma omp simd
    for (int i = 0; i < LANES; i++) to[i] = from[i];
}

static inline void load(const float *restrict from, int count, float *restrict to) {
    if (count == LANES) {
        copy_lanes(from, to);
        return;
    }
    memset(to, 0, sizeof(lanes));
    memcpy(to, from, (size_t)count * sizeof *to);
}

static inline void store(const float *restrict from, int count, float *restrict to) {
    if (count == LANES) copy_lanes(from, to);
    else memcpy(to, from, (size_t)count * sizeof *to);
}

static inline void add(const float *restrict from, int count, float *restrict to) {
#pragma omp simd
    for (int i = 0; i < count; i++) to[i] += from[i];
}

static inline void store_planes(const lanes *from, int values, int count, float *to, int64_t plane) {
    for (int k = 0; k < values; k++, to += plane) store(from[k].at, count, to);
}

static inline void load_planes(const float *from, int64_t plane, int count, lanes *to) {
    for (int k = 0; k < PLANES; k++, from += plane) load(from, count, to[k].at);
}

/* Where a tile's outputs begin. */
typedef struct place {
    int n, y, x;
} place;
static place place_of(const hl_conv *conv, int64_t tile) {
    tiling tiles = tiles_of(conv);
    return (place){(int)(tile / tiles.w / tiles.h), (int)(tile / tiles.w % tiles.h) * TILE, (int)(tile % tiles.w) * TILE};
}

static const lanes zeros;

/* Where the size x size pixels of an h x w map from (y0, x0) on lie; outside it are zeros. */
static void find_pixels(const hl_segment *in, int n, int h, int w, int y0, int x0, int size, const float **pixels) {
    for (int k = 0; k < size * size; k++) {
        int y = y0 + k / size, x = x0 + k % size;
        pixels[k] = zeros.at;
        if (y >= 0 && y < h && x >= 0 && x < w)
            pixels[k] = hl_blas_pixel(&in->view, ((int64_t)n * in->view.h + (y >> in->up)) * in->view.w + (x >> in->up));
    }
}

static inline void load_pixels(const float *const *pixels, int values, int channel, int count, lanes *to) {
    for (int k = 0; k < values; k++) load(pixels[k] == zeros.at ? zeros.at : pixels[k] + channel, count, to[k].at);
}

void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, int64_t tile, float *planes, int64_t plane) {
    place at = place_of(conv, tile);
    const float *pixels[PLANES];
    lanes d[PLANES], v[PLANES];
    for (int s = 0; s < segments; planes += in[s++].view.c) {
        find_pixels(&in[s], at.n, conv->in_h, conv->in_w, at.y - conv->pad_top, at.x - conv->pad_left, PATCH, pixels);
        for (int c = 0; c < in[s].view.c; c += LANES) {
            int count = in[s].view.c - c < LANES ? in[s].view.c - c : LANES;
            load_pixels(pixels, PLANES, c, count, d);
            both_ways(input_6, PATCH, PATCH, d, v);
            store_planes(v, PLANES, count, planes + c, plane);
        }
    }
}

void HL_BLAS(winograd_gradient)(const hl_conv *conv, const hl_view *dout, int64_t tile, float *planes, int64_t plane) {
    place at = place_of(conv, tile);
    const hl_segment in = {.view = *dout};
    const float *pixels[TILE * TILE];
    lanes d[TILE * TILE], m[PLANES];
    find_pixels(&in, at.n, conv->out_h, conv->out_w, at.y, at.x, TILE, pixels);
    for (int c = 0; c < dout->c; c += LANES) {
        int count = dout->c - c < LANES ? dout->c - c : LANES;
        load_pixels(pixels, TILE * TILE, c, count, d);
        both_ways(gradient_6, TILE, PATCH, d, m);
        store_planes(m, PLANES, count, planes + c, plane);
    }
}

void HL_BLAS(winograd_output)(const hl_conv *conv, const float *planes, int64_t plane, int count, const float *bias, bool accumulate,
                              const hl_view *out, int channel, int64_t tile) {
    place at = place_of(conv, tile);
    lanes m[PLANES], y[TILE * TILE];
    for (int c = 0; c < count; c += LANES) {
        int wide = count - c < LANES ? count - c : LANES;
        load_planes(planes + c, plane, wide, m);
        both_ways(output_4, PATCH, TILE, m, y);
        for (int k = 0; k < TILE * TILE; k++) {
            int row = at.y + k / TILE, column = at.x + k % TILE;
            if (row >= conv->out_h || column >= conv->out_w) continue;
            float *to = hl_blas_pixel(out, ((int64_t)at.n * conv->out_h + row) * conv->out_w + column) + channel + c;
            if (bias) add(bias + channel + c, wide, y[k].at);
            if (accumulate) add(to, wide, y[k].at);
            store(y[k].at, wide, to);
        }
    }
}

void HL_BLAS(winograd_kernel)(const float *kernel, int64_t stride, int count, bool turned, float *planes, int64_t plane) {
    lanes g[TAPS], u[PLANES];
    for (int c = 0; c < count; c += LANES) {
        int wide = count - c < LANES ? count - c : LANES;
        for (int t = 0; t < TAPS; t++) {
            const float *from = kernel + (turned ? TAPS - 1 - t : t) * stride + c;
            load(from, wide, g[t].at);
            __builtin_prefetch(from + TAPS * stride); /* the next output channel's: no processor foresees so many strands */
        }
        both_ways(kernel_6, 3, PATCH, g, u);
        store_planes(u, PLANES, wide, planes + c, plane);
    }
}

void HL_BLAS(winograd_dkernel)(const float *planes, int64_t plane, int count, bool accumulate, float *dkernel, int64_t stride) {
    lanes u[PLANES], g[TAPS];
    for (int c = 0; c < count; c += LANES) {
        int wide = count - c < LANES ? count - c : LANES;
        load_planes(planes + c, plane, wide, u);
        both_ways(dkernel_3, PATCH, 3, u, g);
        for (int t = 0; t < TAPS; t++) {
            float *to = dkernel + t * stride + c;
            if (accumulate) add(to, wide, g[t].at);
            store(g[t].at, wide, to);
        }
    }
}
