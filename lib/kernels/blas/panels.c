/* What products read in panels: a convolution's kernel, packed for a pass or kept for many, and rows of pixels. */
#include "kernels/blas/panels.h"

#include "kernels/blas/normed.h"

typedef struct pack_call {
    const hl_conv *conv;
    const float *kernel;
    bool turned;
    float *to;
} pack_call;

int HL_BLAS(group_panels)(const hl_conv *conv) { return panels_of(conv->out_c / conv->groups); }

static int64_t panel_floats(const hl_conv *conv) { return (int64_t)conv->kh * conv->kw * (conv->in_c / conv->groups) * LANES; }

int64_t HL_BLAS(kernel_floats)(const hl_conv *conv) { return (int64_t)conv->groups * HL_BLAS(group_panels)(conv) * panel_floats(conv); }

/* Vectors of outputs lie so in a turned kernel already. */
static void pack_turned(const hl_conv *conv, const float *kernel, int group, int from, int count, float *to) {
    int taps = conv->kh * conv->kw, in = conv->in_c / conv->groups, out = conv->out_c / conv->groups;
    for (int t = taps - 1; t >= 0; t--)
        for (int i = 0; i < in; i++, to += LANES)
            vector_store(to, vector_load_some(kernel + ((int64_t)(group * in + i) * taps + t) * out + from, count));
}

void HL_BLAS(pack_panel)(const hl_conv *conv, const float *kernel, bool turned, int64_t panel, float *to) {
    int panels = HL_BLAS(group_panels)(conv), g = (int)(panel / panels), from = (int)(panel % panels) * LANES, out = conv->out_c / conv->groups;
    int count = out - from < LANES ? out - from : LANES, depth = conv->kh * conv->kw * (conv->in_c / conv->groups);
    if (turned) {
        pack_turned(conv, kernel, g, from, count, to);
        return;
    }
    for (int k = 0; k < depth; k += LANES) {
        vector rows[LANES];
        int left = depth - k < LANES ? depth - k : LANES;
        for (int o = 0; o < LANES; o++)
            rows[o] = o < count ? vector_load_some(kernel + (int64_t)(g * out + from + o) * depth + k, left) : (vector){0};
        vector_transpose(rows);
        for (int i = 0; i < left; i++, to += LANES) vector_store(to, rows[i]);
    }
}

static void pack_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const pack_call *call = arg;
    HL_BLAS(pack_panel)(call->conv, call->kernel, call->turned, piece, call->to + piece * panel_floats(call->conv));
}

void HL_BLAS(pack_kernel)(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, float *to) {
    hl_parallel_for(hl, (int64_t)conv->groups * HL_BLAS(group_panels)(conv), pack_piece, &(pack_call){conv, kernel, turned, to});
}

size_t HL_BLAS(kept_bytes)(const hl_conv *conv) { return (size_t)HL_BLAS(kernel_floats)(conv) * sizeof(float); }
void HL_BLAS(keep)(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept) { HL_BLAS(pack_kernel)(hl, conv, kernel, false, kept); }

void HL_BLAS(pack_rows)(const float *patches, int64_t stride, int rows, int depth, const hl_segment *in, int64_t image, int channel, float *to) {
    for (int k = 0; k < depth; k += LANES) {
        if (!in) {
            for (int r = 0; r < rows; r++, to += LANES) vector_store(to, vector_load_some(patches + r * stride + k, depth - k));
            continue;
        }
        norm_vectors n = norm_vectors_of(in, image, channel + k, depth - k);
        for (int r = 0; r < rows; r++, to += LANES) vector_store(to, normed(&n, vector_load_some(patches + r * stride + k, depth - k)));
    }
}
