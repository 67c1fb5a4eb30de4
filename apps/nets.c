/* `hilum nets`: every network and what it costs. */
#include <stdio.h>

#include "common.h"
#include "figures.h"
#include "cost.h"
#include "program.h"

static void add_net(cJSON *nets, const hl_summary *s) {
    cJSON *net = cJSON_CreateObject();
    cJSON_AddStringToObject(net, "network", s->network);
    cJSON_AddNumberToObject(net, "parameters", (double)s->parameters);
    cJSON_AddNumberToObject(net, "trainable", (double)s->trainable);
    cJSON_AddNumberToObject(net, "gflops", 1e-9 * s->flops);
    cJSON_AddNumberToObject(net, "gflops_train", 1e-9 * s->flops_train);
    cJSON_AddNumberToObject(net, "bytes_train", (double)s->bytes_train);
    cJSON_AddNumberToObject(net, "bytes_infer", (double)s->bytes_infer);
    cJSON_AddItemToArray(nets, net);
}

static void print_row(const hl_summary *s) {
    char parameters[32];
    printf("%-24s%14s%12.2f%14.1f%14.1f\n", s->network, grouped(s->parameters, parameters), 1e-9 * s->flops, megabytes(s->bytes_train),
           megabytes(s->bytes_infer));
}

static void print_head(const cost_request *r) {
    printf("%dx%d, batch %d. GFLOPs: of a forward pass, a multiply-add is two.\nMB (a million bytes): of a training step in %s, with weights and Adam's "
           "moments; of inference.\n\n",
           r->size[0], r->size[1], r->batch, hl_precision_name((hl_precision)r->precision));
    printf("%-24s%14s%12s%14s%14s\n", "network", "parameters", "GFLOPs", "training MB", "inference MB");
}

/* All nets, as rows or into `nets`. */
static hl_status list(hl_context *hl, const cost_request *r, cJSON *nets) {
    char name[64];
    for (int i = 0; hl_net_name(i, name); i++) {
        hl_graph *graph;
        hl_summary *summary = cost_summary(hl, r, name, &graph);
        if (summary && !nets && !i) print_head(r);
        if (summary && nets) add_net(nets, summary);
        else if (summary) print_row(summary);
        bool failed = !summary;
        hl_summary_free(summary);
        hl_graph_free(graph);
        if (failed) return hl_error_status(hl);
    }
    return HL_OK;
}

int command_nets(int argc, char **argv) {
    cost_request r = cost_defaults();
    option table[COST_OPTIONS];
    cost_options(&r, table);
    usage u = {.name = "nets",
               .synopsis = "nets [options]",
               .about = "Lists every network with its parameters, the operations of a forward pass and the memory that a\n"
                        "training step and inference take on so many slices of this size. It is told from the plans alone:\n"
                        "no weights are drawn.",
               .example = "hilum nets --size 512 --batch 8",
               .options = table,
               .option_count = COST_OPTIONS};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!network_take("nets", &r.network, &r.options)) return 2;
    hl_context *hl = open_library(r.threads);
    if (!hl) return 2;
    cJSON *root = r.json ? cJSON_CreateObject() : NULL;
    if (root) {
        cJSON_AddItemToObject(root, "size", cJSON_CreateIntArray(r.size, 2));
        cJSON_AddNumberToObject(root, "batch", r.batch);
        cJSON_AddStringToObject(root, "precision", hl_precision_name((hl_precision)r.precision));
        cJSON_AddNumberToObject(root, "width", r.options.width);
    }
    hl_status status = list(hl, &r, root ? cJSON_AddArrayToObject(root, "nets") : NULL);
    if (root && !status) print_json(root);
    cJSON_Delete(root);
    return end_with(hl, status);
}
