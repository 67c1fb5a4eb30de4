/* `hilum bench`: how long a network's steps take, how much memory, and how near that comes to what the machine can do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench_loader.h"
#include "common.h"
#include "figures.h"
#include "hilum/bench.h"
#include "hilum/plan.h"
#include "network.h"
#include "program.h"
#include "progress.h"

enum { TRAIN, INFER };

/* bench_kernels.c; of the shapes those with `text` in their name, NULL: all */
bool knows_shape(const char *text);
hl_status bench_kernels(hl_context *hl, const char *text, bool json);

typedef struct bench {
    const char *net, *shape;
    network_words network;
    int mode, precision, size[2], batch, threads, iterations, memory_limit;
    bool json, profile, kernels;
    loader_words loader;
    hl_context *hl;
    hl_graph *graph;
    hl_params *params;
    hl_adam *adam;
    hl_plan *plan;
    float *images, *masks; /* in inference the probabilities */
    double *seconds;       /* of each step */
    double rss, peak;      /* of the steps, MiB; operations a second of the machine */
} bench;

static hl_status prepare(bench *b) {
    hl_net_options options;
    if (!network_take("bench", &b->network, &options)) return HL_USAGE;
    b->graph = hl_net(b->hl, b->net, &options);
    if (b->graph) b->params = hl_params_init(b->graph, HL_INIT_HE, 0);
    if (b->params && b->mode == TRAIN) b->adam = hl_adam_new(b->params, NULL);
    hl_plan_options plan = {.mode = b->mode == TRAIN ? HL_TRAIN : HL_INFER, .batch = b->batch, .height = b->size[0], .width = b->size[1], .keep_kernels = true,
                            .memory_limit = memory_bytes(b->memory_limit), .precision = (hl_precision)b->precision};
    if (b->params && (b->adam || b->mode == INFER)) b->plan = hl_compile(b->graph, b->params, &plan);
    if (!b->plan) return hl_error_status(b->hl);
    size_t pixels = (size_t)b->batch * (size_t)b->size[0] * (size_t)b->size[1], channels = (size_t)options.channels;
    size_t classes = options.classes > 1 ? (size_t)options.classes : 1;
    b->images = malloc(pixels * channels * sizeof(float)), b->masks = malloc(pixels * classes * sizeof(float));
    b->seconds = malloc((size_t)b->iterations * sizeof(double));
    if (!b->images || !b->masks || !b->seconds) return HL_NO_MEMORY;
    for (size_t i = 0; i < pixels * channels; i++) b->images[i] = (float)(i * 7919 % 1009) / 1009;
    for (size_t i = 0; i < pixels; i++) b->masks[i] = i * 104729 % 10 > 6;
    return HL_OK;
}

/* The first step is not counted: pages are touched and caches filled. */
static hl_status run_steps(bench *b) {
    hl_status status = HL_OK;
    for (int i = -1; i < b->iterations && !status; i++) {
        double start = clock_seconds();
        if (b->mode == TRAIN) status = hl_train_step(b->plan, b->adam, 1e-4, b->images, b->masks, b->batch, NULL);
        else status = hl_predict(b->plan, b->images, b->batch, b->masks);
        if (i >= 0) b->seconds[i] = clock_seconds() - start;
        else hl_plan_profile_clear(b->plan);
        if (!status && *stop_flag()) status = HL_INTERRUPTED;
    }
    return status;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double per_second(double flops, double seconds) { return seconds > 0 ? 1e-9 * flops / seconds : 0; }

/* Milliseconds an image and GFLOP/s of each pass, by kind of layer; then the bytes. */
static void print_profile(const bench *b, const hl_profile *p) {
    static const char *const names[] = {"maps", "their gradients", "parameters' gradients", "largest workspace", "arena, shared by all"};
    const size_t bytes[] = {p->bytes_values, p->bytes_gradients, p->bytes_parameter_gradients, p->bytes_workspace, p->bytes_arena};
    double steps = b->iterations, image = 1e3 / (steps * b->batch), total = 0;
    for (int i = 0; i < p->count; i++) total += p->rows[i].total;
    printf("\n%-34s%7s%10s%7s%18s%18s%18s\n", "ms an image (GFLOP/s)", "layers", "all", "share", "forward", "backward", "to the weights");
    for (int i = 0; i < p->count; i++) {
        const hl_profile_row *r = &p->rows[i];
        printf("%-34s%7d%10.2f%6.1f%%", r->name, r->layers, r->total * image, 100 * r->total / total);
        for (int pass = 0; pass < 3; pass++) printf("%10.2f (%5.0f)", r->seconds[pass] * image, per_second(r->flops[pass] * steps, r->seconds[pass]));
        printf("\n");
    }
    printf("\n");
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) printf("%-34s%10.1f MiB\n", names[i], (double)bytes[i] / (1 << 20));
}

static void add_profile(const bench *b, const hl_profile *p, cJSON *root) {
    static const char *const passes[] = {"ms_forward", "ms_backward", "ms_backward_weights"};
    cJSON *rows = cJSON_AddArrayToObject(root, "profile"), *bytes = cJSON_AddObjectToObject(root, "bytes");
    double image = 1e3 / (b->iterations * (double)b->batch);
    for (int i = 0; i < p->count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", p->rows[i].name);
        cJSON_AddNumberToObject(row, "layers", p->rows[i].layers);
        for (int pass = 0; pass < 3; pass++) cJSON_AddNumberToObject(row, passes[pass], p->rows[i].seconds[pass] * image);
        cJSON_AddItemToArray(rows, row);
    }
    cJSON_AddNumberToObject(bytes, "values", (double)p->bytes_values);
    cJSON_AddNumberToObject(bytes, "gradients", (double)p->bytes_gradients);
    cJSON_AddNumberToObject(bytes, "parameter_gradients", (double)p->bytes_parameter_gradients);
    cJSON_AddNumberToObject(bytes, "workspace", (double)p->bytes_workspace);
    cJSON_AddNumberToObject(bytes, "arena", (double)p->bytes_arena);
}

static void print_bench(const bench *b, const hl_profile *profile) {
    qsort(b->seconds, (size_t)b->iterations, sizeof *b->seconds, by_size);
    double median = b->seconds[b->iterations / 2], least = b->seconds[0], gflops = 1e-9 * hl_plan_flops(b->plan);
    double image = 1e3 / b->batch;
    if (!b->json) {
        printf("%s, %s, %dx%d, batch %d, %d threads, %s, %s\n", b->net, b->mode == TRAIN ? "train" : "infer", b->size[0], b->size[1], b->batch,
               hl_threads(b->hl), hl_isa(b->hl), hl_precision_name((hl_precision)b->precision));
        printf("%-34s%14.2f\n%-34s%14.2f\n", "ms an image, median", median * image, "ms an image, least", least * image);
        printf("%-34s%14.1f\n%-34s%14.1f\n%-34s%14.1f\n", "GFLOPs of a step", gflops, "GFLOP/s", gflops / median, "peak RSS, MiB", b->rss);
        printf("%-34s%14.2f\n", "share of the multiply-adds' peak", 1e9 * gflops / median / b->peak);
        if (b->profile) print_profile(b, profile);
        return;
    }
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "network", b->net);
    cJSON_AddStringToObject(root, "mode", b->mode == TRAIN ? "train" : "infer");
    cJSON_AddItemToObject(root, "size", cJSON_CreateIntArray(b->size, 2));
    cJSON_AddNumberToObject(root, "batch", b->batch);
    cJSON_AddNumberToObject(root, "threads", hl_threads(b->hl));
    cJSON_AddStringToObject(root, "isa", hl_isa(b->hl));
    cJSON_AddStringToObject(root, "precision", hl_precision_name((hl_precision)b->precision));
    cJSON_AddNumberToObject(root, "ms_per_image_median", median * image);
    cJSON_AddNumberToObject(root, "ms_per_image_min", least * image);
    cJSON_AddNumberToObject(root, "peak_rss_mb", b->rss);
    cJSON_AddNumberToObject(root, "gflops", gflops);
    cJSON_AddNumberToObject(root, "gflops_per_second", gflops / median);
    cJSON_AddNumberToObject(root, "peak_gflops_per_second", 1e-9 * b->peak);
    cJSON_AddNumberToObject(root, "share_of_peak", 1e9 * gflops / median / b->peak); /* beyond 1: Winograd's kernels do with fewer */
    cJSON_AddNumberToObject(root, "plan_bytes", (double)hl_plan_bytes(b->plan));
    if (b->profile) add_profile(b, profile, root);
    print_json(root);
    cJSON_Delete(root);
}

/* After the steps, whose memory it would else be counted with. */
static hl_status measure_machine(bench *b) {
    struct rusage used;
    hl_machine machine;
    getrusage(RUSAGE_SELF, &used);
    b->rss = (double)used.ru_maxrss / 1024;
    hl_status status = hl_measure_machine(b->hl, &machine);
    b->peak = machine.flops;
    return status;
}

static int measure(bench *b) {
    b->hl = open_library(b->threads);
    if (!b->hl) return 2;
    catch_signals();
    if (b->kernels) return end_with(b->hl, bench_kernels(b->hl, b->shape, b->json));
    if (b->loader.manifest) return end_with(b->hl, bench_loader(b->hl, &b->loader, b->size, b->batch, b->json));
    hl_status status = prepare(b);
    if (!status) status = run_steps(b);
    if (!status) status = measure_machine(b);
    hl_profile profile;
    if (!status) status = hl_plan_profile(b->plan, &profile);
    if (!status) print_bench(b, &profile);
    hl_plan_free(b->plan), hl_adam_free(b->adam), hl_params_free(b->params), hl_graph_free(b->graph);
    free(b->images), free(b->masks), free(b->seconds);
    return end_with(b->hl, status);
}

int command_bench(int argc, char **argv) {
    static const char *const modes[] = {"train", "infer", NULL};
    bench b = {.network = network_defaults(), .size = {256, 256}, .batch = 4, .iterations = 5, .loader = {.augment = "all"}};
    const option own[] = {
        choice_option("mode", &b.mode, "train|infer", modes, "a training step: forward, loss, backward, Adam; or a forward pass"),
        precision_option(&b.precision),
        size_option(b.size), batch_option(&b.batch), threads_option(&b.threads), memory_limit_option(&b.memory_limit),
        integer_option("iters", &b.iterations, 1, 1000000, "steps that are counted, after one that is not"),
        flag_option("kernels", &b.kernels, "times single convolutions instead, with every kernel that fits, beside the machine's limits"),
        text_option("shape", &b.shape, "TEXT", "of these the ones with this in their name, such as 64->64"),
        text_option("loader", &b.loader.manifest, "MANIFEST", "times the loader of its slices instead, with augmentation and without"),
        augment_option(&b.loader.augment), loader_threads_option(&b.loader.threads),
        flag_option("profile", &b.profile, "says where time and bytes go, by kind of layer and of tensor"), json_option(&b.json),
    };
    enum { OWN = sizeof own / sizeof *own };
    option table[OWN + NETWORK_OPTIONS];
    memcpy(table + network_options(&b.network, table), own, sizeof own);
    usage u = {.name = "bench",
               .synopsis = "bench NET|--kernels [options]\nbench --loader MANIFEST [options]",
               .about = "Times a network on made-up pictures. Figures hold for this machine as it is now: compare only what was run by turns.",
               .example = "hilum bench unet-vgg16 --mode train --size 256 --batch 4",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 0,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    bool net = !b.kernels && !b.loader.manifest;
    if (net && !count) return talk("bench: which network? see: hilum bench --help"), 2;
    if (!net && count) return talk("bench: --%s takes no network", b.kernels ? "kernels" : "loader"), 2;
    if (b.shape && !b.kernels) return talk("bench: --shape is of --kernels"), 2;
    if (b.shape && !knows_shape(b.shape)) return talk("bench: no shape has %s in its name; hilum bench --kernels names them", b.shape), 2;
    if (b.precision && !net) return talk("bench: --precision is of a network's steps"), 2;
    if (net && !known_network("bench", words[0])) return 2;
    if (!take_augmentation("bench", b.loader.augment, &b.loader.augmentation)) return 2;
    b.net = net ? words[0] : NULL;
    return measure(&b);
}
