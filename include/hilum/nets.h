/* The networks by name: DECODER-ENCODER, such as unet-resnet34; decoder and options as in segmentation_models. */
#ifndef HILUM_NETS_H
#define HILUM_NETS_H

#include "hilum/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_net_options {
    int classes;  /* channels of the logits; 0: 1 (the background is the rest); from 2 on the background is one of them, the first */
    int channels; /* of the image; 0: 3 */
    double width; /* times every channel count but the image's and the classes', to the nearest multiple of 8, at least 8; 0: 1 */
    int filters[5];      /* of the decoder's stages, deepest first; 0: 256, 128, 64, 32, 16. LinkNet's follow the skips: only its last counts */
    bool transpose;      /* the decoder enlarges by a transposed 4x4 convolution instead of nearest upsampling and a convolution */
    bool no_batch_norm;  /* the decoder's convolutions have a bias and no batch norm */
} hl_net_options;

/* Builds a net's graph, sigmoid or softmax left to the loss and to prediction. `options` may be NULL. NULL for an unknown name (the
 * text lists the known ones) or options that make no sense. Owner: the caller, hl_graph_free. */
hl_graph *hl_net(hl_context *hl, const char *name, const hl_net_options *options);
/* The known names, one after another; false after the last. */
bool hl_net_name(int index, char name[64]);
/* Heights and widths must be multiples of this (32). */
int hl_net_multiple(void);

/* The golden vectors of a net: deterministic parameters and input (see the generator in the file), evaluated with moving
 * statistics and then in one training pass; one JSON object with network, batch, height, width, seed, eval_logits,
 * train_logits, loss, parameters and moving. Owner of *json: the caller, free. */
hl_status hl_golden(hl_context *hl, const char *net, const hl_net_options *options, hl_dtype dtype, int batch, int height, int width, uint64_t seed, char **json);

#ifdef __cplusplus
}
#endif
#endif
