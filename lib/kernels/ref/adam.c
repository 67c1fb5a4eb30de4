/* One step of Adam (Kingma, Ba 2015, algorithm 1). */
#include <math.h>

#include "kernels/ref/ref.h"

enum { CHUNK = 1 << 14 };

typedef struct adam_call {
    const hl_adam_step *step;
    int64_t count;
    real *weights, *moment1, *moment2;
    const real *gradient;
} adam_call;

static void adam_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const adam_call *call = arg;
    const hl_adam_step *step = call->step;
    int64_t end = (piece + 1) * CHUNK < call->count ? (piece + 1) * CHUNK : call->count;
    for (int64_t i = piece * CHUNK; i < end; i++) {
        double g = (double)call->gradient[i];
        double m = step->beta1 * (double)call->moment1[i] + (1 - step->beta1) * g;
        double v = step->beta2 * (double)call->moment2[i] + (1 - step->beta2) * g * g;
        double change = step->rate * (m / step->correction1) / (sqrt(v / step->correction2) + step->epsilon);
        call->moment1[i] = (real)m, call->moment2[i] = (real)v;
        call->weights[i] = (real)((double)call->weights[i] - change);
    }
}

void HL_REF(adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1,
                  void *moment2) {
    adam_call call = {.step = step, .count = count, .weights = weights, .moment1 = moment1, .moment2 = moment2, .gradient = gradient};
    hl_parallel_for(hl, (count + CHUNK - 1) / CHUNK, adam_piece, &call);
}
