/* Maps in memory: N x H x W x C with the channels of a pixel side by side and a pixel stride that may exceed C. */
#ifndef HL_VIEW_H
#define HL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hilum/context.h"

/* Element (n, y, x, c) stands at data[((n * h + y) * w + x) * stride + c], counted in elements of the map's dtype. A
 * stride beyond c is how several tensors share one: each writes a channel range of it. */
typedef struct hl_view {
    void *data;
    int n, h, w, c;
    int64_t stride;
    bool half; /* elements are bf16, the upper halves of floats, whatever the dtype: values a plan keeps so; never gradients or parameters */
} hl_view;

typedef enum hl_activation { HL_LINEAR, HL_RELU, HL_SWISH } hl_activation;

/* One of the maps a convolution reads as if they were concatenated along the channels. */
typedef struct hl_segment {
    hl_view view; /* h and w are the map's own: the convolution's input is h << up, w << up */
    int up;       /* nearest upsampling by 2^up while reading */
    /* Of the view's dtype, view.c means, as many scales and as many shifts: what is read is act((x - mean) scale + shift), a batch norm
     * that was never stored. NULL: x itself. */
    const void *norm;
    hl_activation act; /* with norm only: HL_LINEAR or HL_RELU; HL_SWISH where a gradient alone goes through it (kernels.h, backward_through) */
    hl_view scale;     /* n x 1 x 1 x view.c: what is read is x times its image's, a channel_scale that was never stored; not with norm. Without data: x itself */
} hl_segment;

enum { HL_MAX_SEGMENTS = 8 };

static inline size_t hl_dtype_bytes(hl_dtype dtype) { return dtype == HL_F64 ? sizeof(double) : sizeof(float); }
static inline size_t hl_view_element(const hl_view *view, hl_dtype dtype) { return view->half ? sizeof(uint16_t) : hl_dtype_bytes(dtype); }
/* `count` of a map's channels from `from` on. */
static inline hl_view hl_view_channels(hl_view map, hl_dtype dtype, int from, int count) {
    map.data = (char *)map.data + (size_t)from * hl_view_element(&map, dtype);
    map.c = count;
    return map;
}
static inline int64_t hl_view_pixels(const hl_view *view) { return (int64_t)view->n * view->h * view->w; }

#endif
