/* GFLOP/s (direct FLOPs over time) of the 3x3 convolutions of a VGG16 U-Net, for each kernel that fits. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/kernels.h"

enum { BATCH = 8, REPEATS = 7 };

typedef struct shape {
    int in, out, size;
} shape;

static const shape shapes[] = {{64, 64, 64},   {128, 128, 32}, {192, 64, 32}, {256, 256, 16}, {512, 512, 8}, {768, 256, 8},
                               {1024, 256, 4}, {512, 512, 4},  {512, 512, 2}, {32, 32, 64},   {16, 16, 64}};

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct call {
    hl_context *hl;
    const hl_conv_kernel *kernel;
    hl_conv conv;
    hl_segment in;
    hl_view din, out;
    float *weights, *dweights, *bias;
} call;

static void run(call *c, hl_pass pass, void *workspace) {
    if (pass == HL_FORWARD) c->kernel->forward(c->hl, &c->conv, &c->in, 1, c->weights, c->bias, &c->out, workspace);
    else if (pass == HL_BACKWARD_DATA) c->kernel->backward_data(c->hl, &c->conv, &c->out, c->weights, &c->din, false, workspace);
    else c->kernel->backward_weights(c->hl, &c->conv, &c->in, 1, &c->out, c->dweights, c->bias, workspace);
}

/* Median seconds of a pass; below 0 without memory. */
static double seconds(call *c, hl_pass pass, size_t *bytes) {
    *bytes = c->kernel->workspace(&c->conv, pass, hl_threads(c->hl));
    void *workspace = hl_aligned(c->hl, *bytes);
    if (!workspace) return -1;
    double times[REPEATS];
    run(c, pass, workspace);
    for (int i = 0; i < REPEATS; i++) {
        double start = hl_seconds();
        run(c, pass, workspace);
        times[i] = hl_seconds() - start;
    }
    free(workspace);
    qsort(times, REPEATS, sizeof *times, by_size);
    return times[REPEATS / 2];
}

static float *numbers(hl_context *hl, size_t count) {
    float *data = hl_aligned(hl, count * sizeof *data);
    for (size_t i = 0; data && i < count; i++) data[i] = (float)(i * 7919 % 1000) * 1e-3f - 0.5f;
    return data;
}

static int measure(hl_context *hl, const hl_kernels *kernels, const shape *s) {
    size_t pixels = (size_t)BATCH * (size_t)s->size * (size_t)s->size, in = (size_t)s->in, out = (size_t)s->out;
    call c = {.hl = hl, .conv = {BATCH, s->size, s->size, s->in, s->size, s->size, s->out, 3, 3, 1, 1, 1, 1, 1}};
    c.in.view = (hl_view){numbers(hl, pixels * in), BATCH, s->size, s->size, s->in, s->in};
    c.din = c.in.view, c.din.data = numbers(hl, pixels * in);
    c.out = (hl_view){numbers(hl, pixels * out), BATCH, s->size, s->size, s->out, s->out};
    c.weights = numbers(hl, in * out * 9), c.dweights = numbers(hl, in * out * 9), c.bias = numbers(hl, out);
    int failed = !c.in.view.data || !c.din.data || !c.out.data || !c.weights || !c.dweights || !c.bias;
    double flops = 18.0 * (double)(pixels * in * out);
    for (const hl_conv_kernel *const *at = kernels->convs; *at && !failed; at++) {
        if (at[1] == NULL || !(*at)->fits(&c.conv)) continue; /* the last ones are plain loops */
        printf("%4d ->%4d @%3d %-9s", s->in, s->out, s->size, (*at)->name);
        for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) {
            size_t bytes;
            c.kernel = *at;
            double time = seconds(&c, (hl_pass)pass, &bytes);
            bool chosen = hl_conv_choose(kernels, &c.conv, (hl_pass)pass) == *at;
            printf("  %7.1f (%5.1f MB)%c", flops / time * 1e-9, (double)bytes * 1e-6, chosen ? '*' : ' ');
        }
        printf("\n");
    }
    free(c.in.view.data), free(c.din.data), free(c.out.data), free(c.weights), free(c.dweights), free(c.bias);
    return failed;
}

int main(void) {
    hl_context *hl = hl_open(NULL);
    if (!hl) return EXIT_FAILURE;
    const hl_kernels *kernels = hl_kernels_for(hl, HL_F32);
    printf("3x3, batch %d, %d threads: GFLOP/s (workspace) forward, backward-data, backward-weights; * chosen\n", BATCH, hl_threads(hl));
    int failed = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) failed |= measure(hl, kernels, &shapes[i]);
    hl_close(hl);
    return failed;
}
