/* The float kernels that work element by element or channel by channel. kernels.h says what each does. */
#ifndef HL_BLAS_ELEMENTWISE_H
#define HL_BLAS_ELEMENTWISE_H

#include "kernels/blas/blas.h"

void HL_BLAS(relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_BLAS(relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_BLAS(copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate);
void HL_BLAS(add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y);
void HL_BLAS(upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y);
void HL_BLAS(upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate);

size_t HL_BLAS(norm_workspace)(const hl_view *x, int threads);
void HL_BLAS(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace);
void HL_BLAS(norm_apply)(hl_context *hl, const hl_view *x, const double *mean, const double *variance, double eps, const void *gamma,
                         const void *beta, const hl_view *y);
void HL_BLAS(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const double *mean, const double *variance, double eps,
                            const void *gamma, const hl_view *dx, bool accumulate, void *dgamma, void *dbeta, void *workspace);

void HL_BLAS(max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
void HL_BLAS(max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx,
                                bool accumulate);

void HL_BLAS(adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1,
                   void *moment2);

#endif
