/* One step of Adam (Kingma, Ba 2015, algorithm 1) in float. */
#include "kernels/blas/elementwise.h"

enum { PIECE = 1 << 14 };

typedef struct adam_call {
    int64_t count;
    float *weights, *moment1, *moment2;
    const float *gradient;
    float beta1, rest1, beta2, rest2, rate, inverse2, epsilon; /* rest: 1 - beta; rate: over 1 - beta1^t; inverse2: 1 / (1 - beta2^t) */
} adam_call;

/* Up to LANES numbers from i on. */
static inline void adam_vector(const adam_call *call, int64_t i, int count) {
    vector g = vector_load_some(call->gradient + i, count);
    vector m = call->beta1 * vector_load_some(call->moment1 + i, count) + call->rest1 * g;
    vector v = call->beta2 * vector_load_some(call->moment2 + i, count) + call->rest2 * g * g;
    vector step = call->rate * m / (vector_root(v * call->inverse2) + call->epsilon);
    vector_store_some(call->moment1 + i, m, count), vector_store_some(call->moment2 + i, v, count);
    vector_store_some(call->weights + i, vector_load_some(call->weights + i, count) - step, count);
}

static void adam_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const adam_call *call = arg;
    int64_t end = (piece + 1) * PIECE < call->count ? (piece + 1) * PIECE : call->count;
    int64_t i = piece * PIECE;
    for (; i + LANES <= end; i += LANES) adam_vector(call, i, LANES);
    if (i < end) adam_vector(call, i, (int)(end - i));
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
