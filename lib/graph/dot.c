/* Drawing a summary in Graphviz' language. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/summary.h"

/* A quoted string: what would end it or mean something else in it stands behind a backslash. */
static void put_quoted(FILE *to, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', to);
        fputc(*text, to);
    }
}

/* The colour of a layer's box: convolutions, what joins, what makes maps smaller, the rest. */
static const char *colour(const hl_layer *layer) {
    if (layer->input_count == 0) return "#ffffff";
    if (layer->input_count > 1) return "#ffe3b3";
    if (strstr(layer->op, "conv")) return "#cfe0f5";
    if (strstr(layer->op, "pool") || strstr(layer->op, "average")) return "#f5cfd3";
    if (strstr(layer->op, "upsample")) return "#d3efd0";
    return "#eeeeee";
}

/* Dashed: a layer that is never computed for itself. */
static void put_node(FILE *to, const hl_layer *layer, int index) {
    fprintf(to, "  n%d [label=\"", index);
    put_quoted(to, layer->name);
    if (strcmp(layer->name, layer->op)) fprintf(to, "\\n%s", layer->op);
    fprintf(to, "\\n%d x %d x %d\" fillcolor=\"%s\"", layer->channels, layer->height, layer->width, colour(layer));
    if (layer->memory == HL_MEMORY_JOINED || layer->memory == HL_MEMORY_UNUSED) fputs(" style=\"filled,dashed\"", to);
    fputs("];\n", to);
}

/* The way past other layers into one that reads several is a skip or a shortcut. */
static void put_edges(FILE *to, const hl_layer *layer, int index) {
    for (int k = 0; k < layer->input_count; k++) {
        bool past = layer->input_count > 1 && layer->inputs[k] < index - 1;
        fprintf(to, "  n%d -> n%d%s;\n", layer->inputs[k], index, past ? " [color=\"#c0392b\" penwidth=2]" : "");
    }
}

char *hl_summary_dot(hl_context *hl, const hl_summary *summary) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return hl_fail(hl, HL_NO_MEMORY, "no memory for a drawing of %d layers", summary->count), NULL;
    fputs("digraph \"", to);
    put_quoted(to, summary->network);
    fputs("\" {\n  graph [ranksep=0.25];\n  node [shape=box style=filled fontname=\"Helvetica\" fontsize=11 height=0.3];\n", to);
    for (int i = 0; i < summary->count; i++) put_node(to, &summary->layers[i], i);
    for (int i = 0; i < summary->count; i++) put_edges(to, &summary->layers[i], i);
    fputs("}\n", to);
    bool lost = ferror(to) != 0;
    lost = fclose(to) != 0 || lost;
    if (!lost) return text;
    free(text);
    return hl_fail(hl, HL_NO_MEMORY, "no memory for a drawing of %d layers", summary->count), NULL;
}
