/* Reading rows of an input with zeros around. */
#include "kernels/blas/rows.h"

#include <string.h>

#include "kernels/blas/normed.h"

/* Column x of row y of image n. */
static void read_pixel(const hl_segment *in, int segments, int n, int y, int x, float *to) {
    for (int s = 0; s < segments; to += in[s++].view.c) {
        const float *from = hl_blas_pixel(&in[s].view, ((int64_t)n * in[s].view.h + (y >> in[s].up)) * in[s].view.w + (x >> in[s].up));
        if (in[s].norm) read_normed(&in[s], from, 0, in[s].view.c, to);
        else memcpy(to, from, (size_t)in[s].view.c * sizeof *to);
    }
}

/* The first `pixels` of row y of image n, of all channels of a segment that alone is read and not enlarged. */
static void read_pixels(const hl_segment *in, int n, int y, int pixels, float *to) {
    int channels = in->view.c;
    const float *from = hl_blas_pixel(&in->view, ((int64_t)n * in->view.h + y) * in->view.w);
    if (!in->norm && in->view.stride == channels) {
        memcpy(to, from, (size_t)pixels * (size_t)channels * sizeof *to);
        return;
    }
    for (int c = 0; c < channels; c += LANES) {
        int count = channels - c;
        norm_vectors norm = {0};
        if (in->norm) norm = norm_vectors_of(in, c, count);
        for (int64_t p = 0; p < pixels; p++) {
            vector v = vector_load_some(from + p * in->view.stride + c, count);
            vector_store_some(to + p * channels + c, in->norm ? normed(&norm, v) : v, count);
        }
    }
}

/* Row y of image n, from column -pad_left on; beyond the map zeros. */
static void read_row(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, float *to) {
    int columns = (conv->out_w - 1) * conv->stride_w + conv->kw, left = conv->pad_left < columns ? conv->pad_left : columns;
    int64_t channels = conv->in_c;
    if (y < 0 || y >= conv->in_h) left = columns; /* all of it */
    int inside = columns - left < conv->in_w ? columns - left : conv->in_w, right = columns - left - inside;
    memset(to, 0, (size_t)(left * channels) * sizeof *to);
    to += left * channels;
    bool one = segments == 1 && !in->up;
    if (one && inside > 0) read_pixels(in, n, y, inside, to);
    for (int x = 0; x < inside && !one; x++) read_pixel(in, segments, n, y, x, to + x * channels);
    memset(to + inside * channels, 0, (size_t)(right * channels) * sizeof *to);
}

void HL_BLAS(fill_ring)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, bool first, float *ring) {
    int fresh = first || conv->stride_h > conv->kh ? conv->kh : conv->stride_h;
    for (int k = conv->kh - fresh; k < conv->kh; k++)
        read_row(conv, in, segments, n, y * conv->stride_h - conv->pad_top + k, ring + (y * conv->stride_h + k) % conv->kh * hl_row_floats(conv));
}
