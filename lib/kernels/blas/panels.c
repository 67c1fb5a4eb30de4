/* A convolution's kernel in panels, as products read it: packed for a pass, or kept for many. */
#include "kernels/blas/panels.h"

typedef struct pack_call {
    const hl_conv *conv;
    const float *kernel;
    bool turned;
    float *to;
} pack_call;

int HL_BLAS(group_panels)(const hl_conv *conv) { return panels_of(conv->out_c / conv->groups); }

int64_t HL_BLAS(kernel_floats)(const hl_conv *conv) {
    return (int64_t)conv->groups * HL_BLAS(group_panels)(conv) * conv->kh * conv->kw * (conv->in_c / conv->groups) * LANES;
}

/* Vectors of outputs lie so in a turned kernel already. */
static void pack_turned(const pack_call *call, int group, int from, int count, float *to) {
    const hl_conv *conv = call->conv;
    int taps = conv->kh * conv->kw, in = conv->in_c / conv->groups, out = conv->out_c / conv->groups;
    for (int t = taps - 1; t >= 0; t--)
        for (int i = 0; i < in; i++, to += LANES)
            vector_store(to, vector_load_some(call->kernel + ((int64_t)(group * in + i) * taps + t) * out + from, count));
}

/* A panel: LANES output channels of a group. */
static void pack_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const pack_call *call = arg;
    const hl_conv *conv = call->conv;
    int panels = HL_BLAS(group_panels)(conv), g = (int)(piece / panels), from = (int)(piece % panels) * LANES, out = conv->out_c / conv->groups;
    int count = out - from < LANES ? out - from : LANES, depth = conv->kh * conv->kw * (conv->in_c / conv->groups);
    float *to = call->to + piece * depth * LANES;
    if (call->turned) {
        pack_turned(call, g, from, count, to);
        return;
    }
    for (int k = 0; k < depth; k += LANES) {
        vector rows[LANES];
        int left = depth - k < LANES ? depth - k : LANES;
        for (int o = 0; o < LANES; o++)
            rows[o] = o < count ? vector_load_some(call->kernel + (int64_t)(g * out + from + o) * depth + k, left) : (vector){0};
        vector_transpose(rows);
        for (int i = 0; i < left; i++, to += LANES) vector_store(to, rows[i]);
    }
}

void HL_BLAS(pack_kernel)(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, float *to) {
    hl_parallel_for(hl, (int64_t)conv->groups * HL_BLAS(group_panels)(conv), pack_piece, &(pack_call){conv, kernel, turned, to});
}

size_t HL_BLAS(kept_bytes)(const hl_conv *conv) { return (size_t)HL_BLAS(kernel_floats)(conv) * sizeof(float); }
void HL_BLAS(keep)(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept) { HL_BLAS(pack_kernel)(hl, conv, kernel, false, kept); }
