/* Which kernels a context uses, and which of its convolutions a layer does: by instruction set and shape alone. */
#include <cblas.h>

#include "base/context.h"
#include "kernels/kernels.h"

const hl_kernels *hl_kernels_for(const hl_context *hl, hl_dtype dtype) {
    if (dtype == HL_F64) return &hl_kernels_ref_f64;
    if (hl->isa == HL_ISA_REF) return &hl_kernels_ref_f32;
    openblas_set_num_threads(1); /* the pieces of hl_parallel_for are the threads */
    if (hl->isa == HL_ISA_BLAS) return &hl_kernels_blas;
    return hl->isa == HL_ISA_AVX2 ? &hl_kernels_avx2 : &hl_kernels_avx512;
}

hl_status hl_kernels_check(hl_context *hl, hl_dtype dtype) {
    bool products = dtype == HL_F32 && hl->isa != HL_ISA_REF;
    if (!products || hl->threads == 1 || openblas_get_parallel() != OPENBLAS_SEQUENTIAL) return HL_OK;
    return hl_fail(hl, HL_FAILED,
                   "the OpenBLAS in use is the serial build, which gives wrong products when %d threads call it: expected the pthread or "
                   "OpenMP build (Debian's libopenblas0-pthread), or one thread",
                   hl->threads);
}

const hl_conv_kernel *const *hl_half_convs(const hl_context *hl, const hl_kernels *kernels) { return kernels->half_convs[hl_bf16_best(hl)]; }

static const hl_conv_kernel *cheapest(const hl_conv_kernel *const *at, const hl_conv *conv, hl_pass pass) {
    const hl_conv_kernel *best = NULL;
    double least = 0;
    for (; *at; at++) {
        if (!(*at)->fits(conv)) continue;
        double cost = (*at)->cost(conv, pass);
        if (!best || cost < least) best = *at, least = cost;
    }
    return best;
}

const hl_conv_kernel *hl_conv_choose(const hl_kernels *kernels, const hl_conv *conv, hl_pass pass) { return cheapest(kernels->convs, conv, pass); }
const hl_conv_kernel *hl_conv_choose_half(const hl_conv_kernel *const *half_convs, const hl_conv *conv, hl_pass pass) { return cheapest(half_convs, conv, pass); }
