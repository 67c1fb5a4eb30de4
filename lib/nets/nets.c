/* The list of nets: every decoder over every encoder. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hilum/nets.h"
#include "nets/net.h"

const hl_encoder *const hl_encoders[] = {&hl_encoder_vgg16, NULL};
const hl_decoder *const hl_decoders[] = {&hl_decoder_unet, NULL};

int hl_net_multiple(void) { return 32; }

bool hl_net_name(int index, char name[64]) {
    int encoders = 0;
    while (hl_encoders[encoders]) encoders++;
    for (int d = 0; hl_decoders[d]; d++) {
        if (index / encoders != d) continue;
        snprintf(name, 64, "%s-%s", hl_decoders[d]->name, hl_encoders[index % encoders]->name);
        return true;
    }
    return false;
}

int hl_scaled(const hl_builder *builder, int channels) {
    if (builder->width == 1) return channels;
    int scaled = (int)floor(channels * builder->width / 8 + 0.5) * 8;
    return scaled < 8 ? 8 : scaled;
}

const char *hl_layer_name(char buffer[64], const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(buffer, 64, format, list);
    va_end(list);
    return buffer;
}

hl_value *hl_conv_norm_relu(hl_graph *graph, hl_value *x, const char *name, int kernel, int channels) {
    char layer[64];
    hl_conv_options conv = {.channels = channels, .kernel_h = kernel, .kernel_w = kernel};
    x = hl_convolution(graph, x, hl_layer_name(layer, "%s_conv", name), &conv);
    x = hl_batch_norm(graph, x, hl_layer_name(layer, "%s_bn", name), 1e-3);
    return hl_relu(graph, x);
}

/* Finds DECODER-ENCODER; false: one of them is unknown. */
static bool find(const char *name, const hl_decoder **decoder, const hl_encoder **encoder) {
    const char *dash = strchr(name, '-');
    *decoder = NULL, *encoder = NULL;
    for (int i = 0; dash && hl_decoders[i]; i++)
        if (strlen(hl_decoders[i]->name) == (size_t)(dash - name) && !strncmp(name, hl_decoders[i]->name, (size_t)(dash - name))) *decoder = hl_decoders[i];
    for (int i = 0; dash && hl_encoders[i]; i++)
        if (!strcmp(dash + 1, hl_encoders[i]->name)) *encoder = hl_encoders[i];
    return *decoder && *encoder;
}

static void unknown(hl_context *hl, const char *name) {
    char known[1024] = "", next[64];
    for (int i = 0; hl_net_name(i, next); i++) snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", next);
    hl_fail(hl, HL_USAGE, "network \"%s\" is unknown: expected %s", name, known);
}

hl_graph *hl_net(hl_context *hl, const char *name, const hl_net_options *options) {
    hl_net_options o = options ? *options : (hl_net_options){0};
    const hl_decoder *decoder;
    const hl_encoder *encoder;
    if (!find(name, &decoder, &encoder)) return unknown(hl, name), NULL;
    if (!o.classes) o.classes = 1;
    if (!o.channels) o.channels = 3;
    if (o.width == 0) o.width = 1;
    if (o.classes < 1) return hl_fail(hl, HL_USAGE, "%s with %d classes: expected at least 1", name, o.classes), NULL;
    if (o.channels < 1 || !(o.width > 0 && o.width <= 16))
        return hl_fail(hl, HL_USAGE, "%s for images of %d channels at width %g makes no sense", name, o.channels, o.width), NULL;
    hl_graph *graph = hl_graph_new(hl);
    if (!graph) return NULL;
    snprintf(graph->name, sizeof graph->name, "%s", name);
    hl_builder builder = {graph, o.width};
    hl_features features = encoder->build(&builder, hl_input(graph, o.channels));
    char layer[64];
    for (int i = 1; encoder->centre && i <= 2; i++)
        features.last = hl_conv_norm_relu(graph, features.last, hl_layer_name(layer, "center_block%d", i), 3, hl_scaled(&builder, 512));
    hl_conv_options final = {.channels = o.classes, .kernel_h = 3, .kernel_w = 3, .bias = true, .init = HL_KERNEL_GLOROT_UNIFORM};
    hl_output(graph, hl_convolution(graph, decoder->build(&builder, &features), "final_conv", &final));
    if (!graph->status) return graph;
    hl_fail(hl, graph->status, "%s", graph->error);
    return hl_graph_free(graph), NULL;
}
