/* The lists of encoders and decoders, and a net made of one of each. */
#include <stdio.h>
#include <string.h>

#include "nets/net.h"

const hl_encoder *const hl_families[] = {hl_vgg, hl_resnet, hl_densenet, hl_efficientnet, NULL};
const hl_decoder *const hl_decoders[] = {&hl_decoder_unet, &hl_decoder_linknet, NULL};

int hl_net_multiple(void) { return 32; }

/* The encoder at a place in the families laid end to end, or NULL. */
static const hl_encoder *encoder_at(int index) {
    for (int f = 0; hl_families[f]; f++)
        for (const hl_encoder *e = hl_families[f]; e->name; e++)
            if (index-- == 0) return e;
    return NULL;
}

bool hl_net_name(int index, char name[64]) {
    int encoders = 0;
    while (encoder_at(encoders)) encoders++;
    for (int d = 0; hl_decoders[d]; d++) {
        if (index / encoders != d) continue;
        snprintf(name, 64, "%s-%s", hl_decoders[d]->name, encoder_at(index % encoders)->name);
        return true;
    }
    return false;
}

/* Finds DECODER-ENCODER; false: one of them is unknown. */
static bool find(const char *name, const hl_decoder **decoder, const hl_encoder **encoder) {
    const char *dash = strchr(name, '-');
    *decoder = NULL, *encoder = NULL;
    for (int i = 0; dash && hl_decoders[i]; i++)
        if (strlen(hl_decoders[i]->name) == (size_t)(dash - name) && !strncmp(name, hl_decoders[i]->name, (size_t)(dash - name))) *decoder = hl_decoders[i];
    for (int i = 0; dash && !*encoder && encoder_at(i); i++)
        if (!strcmp(dash + 1, encoder_at(i)->name)) *encoder = encoder_at(i);
    return *decoder && *encoder;
}

static void unknown(hl_context *hl, const char *name) {
    char decoders[128] = "", encoders[512] = "";
    for (int i = 0; hl_decoders[i]; i++) snprintf(decoders + strlen(decoders), sizeof decoders - strlen(decoders), "%s%s", i ? ", " : "", hl_decoders[i]->name);
    for (int i = 0; encoder_at(i); i++) snprintf(encoders + strlen(encoders), sizeof encoders - strlen(encoders), "%s%s", i ? ", " : "", encoder_at(i)->name);
    hl_fail(hl, HL_USAGE, "network \"%s\" is unknown: expected DECODER-ENCODER, of the decoders %s and the encoders %s", name, decoders, encoders);
}

/* Fills in what was left at 0; fails where options make no sense. */
static hl_status complete(hl_context *hl, const char *name, hl_net_options *o) {
    static const int filters[HL_STAGES] = {256, 128, 64, 32, 16};
    if (!o->classes) o->classes = 1;
    if (!o->channels) o->channels = 3;
    if (o->width == 0) o->width = 1;
    bool given = false;
    for (int i = 0; i < HL_STAGES; i++) given |= o->filters[i] != 0;
    for (int i = 0; i < HL_STAGES; i++) {
        if (!given) o->filters[i] = filters[i];
        if (o->filters[i] < 1 || o->filters[i] > 1 << 16) return hl_fail(hl, HL_USAGE, "%s with %d decoder filters in stage %d makes no sense", name, o->filters[i], i);
    }
    if (o->classes < 1) return hl_fail(hl, HL_USAGE, "%s with %d classes: expected at least 1", name, o->classes);
    if (o->channels < 1 || !(o->width > 0 && o->width <= 16))
        return hl_fail(hl, HL_USAGE, "%s for images of %d channels at width %g makes no sense", name, o->channels, o->width);
    return HL_OK;
}

hl_graph *hl_net(hl_context *hl, const char *name, const hl_net_options *options) {
    hl_builder builder = {.options = options ? *options : (hl_net_options){0}};
    const hl_decoder *decoder;
    const hl_encoder *encoder;
    if (!find(name, &decoder, &encoder)) return unknown(hl, name), NULL;
    if (complete(hl, name, &builder.options)) return NULL;
    hl_graph *graph = builder.graph = hl_graph_new(hl);
    if (!graph) return NULL;
    builder.width = builder.options.width;
    snprintf(graph->name, sizeof graph->name, "%s", name);
    hl_features features = encoder->build(&builder, hl_input(graph, builder.options.channels), encoder->row);
    char layer[64];
    for (int i = 1; encoder->centre && i <= 2; i++)
        features.last = hl_decoder_block(&builder, features.last, hl_layer_name(layer, "center_block%d", i), 3, hl_scaled(&builder, 512));
    hl_conv_options final = {.channels = builder.options.classes, .kernel_h = 3, .kernel_w = 3, .bias = true, .init = HL_KERNEL_GLOROT_UNIFORM};
    hl_output(graph, hl_convolution(graph, decoder->build(&builder, &features), "final_conv", &final));
    if (!graph->status) return graph;
    hl_fail(hl, graph->status, "%s", graph->error);
    return hl_graph_free(graph), NULL;
}
