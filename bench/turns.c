/* Builds of the library by turns in one process: what a change does to a network's step where the machine's speed wanders.
 *
 *   turns NET train|infer BATCH ROUNDS libhilum.so OTHER.so...
 *
 * Each round takes a step of every build, at 256x256, one after the other. Printed for each: the median over the rounds of its time over the
 * first build's in the same round, the least and the quarter's milliseconds a step, and ratios by kind of layer. The same build
 * named twice (a copy under another name) tells how far to trust a ratio. Builds' headers must agree.
 *
 *   make build/turns; cp build/libhilum.so build/before.so; (change); make
 *   OMP_WAIT_POLICY=passive build/turns unet-resnet34 train 4 20 build/before.so build/libhilum.so */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hilum/hilum.h"
#include "hilum/nets.h"

enum { SIZE = 256, BUILDS = 8, ROUNDS = 1000 };

typedef struct build {
    const char *path;
    hl_context *(*open)(const hl_options *options);
    hl_graph *(*net)(hl_context *hl, const char *name, const hl_net_options *options);
    hl_params *(*init)(hl_graph *graph, hl_init init, uint64_t seed);
    hl_plan *(*compile)(hl_graph *graph, hl_params *params, const hl_plan_options *options);
    hl_adam *(*adam_new)(hl_params *params, const hl_adam_options *options);
    hl_status (*train)(hl_plan *plan, hl_adam *adam, double rate, const float *images, const float *masks, int count, double *loss);
    hl_status (*predict)(hl_plan *plan, const float *images, int count, float *probabilities);
    hl_status (*profile)(const hl_plan *plan, hl_profile *profile);
    void (*clear)(hl_plan *plan);
    const char *(*error)(const hl_context *hl);
    hl_context *hl;
    hl_plan *plan;
    hl_adam *adam;
    double seconds[ROUNDS];
} build;

/* ISO C has no cast from an object's pointer to a function's. */
static void find(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);
    if (!found) fprintf(stderr, "turns: %s\n", dlerror()), exit(1);
    memcpy(function, &found, sizeof found);
}

static void load(build *b, const char *path, const char *net, hl_mode mode, int batch) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!library) fprintf(stderr, "turns: %s\n", dlerror()), exit(1);
    b->path = path;
    find(library, "hl_open", &b->open), find(library, "hl_net", &b->net), find(library, "hl_params_init", &b->init);
    find(library, "hl_compile", &b->compile), find(library, "hl_adam_new", &b->adam_new), find(library, "hl_train_step", &b->train);
    find(library, "hl_predict", &b->predict), find(library, "hl_plan_profile", &b->profile), find(library, "hl_error", &b->error);
    find(library, "hl_plan_profile_clear", &b->clear);
    b->hl = b->open(NULL);
    hl_graph *graph = b->net(b->hl, net, &(hl_net_options){0});
    hl_params *params = b->init(graph, HL_INIT_HE, 0);
    b->plan = b->compile(graph, params, &(hl_plan_options){.mode = mode, .batch = batch, .height = SIZE, .width = SIZE, .keep_kernels = true});
    b->adam = mode == HL_TRAIN ? b->adam_new(params, NULL) : NULL;
    if (!b->plan) fprintf(stderr, "turns: %s\n", b->error(b->hl)), exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double step(const build *b, int batch, const float *images, float *masks) {
    double start = now();
    hl_status status = b->adam ? b->train(b->plan, b->adam, 1e-4, images, masks, batch, NULL) : b->predict(b->plan, images, batch, masks);
    if (status) fprintf(stderr, "turns: %s\n", b->error(b->hl)), exit(1);
    return now() - start;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile `share` of numbers, which are sorted for it. */
static double quantile(double *values, int count, double share) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[(int)(share * (count - 1))];
}

/* By kind of layer, its passes' time over the first build's; what takes less than a hundredth of the longest is left out. */
static void print_kinds(const build *first, const build *b) {
    static hl_profile before, after;
    if (first->profile(first->plan, &before) || b->profile(b->plan, &after)) return;
    for (int i = 0; i < after.count; i++)
        for (int k = 0; k < before.count; k++) {
            const hl_profile_row *x = &before.rows[k], *y = &after.rows[i];
            if (strcmp(x->name, y->name) || y->total < 0.01 * after.rows[0].total) continue;
            printf("    %-40s", y->name);
            for (int pass = 0; pass < 3; pass++) {
                if (x->seconds[pass] > 0) printf(" %7.3f", y->seconds[pass] / x->seconds[pass]);
                else printf("       -");
            }
            printf("\n");
        }
}

int main(int count, char **words) {
    static build builds[BUILDS];
    int batch = count > 4 ? atoi(words[3]) : 0, rounds = count > 4 ? atoi(words[4]) : 0, used = count - 5;
    if (used < 1 || used > BUILDS || batch < 1 || rounds < 1 || rounds > ROUNDS)
        return fprintf(stderr, "usage: turns NET train|infer BATCH ROUNDS LIBRARY...\n"), 2;
    hl_mode mode = strcmp(words[2], "train") ? HL_INFER : HL_TRAIN;
    size_t pixels = (size_t)batch * SIZE * SIZE;
    float *images = calloc(pixels * 3, sizeof *images), *masks = calloc(pixels, sizeof *masks);
    if (!images || !masks) return 1;
    for (size_t i = 0; i < pixels * 3; i++) images[i] = (float)(i * 7919 % 1009) / 1009;
    for (int k = 0; k < used; k++) load(&builds[k], words[5 + k], words[1], mode, batch), step(&builds[k], batch, images, masks), builds[k].clear(builds[k].plan);
    for (int r = 0; r < rounds; r++)
        for (int k = 0; k < used; k++) builds[k].seconds[r] = step(&builds[k], batch, images, masks);
    static double ratios[BUILDS][ROUNDS];
    for (int k = 0; k < used; k++)
        for (int r = 0; r < rounds; r++) ratios[k][r] = builds[k].seconds[r] / builds[0].seconds[r];
    for (int k = 0; k < used; k++) {
        double ratio = quantile(ratios[k], rounds, 0.5), least = quantile(builds[k].seconds, rounds, 0);
        printf("%-30s %.3f  least %.2f ms, quarter %.2f ms\n", builds[k].path, ratio, 1e3 * least, 1e3 * quantile(builds[k].seconds, rounds, 0.25));
        if (k) print_kinds(&builds[0], &builds[k]);
    }
    return 0;
}
