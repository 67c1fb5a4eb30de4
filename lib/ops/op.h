/* What an operator is, what a node of a graph is, and what a compiled step hands to the operator. */
#ifndef HL_OP_H
#define HL_OP_H

#include <stdbool.h>

#include "hilum/graph.h"
#include "hilum/plan.h"
#include "kernels/kernels.h"

typedef struct hl_op hl_op;
typedef struct hl_value hl_node; /* a value is the node that makes it */

enum { HL_MAX_INPUTS = 8, HL_MAX_PARAMS = 4 };

/* Channels, height and width of a map; while a graph is built height and width are open (0). */
typedef struct hl_shape {
    int c, h, w;
} hl_shape;

typedef enum hl_param_kind { HL_KERNEL, HL_BIAS, HL_GAMMA, HL_BETA, HL_MOVING_MEAN, HL_MOVING_VARIANCE } hl_param_kind;

/* A parameter that a graph declares. shape is the files' order: kernels (out, in / groups, kH, kW), vectors (c). */
typedef struct hl_param_spec {
    char *name;
    hl_param_kind kind;
    int rank, shape[4];
    hl_kernel_init init;
} hl_param_spec;

struct hl_value {
    const hl_op *op;
    hl_graph *graph;
    char *name; /* "" for layers without one */
    int index;  /* its place in the graph's order */
    int inputs[HL_MAX_INPUTS], input_count;
    int params[HL_MAX_PARAMS]; /* indices of the graph's specs, by the operator's own slots; -1: absent */
    int channels;
    void *attributes; /* the operator's own struct */
};

struct hl_graph {
    hl_context *hl;
    char name[64]; /* of the net it is; "" for one built by hand */
    hl_node **nodes;
    size_t count, capacity;
    hl_param_spec *params;
    size_t param_count, param_capacity;
    int input, output; /* node indices, -1 until set */
    hl_status status;  /* the first error, and its text */
    char error[512];
};

/* One node, compiled: everything its operator's functions may read or write. */
typedef struct hl_step {
    hl_context *hl;
    const hl_kernels *kernels;
    const hl_node *node;
    hl_mode mode;
    hl_segment in[HL_MAX_SEGMENTS]; /* the inputs' values; a convolution's one input may be several segments */
    int in_count;
    hl_view in_gradient[HL_MAX_INPUTS]; /* by the node's inputs; data NULL: not wanted */
    bool in_accumulate[HL_MAX_INPUTS];
    hl_shape in_shape[HL_MAX_INPUTS];   /* of the node's inputs */
    hl_view out, out_gradient;
    void *param[HL_MAX_PARAMS], *param_gradient[HL_MAX_PARAMS];
    uint64_t seed;    /* of a training pass's draws, */
    int64_t draw;     /* and which pass it is */
    bool no_drop;     /* drop-connect passes everything on */
    int64_t bn_steps; /* for the bias correction of moving statistics; 0: they are used as they are */
    double *saved;    /* what forward leaves for backward: `saved` doubles */
    double *known;    /* of a norm: `saved` of another, whose input were the first `known_channels` channels of this one's; NULL: none */
    int known_channels;
    hl_activation act; /* of a norm: the activation behind it, computed with it, whose value and gradient `out` and `out_gradient` are */
    bool measured;     /* of a norm in training: the convolution that makes its input has left its mean and variance in `saved`; of that convolution: it does */
    bool summed;       /* of a norm: `out_gradient` is no map but its sums over the pixels, a number a channel; of its reader: so is `in_gradient` */
    bool through;      /* of a convolution: its backward pass goes on through the norm before it (kernels.h, backward_through), and `in_gradient` is that
                          one's input's. Of that norm: so it has been */
    hl_segment beyond; /* of such a convolution: the norm's input, terms and activation */
    double *norm_sums; /* of both: the two sums a channel; over them the norm writes what the gradient to its input lacks still, an addend and a slope */
    double *taken;     /* of such a norm: what another has left so of its channels, which are the first of that one's `taken_channels`; NULL: nothing */
    int taken_channels;
    int settles_from;  /* of such a norm: what channels before this one lack is left to another */
    bool unstored;     /* of a norm or a scale: nobody reads `out`; who needs it reads the input through the terms or factors */
    void *workspace;
    void *kept;        /* of a convolution: its kernel as `prepare` has left it; NULL: it is read from `param` */
    hl_finish finish;  /* of a convolution whose outputs are finished: a norm or activation; */
    bool finishes;     /* if there is one */
    void *row_sums;    /* of a global average: the sums of its input's rows, that a convolution has left; NULL: there are none */
    const hl_conv_kernel *conv[3]; /* by the node's own pass, for convolutions */
    double seconds[3]; /* spent so far: forward, backward (a convolution's to the data), a convolution's to the weights */
} hl_step;

typedef enum hl_need {
    HL_NEEDS_INPUT = 1,           /* backward reads the inputs' values */
    HL_NEEDS_OUTPUT = 2,          /* backward reads the output's value */
    HL_MAY_OVERWRITE = 4,         /* forward may write its output over its first input */
    HL_GRADIENT_MAY_OVERWRITE = 8, /* backward may write the first input's gradient over the output's */
    HL_READS_SEGMENTS = 16,       /* the one input may be a list of segments */
    HL_JOINS = 32,                /* forward only joins or enlarges: a reader of segments can do without its output */
    HL_FINISHES = 512,            /* a convolution that can finish its outputs: a norm of known terms, an activation */
    HL_NORMS = 128,               /* a batch norm */
    HL_SCALES = 4096,             /* the first input times the second's factor for each image and channel */
    HL_AVERAGES = 8192,           /* the mean over height and width */
    HL_SUMS = 1024,               /* forward adds its two inputs */
    HL_PASSES_ON = 2048,          /* in inference the output is the first input */
    HL_CONCATENATES = 256,        /* forward only copies its inputs side by side */
    HL_TAKES_HALF = 16384,        /* values that it reads or writes may be half (hl_view), where the kernels have half_convs; convolutions' kernels tell it themselves */
    HL_TRANSPOSED = 64,           /* forward is its convolution's backward-data, and the other way round */
} hl_need;

struct hl_op {
    const char *name;
    const char *onnx; /* the ONNX operator it is */
    int needs;        /* of hl_need */
    hl_activation act; /* the activation it is, if it is one that a norm computes with it */
    /* The output's shape; with open sizes only channels count. false: `why` says what does not fit. */
    bool (*shape)(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes);
    /* Doubles that forward leaves for backward. NULL: none. */
    size_t (*saved)(const hl_node *node);
    /* Bytes of scratch memory for a pass at the step's shapes. Like flops asked before there are parameters or memory: what the
     * step has of them tells its node, not its pointers. NULL: none. */
    size_t (*workspace)(const hl_step *step, bool backward);
    void (*forward)(hl_step *step);
    void (*backward)(hl_step *step);
    /* Whether the node may read its segments through a norm's terms or a scale's factors. NULL: it may not. */
    bool (*reads_through)(const hl_node *node);
    /* Whether backward can give the sums over the pixels of its input's gradient in its place (step->summed). NULL: it cannot. */
    bool (*sums_input)(const hl_node *node);
    /* Whether backward can go on through the norm before the one input (step->through), which is read through or `stored`. NULL: it cannot. */
    bool (*backs_through)(const hl_step *step, bool stored);
    /* Computes the output once more, in backward, from the inputs and what forward left: for what is cheaper to compute than to keep. NULL:
     * it is kept. */
    void (*again)(hl_step *step);
    /* Where parameters stay: the bytes of what forward would rather read in their place, 0: nothing. NULL: as they are. */
    size_t (*kept)(const hl_step *step);
    /* In inference, whenever parameters have changed: computes what follows from them alone. NULL: nothing does. */
    void (*prepare)(hl_step *step);
    /* The convolution that a kernel is chosen for. NULL: none. */
    hl_conv (*geometry)(const hl_step *step);
    /* Operations of forward (a multiply-add is two), for the whole batch. NULL: not counted (no arithmetic to speak of). */
    double (*flops)(const hl_step *step);
};

/* All operators; NULL after the last. A new one is one file and one line there. */
extern const hl_op *const hl_ops[];
extern const hl_op hl_op_input, hl_op_conv, hl_op_conv_transpose, hl_op_norm, hl_op_relu, hl_op_sigmoid, hl_op_swish, hl_op_max_pool,
    hl_op_average_pool, hl_op_global_average, hl_op_channel_scale, hl_op_drop_connect, hl_op_upsample, hl_op_concat, hl_op_add;

/* Adds a node. `attributes` are copied. Any input NULL, or a graph with an error: NULL. A shape that does not fit: the
 * graph's error, NULL. */
hl_node *hl_node_add(hl_graph *graph, const hl_op *op, const char *name, hl_node *const *inputs, int input_count, const void *attributes,
                     size_t attribute_bytes);
/* The shape rule of what changes every element for itself. */
bool hl_same_shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes);
/* Declares the parameter NODE/KIND in the node's slot. */
void hl_node_param(hl_node *node, int slot, hl_param_kind kind, int rank, const int *shape, hl_kernel_init init);
/* Sets the graph's error, unless it has one; returns NULL for `return`. */
hl_node *hl_graph_fail(hl_graph *graph, hl_status status, const char *format, ...) HL_PRINTF(3, 4);
const char *hl_param_kind_name(hl_param_kind kind);
/* The geometry of a convolution from `in` to its output on n images. */
hl_conv hl_conv_geometry(const hl_conv_options *options, int n, hl_shape in);

/* A norm whose mean, variance and terms lie in HL_NORM_SAVED * channels doubles that forward leaves. */
enum { HL_NORM_SAVED = 5 };
hl_norm_state hl_norm_of(double *saved, int channels);
/* Whether a norm has a scale that is trained. */
bool hl_norm_scales(const hl_node *node);

/* What drop-connect multiplies image `image` of the step's batch with: 0 or 1 / (1 - rate). */
double hl_drop_factor(const hl_step *step, int image);

/* --- losses ------------------------------------------------------------------------------------------------------- */

/* A loss on logits. Adding one is one file and one line in hl_losses. */
typedef struct hl_loss {
    const char *name;
    /* For two channels of logits or more: its target holds class indices, one channel. Otherwise for one channel, and the target is
     * 0 or 1. */
    bool class_indices;
    size_t (*workspace)(const hl_kernels *kernels, const hl_view *logits);
    /* The batch's loss, and when dlogits is not NULL its gradient. */
    double (*run)(hl_context *hl, const hl_kernels *kernels, const hl_view *logits, const hl_view *target, const hl_view *dlogits,
                  void *workspace);
} hl_loss;

extern const hl_loss *const hl_losses[]; /* NULL after the last */
extern const hl_loss hl_loss_bce_dice, hl_loss_ce_dice;
/* The loss of that name; NULL: there is none. With name NULL: the one for so many channels of logits. */
const hl_loss *hl_loss_find(const char *name, int channels);

#endif
