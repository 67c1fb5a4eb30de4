/* Winograd's F(4x4, 3x3): kernels transformed, and their gradients turned back. */
#include "kernels/blas/winograd_planes.h"

enum { AHEAD = 32 }; /* floats of a kernel's row that are asked for before they are needed */

INLINE void kernel_vectors(const vector *g, float *to, int64_t plane) {
    vector mid[PATCH * 3];
    await_planes(to, plane);
    transform_columns(kernel_6, 3, g, mid);
    rows_to_planes(kernel_6, 3, mid, to, plane);
}

/* Vectors of output channels lie so in the kernel already. */
static void turned_kernel(const hl_conv *conv, const float *kernel, int output, float *to, int64_t plane) {
    int64_t out = conv->out_c, count = out - output;
    for (int i = 0; i < conv->in_c; i++, kernel += TAPS * out, to += LANES) {
        vector g[TAPS];
        for (int t = 0; t < TAPS; t++) {
            g[t] = vector_load_some(kernel + (TAPS - 1 - t) * out + output, count < LANES ? (int)count : LANES);
            __builtin_prefetch(kernel + (TAPS + t) * out + output); /* no processor foresees so many strands */
        }
        kernel_vectors(g, to, plane);
    }
}

/* So do those of a kernel in panels. */
static void panel_kernel(const hl_conv *conv, const float *panel, float *to, int64_t plane) {
    int64_t tap = (int64_t)conv->in_c * LANES;
    for (int i = 0; i < conv->in_c; i++, panel += LANES, to += LANES) {
        vector g[TAPS];
        for (int t = 0; t < TAPS; t++) g[t] = vector_load(panel + t * tap);
        kernel_vectors(g, to, plane);
    }
}

static void plain_kernel(const hl_conv *conv, const float *kernel, int output, float *to, int64_t plane) {
    int64_t in = conv->in_c;
    for (int from = 0; from < in; from += LANES) {
        vector taps[TAPS][LANES];
        int count = in - from < LANES ? (int)in - from : LANES;
        for (int t = 0; t < TAPS; t++) {
            for (int o = 0; o < LANES; o++) {
                const float *row = kernel + ((int64_t)(output + o) * TAPS + t) * in + from;
                taps[t][o] = output + o < conv->out_c ? vector_load_some(row, count) : (vector){0};
                __builtin_prefetch(row + AHEAD);
            }
            vector_transpose(taps[t]);
        }
        for (int i = 0; i < count; i++, to += LANES) {
            vector g[TAPS];
            for (int t = 0; t < TAPS; t++) g[t] = taps[t][i];
            kernel_vectors(g, to, plane);
        }
    }
}

void HL_BLAS(winograd_kernel)(const hl_conv *conv, const float *kernel, winograd_kernel_order order, int output, float *to, int64_t plane) {
    if (order == WINOGRAD_TURNED) turned_kernel(conv, kernel, output, to, plane);
    else if (order == WINOGRAD_PANELS) panel_kernel(conv, kernel + (int64_t)output * TAPS * conv->in_c, to, plane);
    else plain_kernel(conv, kernel, output, to, plane);
}

void HL_BLAS(winograd_dkernel)(const float *du, int64_t plane, int count, float *dkernel, int64_t stride) {
    vector u[PLANES], mid[3 * PATCH], g[TAPS];
    for (int c = 0; c < count; c += LANES) {
        for (int k = 0; k < PLANES; k++) u[k] = vector_load(du + k * plane + c);
        transform_columns(dkernel_3, PATCH, u, mid);
        transform_rows(dkernel_3, PATCH, 3, mid, g);
        for (int t = 0; t < TAPS; t++) vector_store_some(dkernel + t * stride + c, g[t], count - c);
    }
}

/* Tap row after tap row; of the last pair the middle one is zeros. */
INLINE void dkernel_pair(int pair, const float *du, int64_t plane, int count, bool accumulate, float *dkernel, int64_t stride) {
    for (int c = 0; c < count; c += LANES) {
        vector row[PATCH], a[3], b[3], g[TAPS];
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++) row[x] = vector_load(du + x * plane + c);
        dkernel_3(row, 1, a, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++) row[x] = vector_load(du + (PATCH + x) * plane + c);
        dkernel_3(row, 1, b, 1);
        dkernel_rows(pair, a, b, g);
#pragma GCC unroll 9
        for (int t = 0; t < TAPS; t++) {
            if (pair == PAIRS - 1 && t / 3 == 1 && accumulate) continue;
            float *to = dkernel + t * stride + c;
            if (accumulate) g[t] += vector_load_some(to, count - c);
            vector_store_some(to, g[t], count - c);
        }
    }
}

void HL_BLAS(winograd_dkernel_pair)(const float *du, int64_t plane, int count, int pair, bool accumulate, float *dkernel, int64_t stride) {
    if (pair == 0) dkernel_pair(0, du, plane, count, accumulate, dkernel, stride);
    else if (pair == 1) dkernel_pair(1, du, plane, count, accumulate, dkernel, stride);
    else dkernel_pair(2, du, plane, count, accumulate, dkernel, stride);
}
