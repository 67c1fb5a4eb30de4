/* Timing: the machine's own limits, and each convolution kernel at a shape. */
#include "hilum/bench.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

enum { RUNS = 5, REPEATS = 7, BURSTS = 64, PLAIN = 1 << 18 };
static const size_t copied = (size_t)64 << 20;

const hl_conv_shape *hl_bench_shapes(int *count) {
    static const hl_conv_shape shapes[] = {
        {4, 64, 64, 256, 3, 1, false},   {4, 128, 128, 128, 3, 1, false}, {4, 256, 256, 64, 3, 1, false},   {4, 512, 512, 32, 3, 1, false},
        {4, 512, 512, 16, 3, 1, false},  {4, 768, 256, 32, 3, 1, false},  {4, 192, 64, 128, 3, 1, false},   {4, 96, 32, 128, 3, 1, false},
        {4, 16, 16, 256, 3, 1, false},   {4, 3, 64, 256, 3, 1, false},    {4, 128, 256, 32, 3, 2, false},   {4, 3, 64, 256, 7, 2, false},
        {4, 512, 128, 32, 1, 1, false},  {4, 1024, 128, 16, 1, 1, false}, {4, 144, 144, 64, 3, 1, true},    {4, 240, 240, 32, 5, 1, true},
    };
    *count = (int)(sizeof shapes / sizeof *shapes);
    return shapes;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct copy_call {
    char *to, *from;
    size_t bytes; /* of a piece */
} copy_call;

static void copy_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const copy_call *call = arg;
    memcpy(call->to + (size_t)piece * call->bytes, call->from + (size_t)piece * call->bytes, call->bytes);
}

typedef struct burst_call {
    const hl_kernels *kernels;
    double *flops; /* of each piece */
} burst_call;

static void burst_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const burst_call *call = arg;
    call->flops[piece] = call->kernels->burst(PLAIN);
}

hl_status hl_measure_machine(hl_context *hl, hl_machine *machine) {
    copy_call copy = {hl_aligned(hl, copied), hl_aligned(hl, copied), copied / BURSTS};
    double flops[BURSTS];
    burst_call burst = {hl_kernels_for(hl, HL_F32), flops};
    *machine = (hl_machine){0};
    for (int run = 0; run < RUNS && copy.to && copy.from; run++) {
        double start = hl_seconds(), sum = 0;
        hl_parallel_for(hl, BURSTS, burst_piece, &burst);
        double middle = hl_seconds();
        hl_parallel_for(hl, BURSTS, copy_piece, &copy);
        double end = hl_seconds();
        for (int i = 0; i < BURSTS; i++) sum += flops[i];
        if (sum / (middle - start) > machine->flops) machine->flops = sum / (middle - start);
        if (2 * (double)copied / (end - middle) > machine->bytes) machine->bytes = 2 * (double)copied / (end - middle);
    }
    bool failed = !copy.to || !copy.from;
    free(copy.to), free(copy.from);
    return failed ? HL_NO_MEMORY : HL_OK;
}

typedef struct conv_call {
    hl_context *hl;
    const hl_conv_kernel *kernel;
    hl_conv conv;
    hl_segment in;
    hl_view din, out;
    float *weights, *dweights;
    hl_pass pass;
    double seconds; /* below 0: no memory */
} conv_call;

static void run(const conv_call *c, void *workspace) {
    if (c->pass == HL_FORWARD) c->kernel->forward(c->hl, &c->conv, &c->in, 1, c->weights, NULL, NULL, &c->out, workspace);
    else if (c->pass == HL_BACKWARD_DATA) c->kernel->backward_data(c->hl, &c->conv, &c->out, c->weights, &c->din, false, workspace);
    else c->kernel->backward_weights(c->hl, &c->conv, &c->in, 1, &c->out, c->dweights, NULL, workspace);
}

/* In a team's region, as in a step. */
static void time_pass(void *arg) {
    conv_call *c = arg;
    void *workspace = hl_aligned(c->hl, c->kernel->workspace(&c->conv, c->pass, hl_threads(c->hl)));
    double times[REPEATS];
    for (int i = -1; i < REPEATS && workspace; i++) {
        double start = hl_seconds();
        run(c, workspace);
        if (i >= 0) times[i] = hl_seconds() - start;
    }
    qsort(times, workspace ? REPEATS : 0, sizeof *times, by_size);
    c->seconds = workspace ? times[REPEATS / 2] : -1;
    free(workspace);
}

/* The next `count` numbers of a block, from *at on: a plan's too lie in one, in large pages. */
static float *numbers(float *block, size_t *at, size_t count) {
    float *data = block + *at;
    *at += (count + 15) / 16 * 16;
    return data;
}

static hl_conv conv_of(const hl_conv_shape *s) {
    int out = (s->size + s->stride - 1) / s->stride, total = (out - 1) * s->stride + s->kernel - s->size, pad = total > 0 ? total / 2 : 0;
    return (hl_conv){s->batch, s->size, s->size, s->in, out, out, s->out, s->kernel, s->kernel, s->stride, s->stride, pad, pad, s->depthwise ? s->in : 1};
}

static hl_status time_kernel(conv_call *c, const hl_conv_shape *shape, hl_kernel_rate *rate) {
    double in = (double)hl_view_pixels(&c->in.view) * c->conv.in_c, out = (double)hl_view_pixels(&c->out) * c->conv.out_c;
    double weights = (double)c->conv.out_c * c->conv.kh * c->conv.kw * (c->conv.in_c / c->conv.groups);
    *rate = (hl_kernel_rate){.kernel = c->kernel->name, .shape = *shape, .bytes = (in + out + weights) * sizeof(float)};
    rate->flops = 2 * weights * (double)hl_view_pixels(&c->out);
    for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) {
        c->pass = (hl_pass)pass;
        hl_with_team(c->hl, time_pass, c);
        if (c->seconds < 0) return HL_NO_MEMORY;
        rate->seconds[pass] = c->seconds;
        rate->chosen[pass] = hl_conv_choose(hl_kernels_for(c->hl, HL_F32), &c->conv, (hl_pass)pass) == c->kernel;
    }
    return HL_OK;
}

static bool is_among(const hl_conv_kernel *kernel, const hl_conv_kernel *const *list) {
    while (*list && *list != kernel) list++;
    return *list;
}

/* The last are plain loops; those of bf16 alone come after. */
static hl_status time_kernels(conv_call *c, const hl_conv_shape *shape, hl_kernel_rate *rates, int room, int *count) {
    const hl_kernels *kernels = hl_kernels_for(c->hl, HL_F32);
    const hl_conv_kernel *const *convs = kernels->convs, *const *halves = hl_half_convs(c->hl, kernels);
    hl_status status = HL_OK;
    for (int i = 0; convs[i] && *count < room && !status; i++) {
        c->kernel = convs[i];
        if ((convs[i + 1] || i == 0) && convs[i]->fits(&c->conv)) status = time_kernel(c, shape, &rates[(*count)++]);
    }
    for (int i = 0; halves && halves[i] && *count < room && !status; i++) {
        c->kernel = halves[i];
        if (!is_among(halves[i], convs) && halves[i]->fits(&c->conv)) status = time_kernel(c, shape, &rates[(*count)++]);
    }
    return status;
}

hl_status hl_measure_conv(hl_context *hl, const hl_conv_shape *s, hl_kernel_rate *rates, int room, int *count) {
    *count = 0;
    if (s->batch < 1 || s->in < 1 || s->out < 1 || s->size < 1 || s->kernel < 1 || s->stride < 1 || (s->depthwise && s->in != s->out))
        return hl_fail(hl, HL_USAGE, "a %dx%d convolution of %d images of %dx%d from %d to %d channels makes no sense", s->kernel, s->kernel, s->batch, s->size,
                       s->size, s->in, s->out);
    hl_conv conv = conv_of(s);
    size_t in = (size_t)conv.n * (size_t)conv.in_h * (size_t)conv.in_w * (size_t)conv.in_c, out = (size_t)conv.n * (size_t)conv.out_h * (size_t)conv.out_w * (size_t)conv.out_c;
    size_t weights = (size_t)conv.out_c * (size_t)(conv.kh * conv.kw) * (size_t)(conv.in_c / conv.groups);
    size_t all = 2 * in + out + 2 * weights + 5 * 16, at = 0;
    float *block = hl_aligned(hl, all * sizeof *block);
    if (!block) return HL_NO_MEMORY;
    for (size_t i = 0; i < all; i++) block[i] = (float)(i * 7919 % 1000) * 1e-3f - 0.5f;
    conv_call c = {.hl = hl, .conv = conv, .weights = numbers(block, &at, weights), .dweights = numbers(block, &at, weights)};
    c.din = c.in.view = (hl_view){numbers(block, &at, in), conv.n, conv.in_h, conv.in_w, conv.in_c, conv.in_c, false};
    c.din.data = numbers(block, &at, in);
    c.out = (hl_view){numbers(block, &at, out), conv.n, conv.out_h, conv.out_w, conv.out_c, conv.out_c, false};
    hl_status status = time_kernels(&c, s, rates, room, count);
    free(block);
    return status;
}
