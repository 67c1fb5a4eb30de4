/* What an encoder and a decoder are to each other. */
#ifndef HL_NET_H
#define HL_NET_H

#include "hilum/nets.h"
#include "ops/op.h"

enum { HL_STAGES = 5, HL_SKIPS = 4 };

/* Where a net is being built: the graph, the width that scales its channels, and what was asked for. */
typedef struct hl_builder {
    hl_graph *graph;
    double width;
    hl_net_options options; /* filters filled in, not yet scaled */
} hl_builder;

/* What an encoder gives a decoder: its last map (1/32 of the input) and four skips, deepest first (1/16, 1/8, 1/4, 1/2). */
typedef struct hl_features {
    hl_value *last, *skip[HL_SKIPS];
} hl_features;

/* A row of a family's table. */
typedef struct hl_encoder {
    const char *name;
    hl_features (*build)(const hl_builder *builder, hl_value *image, const void *row);
    const void *row; /* what this member of the family is, in the family's own terms */
    bool centre;     /* ends in a max-pool, so that a decoder runs a centre block first */
} hl_encoder;

typedef struct hl_decoder {
    const char *name;
    hl_value *(*build)(const hl_builder *builder, const hl_features *features); /* the map that the final convolution reads */
} hl_decoder;

/* All of them: each family ends with a row without a name, the lists with NULL. A new family or decoder is one file and one
 * line in nets.c; a new member of a family is a row. */
extern const hl_encoder *const hl_families[];
extern const hl_decoder *const hl_decoders[];
extern const hl_encoder hl_vgg[], hl_resnet[], hl_densenet[], hl_efficientnet[];
extern const hl_decoder hl_decoder_unet, hl_decoder_linknet;

/* channels times the width, to the nearest multiple of 8 and at least 8; unchanged at width 1. */
int hl_scaled(const hl_builder *builder, int channels);
/* The same for a count derived from scaled ones, which the width is in already. */
int hl_rounded(const hl_builder *builder, double channels);
/* A layer's name from a format; lives in `buffer`. */
const char *hl_layer_name(char buffer[64], const char *format, ...) HL_PRINTF(2, 3);

/* The max-pool that ends the stems of ResNet and DenseNet: 3x3, stride 2, padded by zeros that take part in the maximum. */
hl_value *hl_stem_pool(const hl_builder *builder, hl_value *x);
/* The decoders' block: NAME_conv (k x k, same), NAME_bn (eps 1e-3), ReLU; with no_batch_norm a bias instead of the norm.
 * `channels` are final. */
hl_value *hl_decoder_block(const hl_builder *builder, hl_value *x, const char *name, int kernel, int channels);
/* The same with a transposed 4x4 convolution of stride 2, NAME_transpose. */
hl_value *hl_transpose_block(const hl_builder *builder, hl_value *x, const char *name, int channels);

#endif
