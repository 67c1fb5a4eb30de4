/* The table of the float kernels over OpenBLAS. */
#include <cblas.h>

#include "kernels/blas/elementwise.h"
#include "kernels/ref/ref.h"

void hl_blas_prepare(void) { openblas_set_num_threads(1); }

static const hl_conv_kernel *const convs[] = {&hl_blas_winograd, &hl_blas_gemm, &HL_REF(conv), NULL};

const hl_kernels hl_kernels_blas = {
    .name = "blas",
    .dtype = HL_F32,
    .convs = convs,
    .norm_workspace = hl_blas_norm_workspace,
    .norm_statistics = hl_blas_norm_statistics,
    .norm_apply = hl_blas_norm_apply,
    .norm_backward = hl_blas_norm_backward,
    .relu_forward = hl_blas_relu_forward,
    .relu_backward = hl_blas_relu_backward,
    .sigmoid_forward = HL_REF(sigmoid_forward),
    .sigmoid_backward = HL_REF(sigmoid_backward),
    .max_pool_forward = hl_blas_max_pool_forward,
    .max_pool_backward = hl_blas_max_pool_backward,
    .average_pool_forward = HL_REF(average_pool_forward),
    .average_pool_backward = HL_REF(average_pool_backward),
    .upsample_forward = hl_blas_upsample_forward,
    .upsample_backward = hl_blas_upsample_backward,
    .copy = hl_blas_copy,
    .add = hl_blas_add,
    .loss_workspace = HL_REF(loss_workspace),
    .loss_sums = HL_REF(loss_sums),
    .loss_backward = HL_REF(loss_backward),
    .adam = hl_blas_adam,
};
