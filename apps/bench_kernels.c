/* `hilum bench --kernels`: each convolution kernel at some shapes, against what the machine can do. */
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "hilum/bench.h"
#include "program.h"

enum { ROOM = 8 };

static const char *const passes[] = {"forward", "backward_data", "backward_weights"};

static void name_shape(const hl_conv_shape *s, char *name, size_t bytes) {
    snprintf(name, bytes, "%dx%d%s%s %d->%d @%d", s->kernel, s->kernel, s->stride > 1 ? "/2" : "", s->depthwise ? " dw" : "", s->in, s->out, s->size);
}

static void print_rate(const hl_kernel_rate *r) {
    char name[64];
    name_shape(&r->shape, name, sizeof name);
    printf("%-22s %-10s", name, r->kernel);
    for (int pass = 0; pass < 3; pass++) printf("%8.0f %6.1f%c", 1e-9 * r->flops / r->seconds[pass], 1e-9 * r->bytes / r->seconds[pass], r->chosen[pass] ? '*' : ' ');
    printf("\n");
    fflush(stdout);
}

static void add_rate(const hl_kernel_rate *r, cJSON *rows) {
    char name[64];
    name_shape(&r->shape, name, sizeof name);
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(rows, row);
    cJSON_AddStringToObject(row, "shape", name);
    cJSON_AddStringToObject(row, "kernel", r->kernel);
    cJSON_AddNumberToObject(row, "batch", r->shape.batch);
    for (int pass = 0; pass < 3; pass++) {
        cJSON *one = cJSON_AddObjectToObject(row, passes[pass]);
        cJSON_AddNumberToObject(one, "ms", 1e3 * r->seconds[pass]);
        cJSON_AddNumberToObject(one, "gflops_per_second", 1e-9 * r->flops / r->seconds[pass]);
        cJSON_AddNumberToObject(one, "gigabytes_per_second", 1e-9 * r->bytes / r->seconds[pass]);
        cJSON_AddBoolToObject(one, "chosen", r->chosen[pass]);
    }
}

static bool is_wanted(const hl_conv_shape *s, const char *text) {
    char name[64];
    name_shape(s, name, sizeof name);
    return !text || strstr(name, text);
}

bool knows_shape(const char *text) {
    int count;
    const hl_conv_shape *shapes = hl_bench_shapes(&count);
    for (int i = 0; i < count; i++)
        if (is_wanted(&shapes[i], text)) return true;
    return false;
}

hl_status bench_kernels(hl_context *hl, const char *text, bool json) {
    hl_machine machine;
    hl_status status = hl_measure_machine(hl, &machine);
    if (status) return status;
    cJSON *root = cJSON_CreateObject(), *rows = cJSON_AddArrayToObject(root, "kernels");
    cJSON_AddStringToObject(root, "isa", hl_isa(hl));
    cJSON_AddNumberToObject(root, "threads", hl_threads(hl));
    cJSON_AddNumberToObject(root, "peak_gflops_per_second", 1e-9 * machine.flops);
    cJSON_AddNumberToObject(root, "copy_gigabytes_per_second", 1e-9 * machine.bytes);
    if (!json) {
        printf("%d threads, %s: at most %.0f GFLOP/s of multiply-adds, %.1f GB/s copied\n", hl_threads(hl), hl_isa(hl), 1e-9 * machine.flops, 1e-9 * machine.bytes);
        printf("GFLOP/s, counted directly, and GB/s of what a pass must read and write; * is what a plan in fp32 takes\n\n");
        printf("%-22s %-10s%16s%16s%16s\n", "batch 4", "kernel", "forward", "to the data", "to the weights");
    }
    int count, found;
    const hl_conv_shape *shapes = hl_bench_shapes(&count);
    for (int i = 0; i < count && !status; i++) {
        hl_kernel_rate rates[ROOM];
        if (!is_wanted(&shapes[i], text)) continue;
        status = hl_measure_conv(hl, &shapes[i], rates, ROOM, &found);
        for (int k = 0; k < found && !status; k++) json ? add_rate(&rates[k], rows) : print_rate(&rates[k]);
        if (!status && *stop_flag()) status = HL_INTERRUPTED;
    }
    if (json && !status) print_json(root);
    cJSON_Delete(root);
    return status;
}
