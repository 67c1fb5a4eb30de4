/* The tables of the float kernels over OpenBLAS: hl_kernels_blas, hl_kernels_avx2 and hl_kernels_avx512, by what they are built for. */
#include "kernels/blas/elementwise.h"
#include "kernels/ref/ref.h"

#if defined HL_KERNELS_AVX512 && defined __AVX512F__
extern const hl_conv_kernel *const hl_amx_convs[], *const hl_dots_convs[]; /* kernels/bf16/conv.h, which is for other processors still */
#endif

static const hl_conv_kernel *const convs[] = {&HL_BLAS(depthwise), &HL_BLAS(narrow), &HL_BLAS(stem), &HL_BLAS(winograd), &HL_BLAS(gemm), &HL_REF(conv), NULL};

#if defined HL_KERNELS_AVX512
const hl_kernels hl_kernels_avx512 = {
    .name = "avx512",
#elif defined HL_KERNELS_AVX2
const hl_kernels hl_kernels_avx2 = {
    .name = "avx2",
#else
const hl_kernels hl_kernels_blas = {
    .name = "blas",
#endif
    .dtype = HL_F32,
    .convs = convs,
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    .half_convs = {[HL_BF16_DOTS] = hl_dots_convs, [HL_BF16_TILES] = hl_amx_convs},
#endif
    .burst = HL_BLAS(burst),
    .norm_workspace = HL_BLAS(norm_workspace),
    .norm_statistics = HL_BLAS(norm_statistics),
    .norm_terms = HL_REF(norm_terms),
    .norm_apply = HL_BLAS(norm_apply),
    .norm_backward = HL_BLAS(norm_backward),
    .norm_settle = HL_BLAS(norm_settle),
    .conv_sums_workspace = HL_REF(conv_sums_workspace),
    .conv_sums = HL_REF(conv_sums),
    .relu_forward = HL_BLAS(relu_forward),
    .relu_backward = HL_BLAS(relu_backward),
    .sigmoid_forward = HL_BLAS(sigmoid_forward),
    .sigmoid_backward = HL_BLAS(sigmoid_backward),
    .swish_forward = HL_BLAS(swish_forward),
    .swish_backward = HL_BLAS(swish_backward),
    .global_average_forward = HL_BLAS(global_average_forward),
    .global_average_of_rows = HL_BLAS(global_average_of_rows),
    .global_average_backward = HL_BLAS(global_average_backward),
    .channel_scale_forward = HL_BLAS(channel_scale_forward),
    .channel_scale_backward = HL_BLAS(channel_scale_backward),
    .image_scale = HL_BLAS(image_scale),
    .max_pool_forward = HL_BLAS(max_pool_forward),
    .max_pool_backward = HL_BLAS(max_pool_backward),
    .average_pool_forward = HL_BLAS(average_pool_forward),
    .average_pool_backward = HL_BLAS(average_pool_backward),
    .upsample_forward = HL_BLAS(upsample_forward),
    .upsample_backward = HL_BLAS(upsample_backward),
    .copy = HL_BLAS(copy),
    .add = HL_BLAS(add),
    .loss_workspace = HL_BLAS(loss_workspace),
    .loss_sums = HL_BLAS(loss_sums),
    .loss_backward = HL_BLAS(loss_backward),
    .softmax_forward = HL_REF(softmax_forward),
    .class_loss_workspace = HL_REF(class_loss_workspace),
    .class_loss_sums = HL_REF(class_loss_sums),
    .class_loss_backward = HL_REF(class_loss_backward),
    .adam = HL_BLAS(adam),
};
