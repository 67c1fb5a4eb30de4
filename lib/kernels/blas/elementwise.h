/* The float kernels that work element by element or channel by channel. kernels.h says what each does. */
#ifndef HL_BLAS_ELEMENTWISE_H
#define HL_BLAS_ELEMENTWISE_H

#include "kernels/blas/blas.h"
#include "kernels/blas/vector.h"

/* Elements of a map that may be half, `count` from channel `from` of a pixel on, as floats: where they stand, or widened to `room`. */
static inline const float *hl_blas_read(const hl_view *map, int64_t pixel, int64_t from, int64_t count, float *room) {
    if (!map->half) return hl_blas_pixel(map, pixel) + from;
    const uint16_t *halves = (const uint16_t *)hl_blas_cells(map, pixel) + from;
    for (int64_t i = 0; i < count; i += LANES) vector_store_some(room + i, vector_widen_some(halves + i, (int)(count - i)), (int)(count - i));
    return room;
}

/* Where floats are written that become such elements: where these stand, or `room`, from which hl_blas_keep narrows them. */
static inline float *hl_blas_place(const hl_view *map, int64_t pixel, int64_t from, float *room) {
    return map->half ? room : hl_blas_pixel(map, pixel) + from;
}
static inline void hl_blas_keep(const hl_view *map, int64_t pixel, int64_t from, int64_t count, const float *room) {
    if (!map->half) return;
    uint16_t *halves = (uint16_t *)hl_blas_cells(map, pixel) + from;
    for (int64_t i = 0; i < count; i += LANES) vector_narrow_some(halves + i, vector_load_some(room + i, (int)(count - i)), (int)(count - i));
}

/* What happens to `count` floats side by side. An output may be an input's own memory, element by element. */
typedef void hl_blas_run(float *y, const float *a, const float *b, int64_t count);
/* Runs over maps of one shape, in pieces of a fixed size; b may be NULL. Any may be half, but not a y that the run itself adds to. */
void HL_BLAS(run_all)(hl_context *hl, hl_blas_run *run, const hl_view *y, const hl_view *a, const hl_view *b);

void HL_BLAS(relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_BLAS(relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_BLAS(sigmoid_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_BLAS(sigmoid_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_BLAS(swish_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_BLAS(swish_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_BLAS(copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate);
void HL_BLAS(add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y);
void HL_BLAS(upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y);
void HL_BLAS(upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate);

void HL_BLAS(global_average_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_BLAS(global_average_of_rows)(hl_context *hl, const hl_view *x, const void *row_sums, const hl_view *y);
void HL_BLAS(global_average_backward)(hl_context *hl, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_BLAS(channel_scale_forward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *y);
void HL_BLAS(channel_scale_backward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *dy, const hl_view *dx,
                                     bool accumulate_dx, const hl_view *ds, bool accumulate_ds);
void HL_BLAS(image_scale)(hl_context *hl, const double *factor, const hl_view *x, const hl_view *y, bool accumulate);

size_t HL_BLAS(norm_workspace)(const hl_view *x, int threads);
void HL_BLAS(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace);
void HL_BLAS(norm_apply)(hl_context *hl, const hl_view *x, const hl_norm_state *norm, const hl_view *y);
void HL_BLAS(norm_settle)(hl_context *hl, const hl_view *x, const double *mean, const double *each, const double *slope, const hl_view *dx);
void HL_BLAS(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_norm_state *norm, const hl_view *dx, bool accumulate,
                            void *dgamma, void *dbeta, void *workspace);

void HL_BLAS(max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
void HL_BLAS(max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx,
                                bool accumulate);
void HL_BLAS(average_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
void HL_BLAS(average_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *dy, const hl_view *dx, bool accumulate);

size_t HL_BLAS(loss_workspace)(const hl_view *logits);
void HL_BLAS(loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_loss_sums *sums, void *workspace);
void HL_BLAS(loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor,
                            double product_factor, double probability_factor, const hl_view *dlogits);

void HL_BLAS(adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1,
                   void *moment2);

#endif
