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

/* Row y of image n, from column -pad_left on; beyond the map zeros. */
static void read_row(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, float *to) {
    int columns = (conv->out_w - 1) * conv->stride_w + conv->kw, left = conv->pad_left < columns ? conv->pad_left : columns;
    int64_t channels = conv->in_c;
    if (y < 0 || y >= conv->in_h) left = columns; /* all of it */
    int inside = columns - left < conv->in_w ? columns - left : conv->in_w, right = columns - left - inside;
    memset(to, 0, (size_t)(left * channels) * sizeof *to);
    to += left * channels;
    bool dense = segments == 1 && !in->up && !in->norm && in->view.stride == channels;
    if (dense && inside > 0) memcpy(to, hl_blas_pixel(&in->view, ((int64_t)n * conv->in_h + y) * conv->in_w), (size_t)(inside * channels) * sizeof *to);
    for (int x = 0; x < inside && !dense; x++) read_pixel(in, segments, n, y, x, to + x * channels);
    memset(to + inside * channels, 0, (size_t)(right * channels) * sizeof *to);
}

void HL_BLAS(fill_ring)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, bool first, float *ring) {
    int fresh = first || conv->stride_h > conv->kh ? conv->kh : conv->stride_h;
    for (int k = conv->kh - fresh; k < conv->kh; k++)
        read_row(conv, in, segments, n, y * conv->stride_h - conv->pad_top + k, ring + (y * conv->stride_h + k) % conv->kh * hl_row_floats(conv));
}
