/* Which kernels a context uses, and which of its convolutions a layer does: by instruction set and shape alone. */
#include "base/context.h"
#include "kernels/blas/blas.h"
#include "kernels/kernels.h"

const hl_kernels *hl_kernels_for(const hl_context *hl, hl_dtype dtype) {
    if (dtype == HL_F64) return &hl_kernels_ref_f64;
    if (hl->isa == HL_ISA_REF) return &hl_kernels_ref_f32;
    hl_blas_prepare();
    return &hl_kernels_blas;
}

const hl_conv_kernel *hl_conv_choose(const hl_kernels *kernels, const hl_conv *conv, hl_pass pass) {
    const hl_conv_kernel *best = NULL;
    double least = 0;
    for (const hl_conv_kernel *const *at = kernels->convs; *at; at++) {
        if (!(*at)->fits(conv)) continue;
        double cost = (*at)->cost(conv, pass);
        if (!best || cost < least) best = *at, least = cost;
    }
    return best;
}
