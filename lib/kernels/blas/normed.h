/* Reading a segment through its norm, act((x - mean) scale + shift), or its images' scales: a vector or a run of channels at a time. */
#ifndef HL_BLAS_NORMED_H
#define HL_BLAS_NORMED_H

#include <stdbool.h>

#include "kernels/blas/blas.h"
#include "kernels/blas/sigmoid.h"

static inline __attribute__((always_inline)) vector activated(hl_activation act, vector y) {
    if (act == HL_RELU) return vector_relu(y);
    return act == HL_SWISH ? vector_swish(y) : y;
}

/* dy times the activation's slope at y. */
static inline __attribute__((always_inline)) vector through_activation(hl_activation act, vector y, vector dy) {
    if (act == HL_RELU) return (vector)((vector_mask)dy & (vector_mask)(y > 0));
    if (act == HL_SWISH) dy *= vector_swish_slope(y);
    return dy;
}

/* A vector of channels' terms. */
typedef struct norm_vectors {
    vector mean, scale, shift;
    bool relu;
} norm_vectors;

static inline bool is_through(const hl_segment *in) { return in->norm || in->scale.data; }

/* Of `rows` pixels from pixel `first` on those that are read alike: all, or with scales those of the first one's image. */
static inline int rows_alike(const hl_segment *in, int64_t first, int rows) {
    int64_t size = (int64_t)in->view.h * in->view.w, left = size - first % size;
    return in->scale.data && left < rows ? (int)left : rows;
}

/* Of `count` channels of image n from `channel` on, lanes past them such that they give 0. */
static inline norm_vectors norm_vectors_of(const hl_segment *in, int64_t n, int channel, int count) {
    if (in->scale.data) return (norm_vectors){.scale = vector_load_some(hl_blas_pixel(&in->scale, n) + channel, count)};
    const float *norm = (const float *)in->norm + channel;
    int channels = in->view.c;
    return (norm_vectors){vector_load_some(norm, count), vector_load_some(norm + channels, count), vector_load_some(norm + 2 * channels, count), in->act == HL_RELU};
}

static inline vector normed(const norm_vectors *n, vector x) {
    vector y = vector_fma(x - n->mean, n->scale, n->shift);
    return n->relu ? vector_relu(y) : y;
}

/* v, of an output pixel's channels, plus what `add` has there; where the output is half v is rounded before, as if it were stored and added to. */
static inline vector with_added(const hl_view *out, const hl_view *add, int64_t pixel, int channel, int count, vector v) {
    if (out->half) v = vector_rounded(v);
    return v + cells_load_some(hl_blas_cells(add, pixel), channel, count, add->half);
}

/* to = channels channel .. channel + count of a pixel of image n. */
static inline void read_normed(const hl_segment *in, int64_t n, const void *pixel, int channel, int count, float *to) {
    for (int c = 0; c < count; c += LANES) {
        norm_vectors terms = norm_vectors_of(in, n, channel + c, count - c);
        vector_store_some(to + c, normed(&terms, cells_load_some(pixel, channel + c, count - c, in->view.half)), count - c);
    }
}

#endif
