/* What an encoder and a decoder are to each other. */
#ifndef HL_NET_H
#define HL_NET_H

#include "ops/op.h"

enum { HL_SKIPS = 4 };

/* Where a net is being built: the graph and the width that scales its channels. */
typedef struct hl_builder {
    hl_graph *graph;
    double width;
} hl_builder;

/* What an encoder gives a decoder: its last map (1/32 of the input) and four skips, deepest first (1/16, 1/8, 1/4, 1/2). */
typedef struct hl_features {
    hl_value *last, *skip[HL_SKIPS];
} hl_features;

typedef struct hl_encoder {
    const char *name;
    bool centre; /* ends in a max-pool, so a U-Net or LinkNet runs a centre block first */
    hl_features (*build)(const hl_builder *builder, hl_value *image);
} hl_encoder;

typedef struct hl_decoder {
    const char *name;
    hl_value *(*build)(const hl_builder *builder, const hl_features *features); /* the map that the final convolution reads */
} hl_decoder;

/* All of them; NULL after the last. A new one is one file and one line there. */
extern const hl_encoder *const hl_encoders[];
extern const hl_decoder *const hl_decoders[];
extern const hl_encoder hl_encoder_vgg16;
extern const hl_decoder hl_decoder_unet;

/* channels times the width, to the nearest multiple of 8 and at least 8; unchanged at width 1. */
int hl_scaled(const hl_builder *builder, int channels);
/* NAME_conv (k x k, same, no bias), NAME_bn (eps 1e-3), ReLU: the decoders' block. `channels` are final. */
hl_value *hl_conv_norm_relu(hl_graph *graph, hl_value *x, const char *name, int kernel, int channels);
/* A layer's name from a format; lives in `buffer`. */
const char *hl_layer_name(char buffer[64], const char *format, ...) HL_PRINTF(2, 3);

#endif
