/* The LinkNet decoder (Chaurasia, Culurciello 2017) as segmentation_models has it: skips are added, not joined. */
#include "nets/net.h"

/* 1x1 to a quarter, enlarge, 1x1 to the skip's channels, plus the skip. */
static hl_value *build(const hl_builder *b, const hl_features *features) {
    hl_value *x = features->last;
    for (int stage = 0; stage < HL_STAGES; stage++) {
        char name[64];
        int quarter = hl_rounded(b, hl_channels(x) / 4);
        int channels = stage < HL_SKIPS ? hl_channels(features->skip[stage]) : hl_scaled(b, b->options.filters[stage]);
        x = hl_decoder_block(b, x, hl_layer_name(name, "decoder_stage%da", stage), 1, quarter);
        hl_layer_name(name, "decoder_stage%db", stage);
        x = b->options.transpose ? hl_transpose_block(b, x, name, quarter) : hl_decoder_block(b, hl_upsample(b->graph, x, 2), name, 3, quarter);
        x = hl_decoder_block(b, x, hl_layer_name(name, "decoder_stage%dc", stage), 1, channels);
        if (stage < HL_SKIPS) x = hl_add(b->graph, x, features->skip[stage]);
    }
    return x;
}

const hl_decoder hl_decoder_linknet = {.name = "linknet", .build = build};
