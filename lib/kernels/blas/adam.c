/* One step of Adam (Kingma, Ba 2015, algorithm 1) in float. */
#include <math.h>

#include "kernels/blas/elementwise.h"

enum { PIECE = 1 << 14, BLOCK = 64 };

typedef struct adam_call {
    int64_t count;
    float *weights, *moment1, *moment2;
    const float *gradient;
    float beta1, rest1, beta2, rest2, rate, inverse2, epsilon; /* rest: 1 - beta; rate: over 1 - beta1^t; inverse2: 1 / (1 - beta2^t) */
} adam_call;

/* The roots come in a loop of their own: they may set errno, which keeps a loop from being vectorised. */
static void adam_block(const adam_call *call, int64_t first, int count) {
    float *restrict m = call->moment1 + first, *restrict v = call->moment2 + first, *restrict w = call->weights + first, root[BLOCK];
    const float *restrict g = call->gradient + first;
    for (int i = 0; i < count; i++) {
        m[i] = call->beta1 * m[i] + call->rest1 * g[i];
        v[i] = call->beta2 * v[i] + call->rest2 * g[i] * g[i];
        root[i] = v[i] * call->inverse2;
    }
    for (int i = 0; i < count; i++) root[i] = sqrtf(root[i]);
    for (int i = 0; i < count; i++) w[i] -= call->rate * m[i] / (root[i] + call->epsilon);
}

static void adam_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const adam_call *call = arg;
    int64_t end = (piece + 1) * PIECE < call->count ? (piece + 1) * PIECE : call->count;
    for (int64_t i = piece * PIECE; i < end; i += BLOCK) adam_block(call, i, end - i < BLOCK ? (int)(end - i) : BLOCK);
}

void HL_BLAS(adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1,
                   void *moment2) {
    adam_call call = {.count = count, .weights = weights, .moment1 = moment1, .moment2 = moment2, .gradient = gradient};
    call.beta1 = (float)step->beta1, call.rest1 = (float)(1 - step->beta1);
    call.beta2 = (float)step->beta2, call.rest2 = (float)(1 - step->beta2);
    call.rate = (float)(step->rate / step->correction1), call.inverse2 = (float)(1 / step->correction2);
    call.epsilon = (float)step->epsilon;
    hl_parallel_for(hl, (count + PIECE - 1) / PIECE, adam_piece, &call);
}
