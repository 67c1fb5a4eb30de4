/* The convolutions of bf16 numbers by name, and those of a plan in bf16, by AMX tiles or by vdpbf16ps. */
#include "kernels/bf16/conv.h"

/* A sixth of what vectors take, of whole tiles, and reading the input for it. */
static double tiles_cost(const hl_conv *conv, hl_pass pass) {
    (void)pass;
    double pixels = (double)hl_conv_pixels(conv);
    return pixels * bf16_depth(conv) * bf16_groups(conv->out_c) * TILE / 6 + pixels * (conv->in_c + conv->out_c) * 4;
}
static void tiles_forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                          const hl_finish *finish, const hl_view *out, void *workspace) {
    hl_bf16_forward(hl, &hl_bf16_tiles, conv, in, segments, kernel, bias, finish, out, workspace);
}
static void tiles_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate, void *workspace) {
    hl_bf16_data(hl, &hl_bf16_tiles, conv, dout, kernel, din, accumulate, workspace);
}
static void tiles_through(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                          bool accumulate, double *sums, void *workspace) {
    hl_bf16_through(hl, &hl_bf16_tiles, conv, dout, kernel, in, din, accumulate, sums, workspace);
}
static void tiles_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel, void *dbias,
                          void *workspace) {
    hl_bf16_weights(hl, &hl_bf16_tiles, conv, in, segments, dout, dkernel, dbias, workspace);
}

static const hl_conv_kernel amx = {
    .name = "amx",
    .reads_half = true,
    .writes_half = true,
    .gives_moments = true,
    .fits = hl_bf16_fits,
    .cost = tiles_cost,
    .workspace = hl_bf16_workspace,
    .forward = tiles_forward,
    .backward_data = tiles_data,
    .goes_through = hl_conv_is_pointwise,
    .backward_through = tiles_through,
    .backward_weights = tiles_weights,
};

static void dots_forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                         const hl_finish *finish, const hl_view *out, void *workspace) {
    hl_bf16_forward(hl, &hl_bf16_dots, conv, in, segments, kernel, bias, finish, out, workspace);
}
static void dots_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate, void *workspace) {
    hl_bf16_data(hl, &hl_bf16_dots, conv, dout, kernel, din, accumulate, workspace);
}
static void dots_through(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                         bool accumulate, double *sums, void *workspace) {
    hl_bf16_through(hl, &hl_bf16_dots, conv, dout, kernel, in, din, accumulate, sums, workspace);
}
static void dots_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel, void *dbias,
                         void *workspace) {
    hl_bf16_weights(hl, &hl_bf16_dots, conv, in, segments, dout, dkernel, dbias, workspace);
}

static const hl_conv_kernel dots = {
    .name = "dots",
    .reads_half = true,
    .writes_half = true,
    .gives_moments = true,
    .fits = hl_bf16_fits,
    .cost = hl_bf16_dots_cost,
    .workspace = hl_bf16_workspace,
    .forward = dots_forward,
    .backward_data = dots_data,
    .goes_through = hl_conv_is_pointwise,
    .backward_through = dots_through,
    .backward_weights = dots_weights,
};

const hl_conv_kernel *const hl_amx_convs[] = {&HL_BLAS(depthwise), &HL_BLAS(narrow), &HL_BLAS(stem), &amx, &HL_BLAS(gemm), NULL};
const hl_conv_kernel *const hl_dots_convs[] = {&HL_BLAS(depthwise), &HL_BLAS(narrow), &HL_BLAS(stem), &dots, &HL_BLAS(winograd), &HL_BLAS(gemm), NULL};
