/* What max- and average-pooling share: their attributes and shape rule. */
#include "ops/pool.h"

#include <stdio.h>

bool hl_pool_shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const hl_pool_options *a = node->attributes;
    *out = (hl_shape){.c = in->c};
    if (a->kernel_h < 1 || a->kernel_w < 1 || a->stride_h < 1 || a->stride_w < 1 || a->pad_top < 0 || a->pad_bottom < 0 || a->pad_left < 0 ||
        a->pad_right < 0 || a->pad_top >= a->kernel_h || a->pad_bottom >= a->kernel_h || a->pad_left >= a->kernel_w || a->pad_right >= a->kernel_w)
        return snprintf(why, why_bytes, "a %dx%d window with stride %dx%d makes no sense", a->kernel_h, a->kernel_w, a->stride_h, a->stride_w), false;
    if (!in->h) return true;
    int height = in->h + a->pad_top + a->pad_bottom - a->kernel_h, width = in->w + a->pad_left + a->pad_right - a->kernel_w;
    if (height < 0 || width < 0)
        return snprintf(why, why_bytes, "a %dx%d window does not fit on a %dx%d map", a->kernel_h, a->kernel_w, in->h, in->w), false;
    out->h = height / a->stride_h + 1, out->w = width / a->stride_w + 1;
    return true;
}

hl_pool hl_pool_geometry(const hl_node *node) {
    const hl_pool_options *a = node->attributes;
    return (hl_pool){.kh = a->kernel_h, .kw = a->kernel_w, .stride_h = a->stride_h, .stride_w = a->stride_w, .pad_top = a->pad_top, .pad_left = a->pad_left, .zero_pad = a->zero_pad};
}

double hl_pool_flops(const hl_step *step) {
    const hl_pool_options *a = step->node->attributes;
    return (double)hl_view_pixels(&step->out) * step->out.c * a->kernel_h * a->kernel_w;
}
