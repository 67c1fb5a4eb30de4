/* What nets are built of: channel counts under a width, layer names, the stems' pool, the decoders' blocks. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "nets/net.h"

int hl_rounded(const hl_builder *builder, double channels) {
    if (builder->width == 1) return (int)channels;
    int rounded = (int)floor(channels / 8 + 0.5) * 8;
    return rounded < 8 ? 8 : rounded;
}

int hl_scaled(const hl_builder *builder, int channels) { return hl_rounded(builder, channels * builder->width); }

const char *hl_layer_name(char buffer[64], const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(buffer, 64, format, list);
    va_end(list);
    return buffer;
}

hl_value *hl_stem_pool(const hl_builder *b, hl_value *x) {
    return hl_max_pool(b->graph, x,
                       &(hl_pool_options){.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .zero_pad = true});
}

static hl_value *norm_relu(const hl_builder *b, hl_value *x, const char *name) {
    char layer[64];
    if (!b->options.no_batch_norm) x = hl_batch_norm(b->graph, x, hl_layer_name(layer, "%s_bn", name), 1e-3);
    return hl_relu(b->graph, x);
}

hl_value *hl_decoder_block(const hl_builder *b, hl_value *x, const char *name, int kernel, int channels) {
    char layer[64];
    hl_conv_options conv = {.channels = channels, .kernel_h = kernel, .kernel_w = kernel, .bias = b->options.no_batch_norm};
    return norm_relu(b, hl_convolution(b->graph, x, hl_layer_name(layer, "%s_conv", name), &conv), name);
}

hl_value *hl_transpose_block(const hl_builder *b, hl_value *x, const char *name, int channels) {
    char layer[64];
    hl_conv_options conv = {.channels = channels, .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .bias = b->options.no_batch_norm,
                            .init = HL_KERNEL_GLOROT_UNIFORM};
    return norm_relu(b, hl_conv_transpose(b->graph, x, hl_layer_name(layer, "%s_transpose", name), &conv), name);
}
