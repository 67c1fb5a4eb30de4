/* `hilum summary`: a network's layers in order, and what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "figures.h"
#include "cost.h"
#include "program.h"

static const char *const places[] = {[HL_MEMORY_OWN] = "own",
                                     [HL_MEMORY_IN_PLACE] = "in place",
                                     [HL_MEMORY_JOINED] = "joined",
                                     [HL_MEMORY_CALLER] = "caller",
                                     [HL_MEMORY_UNUSED] = "unused"};

/* --- for scripts --------------------------------------------------------------------------------------------------- */

static void add_layer(cJSON *layers, const hl_layer *l) {
    cJSON *layer = cJSON_CreateObject();
    cJSON_AddStringToObject(layer, "name", l->name);
    cJSON_AddStringToObject(layer, "op", l->op);
    cJSON_AddItemToObject(layer, "shape", cJSON_CreateIntArray((const int[]){l->channels, l->height, l->width}, 3));
    cJSON_AddNumberToObject(layer, "parameters", (double)l->parameters);
    cJSON_AddNumberToObject(layer, "flops", l->flops);
    cJSON_AddNumberToObject(layer, "bytes", (double)l->bytes);
    cJSON_AddStringToObject(layer, "memory", places[l->memory]);
    cJSON_AddItemToObject(layer, "inputs", cJSON_CreateIntArray(l->inputs, l->input_count));
    cJSON_AddItemToArray(layers, layer);
}

static void print_summary_json(const hl_summary *s) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "network", s->network);
    cJSON_AddItemToObject(root, "size", cJSON_CreateIntArray((const int[]){s->height, s->width}, 2));
    cJSON_AddNumberToObject(root, "batch", s->batch);
    cJSON_AddStringToObject(root, "precision", hl_precision_name(s->precision));
    cJSON_AddNumberToObject(root, "parameters", (double)s->parameters);
    cJSON_AddNumberToObject(root, "trainable", (double)s->trainable);
    cJSON_AddNumberToObject(root, "gflops", 1e-9 * s->flops);
    cJSON_AddNumberToObject(root, "gflops_train", 1e-9 * s->flops_train);
    cJSON_AddNumberToObject(root, "bytes_train", (double)s->bytes_train);
    cJSON_AddNumberToObject(root, "bytes_infer", (double)s->bytes_infer);
    cJSON_AddNumberToObject(root, "bytes_weights", (double)s->bytes_weights);
    cJSON_AddNumberToObject(root, "bytes_moments", (double)s->bytes_moments);
    cJSON *layers = cJSON_AddArrayToObject(root, "layers");
    for (int i = 0; i < s->count; i++) add_layer(layers, &s->layers[i]);
    print_json(root);
    cJSON_Delete(root);
}

/* --- for readers --------------------------------------------------------------------------------------------------- */

static const char *note(hl_layer_memory memory) {
    switch (memory) {
    case HL_MEMORY_OWN:
        return "";
    case HL_MEMORY_IN_PLACE:
        return "  in place";
    case HL_MEMORY_JOINED:
        return "  joined while it is read";
    case HL_MEMORY_CALLER:
        return "  the caller's";
    case HL_MEMORY_UNUSED:
        return "  not computed";
    }
    return "";
}

static void print_layers(const hl_summary *s) {
    int longest = 0;
    for (int i = 0; i < s->count; i++) {
        int length = (int)strlen(s->layers[i].name);
        if (length > longest) longest = length;
    }
    printf("%-*s  %-16s%18s%14s%12s%16s\n", longest, "layer", "operator", "output (CxHxW)", "parameters", "MFLOPs", "output bytes");
    for (int i = 0; i < s->count; i++) {
        const hl_layer *l = &s->layers[i];
        char shape[48], parameters[32], bytes[32];
        snprintf(shape, sizeof shape, "%d x %d x %d", l->channels, l->height, l->width);
        printf("%-*s  %-16s%18s%14s%12.2f%16s%s\n", longest, l->name, l->op, shape, grouped(l->parameters, parameters), 1e-6 * l->flops,
               grouped((int64_t)l->bytes, bytes), note(l->memory));
    }
}

static void print_totals(const hl_summary *s) {
    char parameters[32], trainable[32];
    printf("\n%-34s%14s\n", "parameters", grouped(s->parameters, parameters));
    printf("%-34s%14s\n", "trainable", grouped(s->trainable, trainable));
    printf("%-34s%14.2f\n", "GFLOPs of a forward pass", 1e-9 * s->flops);
    printf("%-34s%14.2f\n", "GFLOPs of a training step", 1e-9 * s->flops_train);
    printf("%-34s%14.1f  plan %.1f, weights %.1f, Adam's moments %.1f\n", "MB of a training step", megabytes(s->bytes_train),
           megabytes(s->bytes_arena_train), megabytes(s->bytes_weights), megabytes(s->bytes_moments));
    printf("%-34s%14.1f  plan %.1f, weights %.1f\n", "MB of inference", megabytes(s->bytes_infer), megabytes(s->bytes_arena_infer),
           megabytes(s->bytes_weights));
}

static hl_status print_dot(hl_context *hl, const hl_summary *s) {
    char *text = hl_summary_dot(hl, s);
    if (!text) return hl_error_status(hl);
    fputs(text, stdout);
    free(text);
    return HL_OK;
}

static hl_status print(hl_context *hl, const hl_summary *s, bool json, bool dot) {
    if (dot) return print_dot(hl, s);
    if (json) return print_summary_json(s), HL_OK;
    printf("%s at %dx%d, batch %d. FLOPs: of a forward pass, a multiply-add is two. Bytes: in training, in %s.\n\n", s->network, s->height, s->width,
           s->batch, hl_precision_name(s->precision));
    print_layers(s);
    print_totals(s);
    return HL_OK;
}

static int carry_out(const cost_request *r, const char *net, bool dot) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    hl_graph *graph;
    hl_summary *summary = cost_summary(hl, r, net, &graph);
    hl_status status = summary ? print(hl, summary, r->json, dot) : hl_error_status(hl);
    hl_summary_free(summary);
    hl_graph_free(graph);
    return end_with(hl, status);
}

int command_summary(int argc, char **argv) {
    cost_request r = cost_defaults();
    bool dot = false;
    option table[COST_OPTIONS + 2];
    cost_options(&r, table);
    table[COST_OPTIONS] = flag_option("dot", &dot, "print a drawing in Graphviz' language");
    table[COST_OPTIONS + 1] = memory_limit_option(&r.memory_limit);
    usage u = {.name = "summary",
               .synopsis = "summary NET [options]",
               .about = "Prints a network's layers in order, each with its output, parameters, operations and memory, then what\n"
                        "a forward pass and a training step of so many slices of this size cost. It is told from the plans\n"
                        "alone: no weights are drawn.",
               .example = "hilum summary unet-vgg16 --size 256 --batch 4\n"
                          "hilum summary unet-vgg16 --dot | dot -Tpng -o unet-vgg16.png",
               .options = table,
               .option_count = COST_OPTIONS + 2,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (dot && r.json) return talk("summary: --dot and --json cannot be given together"), 2;
    if (!known_network("summary", words[0]) || !network_take("summary", &r.network, &r.options)) return 2;
    return carry_out(&r, words[0], dot);
}
