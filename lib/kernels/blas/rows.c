/* Reading pixels of an input's row, with zeros around: what patches and rings of rows are made of. */
#include "kernels/blas/rows.h"

#include <string.h>

#include "kernels/blas/elementwise.h"
#include "kernels/blas/normed.h"

/* `channels` channels of the joined input's pixel (n, y, x), from `channel` on. */
static void read_pixel(const hl_segment *in, int segments, int n, int y, int x, int channel, int channels, float *to) {
    for (int s = 0, first = 0; s < segments && channels > 0; first += in[s++].view.c) {
        const hl_view *view = &in[s].view;
        int skip = channel - first;
        if (skip >= view->c) continue;
        int count = view->c - skip < channels ? view->c - skip : channels;
        int64_t pixel = ((int64_t)n * view->h + (y >> in[s].up)) * view->w + (x >> in[s].up);
        if (is_through(&in[s])) read_normed(&in[s], n, hl_blas_cells(view, pixel), skip, count, to);
        else if (view->half) hl_blas_read(view, pixel, skip, count, to);
        else memcpy(to, hl_blas_pixel(view, pixel) + skip, (size_t)count * sizeof *to);
        to += count, channel += count, channels -= count;
    }
}

/* The same of `pixels` pixels side by side from one segment that is not enlarged. */
static void read_run(const hl_segment *in, int n, int y, int x, int pixels, int channel, int channels, float *to) {
    bool half = in->view.half;
    int64_t first = ((int64_t)n * in->view.h + y) * in->view.w + x;
    const void *from = cell_at(hl_blas_cells(&in->view, first), channel, half);
    if (!is_through(in) && in->view.stride == channels) {
        if (half) hl_blas_read(&in->view, first, channel, (int64_t)pixels * channels, to);
        else memcpy(to, from, (size_t)pixels * (size_t)channels * sizeof *to);
        return;
    }
    for (int c = 0; c < channels; c += LANES) {
        int count = channels - c;
        norm_vectors norm = {0};
        if (is_through(in)) norm = norm_vectors_of(in, n, channel + c, count);
        for (int64_t p = 0; p < pixels; p++) {
            vector v = cells_load_some(from, p * in->view.stride + c, count, half);
            vector_store_some(to + p * channels + c, is_through(in) ? normed(&norm, v) : v, count);
        }
    }
}

float *HL_BLAS(read_taps)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, int x, int taps, int channel, int channels,
                          float *to) {
    int from = (int)hl_blas_clamp(-x, 0, taps), end = (int)hl_blas_clamp(conv->in_w - x, from, taps);
    if (y < 0 || y >= conv->in_h) from = end = taps;
    memset(to, 0, (size_t)(from * channels) * sizeof *to);
    if (segments == 1 && !in->up) {
        if (from < end) read_run(in, n, y, x + from, end - from, channel, channels, to + from * channels);
    } else {
        for (int t = from; t < end; t++) read_pixel(in, segments, n, y, x + t, channel, channels, to + t * channels);
    }
    memset(to + end * channels, 0, (size_t)((taps - end) * channels) * sizeof *to);
    return to + taps * channels;
}

void HL_BLAS(fill_ring)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, bool first, float *ring) {
    int fresh = first || conv->stride_h > conv->kh ? conv->kh : conv->stride_h, columns = (conv->out_w - 1) * conv->stride_w + conv->kw;
    for (int k = conv->kh - fresh; k < conv->kh; k++)
        HL_BLAS(read_taps)(conv, in, segments, n, y * conv->stride_h - conv->pad_top + k, -conv->pad_left, columns, 0, conv->in_c,
                           ring + (y * conv->stride_h + k) % conv->kh * hl_row_floats(conv));
}
