/* The inside of a plan: what every node becomes, and where each of its tensors lies. */
#ifndef HL_PLAN_H
#define HL_PLAN_H

#include "graph/store.h"

/* A tensor in the arena, alive from step `first` to step `last` of the timeline: forward of node i at i, the loss at
 * count, backward of node i at 2 count - i. */
typedef struct hl_item {
    size_t bytes, offset;
    int first, last; /* moments */
    bool brief;      /* placed before what is not (hl_arena_place) */
} hl_item;

typedef struct hl_arena {
    hl_item *items;
    size_t count, capacity;
    size_t bytes;    /* of the whole, after hl_arena_place */
    size_t unshared; /* the items' bytes side by side */
} hl_arena;

/* Adds an item and returns its index, or -1: no memory. */
int hl_arena_add(hl_context *hl, hl_arena *arena, size_t bytes, int first, int last);
/* Lengthens an item's life to take in step `at`. */
void hl_arena_extend(hl_arena *arena, int item, int at);
/* Gives every item an offset such that items alive at the same time do not overlap: largest first, each at the lowest
 * place where it fits. */
hl_status hl_arena_place(hl_context *hl, hl_arena *arena);

/* Values, how often each is doubled, and the norm through whose terms or the value through whose factors it is read, -1: none. */
typedef struct hl_reads {
    int count, value[HL_MAX_SEGMENTS], up[HL_MAX_SEGMENTS], norm[HL_MAX_SEGMENTS], scale[HL_MAX_SEGMENTS];
} hl_reads;

typedef struct hl_plan_node {
    hl_shape shape;
    bool live;         /* the output depends on it */
    bool joined;       /* never computed: its readers take its inputs as segments */
    bool finished;     /* a norm or activation that the convolution before it computes as it writes, into the same memory: no forward pass of its own */
    bool absorbed;     /* an activation that the norm before it computes: that one's output and gradient are this one's */
    bool unstored;     /* a norm, the activation it computes or a scale, that no memory is spent on: readers take its input, and its terms or factors */
    int within, offset; /* the concatenation in whose memory its value and gradient lie, -1: none; and the channel from which on */
    bool dear;    /* its value is computed once more in backward, whatever that costs: the limit on memory wants it */
    int again_by; /* the node before whose backward pass its value is computed once more, instead of being kept; -1: none */
    bool wants;        /* its gradient is wanted */
    bool summed;       /* ... but no more of it than its sums over the pixels */
    bool half;         /* its value is kept in bf16 numbers */
    int averages;      /* a global average: the convolution that leaves it the sums of its rows, -1: none */
    int knows;         /* a norm: the norm that has the statistics of its first channels already, -1: none */
    int measured;      /* a norm: the convolution that gives it the statistics of its input, -1: none */
    int through;       /* a convolution: the norm that its backward pass goes on through, to that one's input; -1: none */
    int given_by;      /* that norm: the convolution; -1: none */
    int leaves;        /* such a norm: the norm that it leaves to add what its first channels' gradient lacks, its `knows`; -1: none */
    bool accumulate[HL_MAX_INPUTS];
    hl_reads reads; /* what the step reads, joins taken apart */
    int again; /* arena item of the value that is computed once more */
    int value, gradient, saved, kept, forward_scratch, backward_scratch, again_scratch, row_sums, norm_sums; /* arena items, -1: none */
    int param_gradient[HL_MAX_PARAMS];
    hl_step step;
} hl_plan_node;

struct hl_plan {
    hl_context *hl;
    hl_graph *graph;
    hl_params *params;
    hl_plan_options options;
    const hl_kernels *kernels;
    const hl_conv_kernel *const *half_convs; /* NULL: it is in fp32 */
    const hl_loss *loss;
    hl_plan_node *nodes; /* by the graph's index */
    int count;
    int *param_of_spec;  /* the store's index of each of the graph's specs */
    hl_arena arena;
    char *memory;
    int loss_scratch;
    uint64_t prepared; /* one more than the version of the parameters that steps are prepared for; 0: of none yet */
    double adam_seconds, loss_seconds; /* and each step's own: hl_plan_profile */
    int64_t draw; /* of the next forward in training: which of a run's passes it is */
};

/* Compiles all that needs neither parameters nor memory: shapes, kernels, the arena's layout. Such a plan cannot run; what it says
 * of bytes, FLOPs and kernels is what hl_compile's says. NULL as there. Owner: the caller, hl_plan_free. */
hl_plan *hl_plan_dry(hl_graph *graph, hl_dtype dtype, const hl_plan_options *options);
/* A node's operations of forward at the largest batch; 0 for one that is not computed. */
double hl_plan_node_flops(const hl_plan *plan, int node);

/* Which nodes live, which joins are read as segments, which gradients are wanted. Shapes are set first. */
hl_status hl_plan_shapes(hl_plan *plan);
void hl_plan_analyse(hl_plan *plan);
/* What a node reads: its inputs, those of a reader of segments with joins taken apart. A count beyond HL_MAX_SEGMENTS says that there
 * are more than fit. */
hl_reads hl_plan_reads(const hl_plan *plan, int node);
/* Whether a node has a pass of its own. */
bool hl_plan_computed(const hl_plan *plan, int node);
/* The outermost concatenation that a node's value lies in, else the node; *offset (may be NULL) gets its first channel there. */
int hl_plan_home(const hl_plan *plan, int node, int *offset);
/* The node whose pass computes a value: of an activation that a norm computes, the norm. */
int hl_plan_maker(const hl_plan *plan, int value);
/* The node whose value is what node's pass writes: the activation that a norm computes with it, else itself. */
int hl_plan_writes(const hl_plan *plan, int node);
/* Which convolutions' backward passes go on through the norms they read through, and which norms leave something to others. Steps are described
 * first. */
void hl_plan_find_through(hl_plan *plan);
/* Which norms' statistics are left by the convolutions before them. Steps are described first. */
void hl_plan_find_measured(hl_plan *plan);
/* The input of the norm that a convolution's backward pass goes on through, -1: none. */
int hl_plan_beyond(const hl_plan *plan, int node);
/* The value to whose gradient a node's backward pass adds for its input k: that input, or what is beyond the norm that makes it. */
int hl_plan_gives(const hl_plan *plan, int node, int k);
/* Which convolutions could sum their rows up for a global average. Steps are described first. */
void hl_plan_find_averages(hl_plan *plan);
/* Which values are kept in bf16 numbers. Steps are described first, and where backward passes go on. */
void hl_plan_find_half(hl_plan *plan);
/* Which values are computed again in backward. Reads are described first. */
void hl_plan_find_again(hl_plan *plan);
/* Whether a value can be computed once more: it has memory of its own and its maker has a backward pass. */
bool hl_plan_repeatable(const hl_plan *plan, int value);
/* Points a step to the values it reads and writes: those of forward, or those that are there in backward. */
void hl_plan_point(hl_plan *plan, int node, bool again);
/* Which norms and activations convolutions finish. What lies where is known. */
void hl_plan_find_finished(hl_plan *plan);
/* Lays everything into the arena. */
hl_status hl_plan_layout(hl_plan *plan);
/* When a node's backward pass is on the arena's timeline. */
int hl_backward_time(const hl_plan *plan, int node);
/* All that follows from what is described: what is computed again, the layout, what convolutions finish. May be repeated. */
hl_status hl_plan_lay(hl_plan *plan);
/* Has values computed again, or kernels not kept, until a plan that is laid keeps to the options' limit on memory. HL_USAGE: it cannot. */
hl_status hl_plan_limit(hl_plan *plan);

/* --- running, for those who need more than hl_train_step and hl_predict (goldens, tests, the training loop) ------------- */

/* Forward on `count` images in the plan's dtype, N x H x W x C. The statistics move in HL_TRAIN. */
void hl_plan_forward(hl_plan *plan, const void *images, int count);
/* The logits of the last forward: count x H x W x classes. */
hl_view hl_plan_logits(const hl_plan *plan);
/* The loss of the last forward against `target` (in the plan's dtype, N x H x W: 0 or 1, or with more than one channel of logits
 * class indices) and the gradient to the logits. */
double hl_plan_loss(hl_plan *plan, const void *target);
/* The gradient to the logits, to be written by who runs hl_plan_backward without hl_plan_loss. */
hl_view hl_plan_logits_gradient(const hl_plan *plan);
/* Backward; adam may be NULL. With adam each parameter moves as soon as its gradient is there. */
void hl_plan_backward(hl_plan *plan, hl_adam *adam, double rate);
/* With keep_gradients: a parameter's gradient (store's index), laid out as the parameter; else NULL. */
const void *hl_plan_param_gradient(const hl_plan *plan, int param);
hl_view hl_plan_input_gradient(const hl_plan *plan);

#endif
