/* The sums over all pixels of a convolution's gradient to its input, which need the sums of its output's gradient alone. */
#include <string.h>

#include "kernels/ref/ref.h"

/* First and end of the output rows (or columns) that the kernel's row `tap` sees inside the input. */
typedef struct span {
    int first, end;
} span;
static span seen(int out, int in, int stride, int pad, int tap) {
    span s = {0, out};
    while (s.first < out && s.first * stride - pad + tap < 0) s.first++;
    while (s.end > s.first && (s.end - 1) * stride - pad + tap >= in) s.end--;
    return s;
}

/* sums += sign times dout over rows y0 .. y1 and columns x0 .. x1 of all images. */
static void add_pixels(const hl_view *dout, int y0, int y1, int x0, int x1, double sign, double *sums) {
    for (int n = 0; n < dout->n; n++)
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) {
                const real *pixel = pixel_at(dout, n, y, x);
                for (int o = 0; o < dout->c; o++) sums[o] += sign * (double)pixel[o];
            }
}

size_t HL_REF(conv_sums_workspace)(const hl_conv *conv) { return (size_t)(conv->kh + conv->kw + 1) * (size_t)conv->out_c * sizeof(double); }

/* A tap sees all outputs but the rows and the columns for which it lies outside; where both do, they are taken off once. */
void HL_REF(conv_sums)(const hl_conv *conv, const hl_view *dout, const double *mean, const void *kernel, void *sums, void *workspace) {
    int taps = conv->kh * conv->kw, out = conv->out_c, in = conv->in_c;
    double *rows = workspace, *columns = rows + conv->kh * out, *total = columns + conv->kw * out, pixels = (double)hl_view_pixels(dout);
    memset(rows, 0, (size_t)((conv->kh + conv->kw) * out) * sizeof *rows);
    for (int ky = 0; ky < conv->kh; ky++) {
        span y = seen(dout->h, conv->in_h, conv->stride_h, conv->pad_top, ky);
        add_pixels(dout, 0, y.first, 0, dout->w, -1, rows + ky * out), add_pixels(dout, y.end, dout->h, 0, dout->w, -1, rows + ky * out);
    }
    for (int kx = 0; kx < conv->kw; kx++) {
        span x = seen(dout->w, conv->in_w, conv->stride_w, conv->pad_left, kx);
        add_pixels(dout, 0, dout->h, 0, x.first, -1, columns + kx * out), add_pixels(dout, 0, dout->h, x.end, dout->w, -1, columns + kx * out);
    }
    memset(sums, 0, (size_t)in * sizeof(real));
    for (int t = 0; t < taps; t++) {
        span y = seen(dout->h, conv->in_h, conv->stride_h, conv->pad_top, t / conv->kw);
        span x = seen(dout->w, conv->in_w, conv->stride_w, conv->pad_left, t % conv->kw);
        for (int o = 0; o < out; o++) total[o] = pixels * mean[o] + rows[t / conv->kw * out + o] + columns[t % conv->kw * out + o];
        add_pixels(dout, 0, y.first, 0, x.first, 1, total), add_pixels(dout, 0, y.first, x.end, dout->w, 1, total);
        add_pixels(dout, y.end, dout->h, 0, x.first, 1, total), add_pixels(dout, y.end, dout->h, x.end, dout->w, 1, total);
        for (int o = 0; o < out; o++)
            for (int i = 0; i < in; i++) ((real *)sums)[i] += (real)(total[o] * (double)((const real *)kernel)[((int64_t)o * taps + t) * in + i]);
    }
}
