/* What a graph needs at one size: shapes, the nodes that matter, joins that need no memory, gradients that are wanted. */
#include "graph/plan.h"

hl_status hl_plan_shapes(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        hl_plan_node *n = &plan->nodes[i];
        hl_shape in[HL_MAX_INPUTS];
        for (int k = 0; k < node->input_count; k++) in[k] = plan->nodes[node->inputs[k]].shape;
        char why[256] = "";
        if (!node->op->shape(node, in, &n->shape, why, sizeof why))
            return hl_fail(plan->hl, HL_USAGE, "layer %s: at %dx%d, %s", *node->name ? node->name : node->op->name, plan->options.height,
                           plan->options.width, why);
        if (i == plan->graph->input) n->shape.h = plan->options.height, n->shape.w = plan->options.width;
    }
    return HL_OK;
}

bool hl_plan_computed(const hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    return n->live && !n->joined && !n->absorbed && node != plan->graph->input;
}

/* The first live reader of a value after `from`, -1: none. */
static int next_reader(const hl_plan *plan, int value, int from) {
    for (int i = from + 1; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].live && k < node->input_count; k++)
            if (node->inputs[k] == value) return i;
    }
    return -1;
}

int hl_plan_writes(const hl_plan *plan, int node) {
    if (!(plan->graph->nodes[node]->op->needs & HL_NORMS)) return node;
    int reader = next_reader(plan, node, node);
    return reader >= 0 && plan->nodes[reader].absorbed ? reader : node;
}

int hl_plan_maker(const hl_plan *plan, int value) { return plan->nodes[value].absorbed ? plan->graph->nodes[value]->inputs[0] : value; }

static void add_read(hl_reads *reads, int value, int up, int norm, int scale) {
    int k = reads->count++;
    if (k < HL_MAX_SEGMENTS) reads->value[k] = value, reads->up[k] = up, reads->norm[k] = norm, reads->scale[k] = scale;
}

static void add_segments(const hl_plan *plan, int value, int up, hl_reads *reads) {
    const hl_node *node = plan->graph->nodes[value];
    const hl_plan_node *n = &plan->nodes[value];
    if (n->unstored && (node->op->needs & HL_SCALES)) {
        add_read(reads, node->inputs[0], up, -1, node->inputs[1]);
        return;
    }
    if (n->unstored) {
        int norm = n->absorbed ? node->inputs[0] : value;
        add_read(reads, plan->graph->nodes[norm]->inputs[0], up, norm, -1);
        return;
    }
    if (!n->joined) {
        add_read(reads, value, up, -1, -1);
        return;
    }
    int factor = n->shape.h / plan->nodes[node->inputs[0]].shape.h;
    for (; factor > 1; factor /= 2) up++;
    for (int k = 0; k < node->input_count; k++) add_segments(plan, node->inputs[k], up, reads);
}

hl_reads hl_plan_reads(const hl_plan *plan, int node) {
    const hl_node *n = plan->graph->nodes[node];
    hl_reads reads = {0};
    if (n->op->needs & HL_READS_SEGMENTS) add_segments(plan, n->inputs[0], 0, &reads);
    else
        for (int k = 0; k < n->input_count; k++) add_read(&reads, n->inputs[k], 0, -1, -1);
    return reads;
}

/* Live nodes whose inputs include `value` and that would read it as a plain map. */
static bool has_plain_reader(const hl_plan *plan, int value) {
    for (int i = next_reader(plan, value, value); i >= 0; i = next_reader(plan, value, i))
        if (!plan->nodes[i].joined && !(plan->graph->nodes[i]->op->needs & HL_READS_SEGMENTS)) return true;
    return false;
}

/* A join is read as segments where all its readers can, and where that makes no more segments than a kernel takes. */
static void find_joins(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++)
        plan->nodes[i].joined = plan->nodes[i].live && (plan->graph->nodes[i]->op->needs & HL_JOINS) && i != plan->graph->output;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = plan->count - 1; i >= 0; i--) {
            if (!plan->nodes[i].joined) continue;
            hl_reads reads = {0};
            add_segments(plan, i, 0, &reads);
            if (!has_plain_reader(plan, i) && reads.count <= HL_MAX_SEGMENTS) continue;
            plan->nodes[i].joined = false;
            changed = true;
        }
    }
}

/* Whether all who read a value, through joins too, can read it through terms or factors. */
static bool read_through(const hl_plan *plan, int value) {
    if (value == plan->graph->output) return false;
    for (int i = next_reader(plan, value, value); i >= 0; i = next_reader(plan, value, i)) {
        const hl_op *op = plan->graph->nodes[i]->op;
        if (plan->nodes[i].joined ? !read_through(plan, i) : !op->reads_through || !op->reads_through(plan->graph->nodes[i])) return false;
    }
    return true;
}

/* Whether a node, as its first input, alone reads a value. */
static bool reads_alone(const hl_plan *plan, int node, int value) {
    bool input = value != plan->graph->output && plan->graph->nodes[node]->inputs[0] == value;
    return input && next_reader(plan, value, value) == node && next_reader(plan, value, node) < 0;
}

/* The convolution that could finish what a node computes of its output: nobody else reads that. -1: none. */
static int finisher(const hl_plan *plan, int node) {
    int input = plan->graph->nodes[node]->input_count == 1 ? plan->graph->nodes[node]->inputs[0] : -1;
    bool can = input >= 0 && plan->nodes[node].live && (plan->graph->nodes[input]->op->needs & HL_FINISHES);
    return can && reads_alone(plan, node, input) ? input : -1;
}

/* An activation whose norm has no other reader is computed with it. Neither is stored where all readers can do without. */
static void find_norms(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        if (!plan->nodes[i].live || !(plan->graph->nodes[i]->op->needs & HL_NORMS)) continue;
        int reader = next_reader(plan, i, i), last = i;
        bool only = reader >= 0 && next_reader(plan, i, reader) < 0 && i != plan->graph->output;
        if (only && plan->graph->nodes[reader]->op->act) plan->nodes[last = reader].absorbed = true;
        if (plan->graph->nodes[last]->op->act == HL_SWISH || !read_through(plan, last)) continue;
        if (plan->options.mode == HL_INFER && finisher(plan, i) >= 0) continue; /* finished once rather than at every reading */
        plan->nodes[i].unstored = plan->nodes[last].unstored = true;
    }
}

/* Scales that no memory is spent on. */
static void find_scales(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++)
        if (plan->nodes[i].live && (plan->graph->nodes[i]->op->needs & HL_SCALES)) plan->nodes[i].unstored = read_through(plan, i);
}

int hl_plan_home(const hl_plan *plan, int node, int *offset) {
    int channels = 0;
    for (; plan->nodes[node].within >= 0; node = plan->nodes[node].within) channels += plan->nodes[node].offset;
    if (offset) *offset = channels;
    return node;
}

/* Whether a value may lie in a concatenation's memory. Who else reads it comes before the concatenation, so that in backward the
 * gradient there is whole when they add to it. */
static bool may_lie_within(const hl_plan *plan, int value, int concat) {
    int last = value;
    for (int i = next_reader(plan, value, value); i >= 0; i = next_reader(plan, value, i)) last = i;
    int norm = plan->nodes[value].absorbed ? plan->graph->nodes[value]->inputs[0] : value;
    return last == concat && plan->nodes[value].within < 0 && value != plan->graph->input && !plan->nodes[value].joined && !plan->nodes[norm].unstored;
}

/* Concatenations that are stored take their inputs' memory in: each is written where it is wanted. */
static void find_homes(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) plan->nodes[i].within = -1;
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        if (!(node->op->needs & HL_CONCATENATES) || !plan->nodes[i].live || plan->nodes[i].joined) continue;
        for (int k = 0, channels = 0; k < node->input_count; channels += plan->nodes[node->inputs[k++]].shape.c) {
            if (!may_lie_within(plan, node->inputs[k], i)) continue;
            plan->nodes[node->inputs[k]].within = i, plan->nodes[node->inputs[k]].offset = channels;
        }
    }
}

/* A concatenation in place begins with the very map that another norm has read: in a dense block only a layer's own channels are new. */
static void find_known(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        plan->nodes[i].knows = -1;
        if (!plan->nodes[i].live || !(node->op->needs & HL_NORMS) || !(plan->graph->nodes[node->inputs[0]]->op->needs & HL_CONCATENATES)) continue;
        int first = plan->graph->nodes[node->inputs[0]]->inputs[0];
        if (plan->nodes[first].within != node->inputs[0]) continue;
        for (int k = next_reader(plan, first, first); k >= 0 && k < i; k = next_reader(plan, first, k))
            if (plan->graph->nodes[k]->op->needs & HL_NORMS) plan->nodes[i].knows = k;
    }
}

static bool has_trainable(const hl_node *node) {
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++)
        if (node->params[slot] >= 0 && hl_param_kind_trainable(node->graph->params[node->params[slot]].kind)) return true;
    return false;
}

/* A norm without a trained scale or an activation, on what needs no gradient, takes from its output's gradient only sums: an encoder's first. */
static bool takes_sums(const hl_plan *plan, int node) {
    const hl_node *norm = plan->graph->nodes[node];
    if (!(norm->op->needs & HL_NORMS) || !plan->nodes[node].wants || plan->nodes[norm->inputs[0]].wants || hl_norm_scales(norm)) return false;
    int reader = next_reader(plan, node, node);
    bool one = reader >= 0 && next_reader(plan, node, reader) < 0 && node != plan->graph->output && !plan->nodes[reader].joined;
    const hl_op *op = one ? plan->graph->nodes[reader]->op : NULL;
    return one && op->sums_input && op->sums_input(plan->graph->nodes[reader]);
}

/* Gradients that are wanted, and which contribution to each comes first in backward's order (it writes, the rest add). */
static void find_gradients(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        hl_plan_node *n = &plan->nodes[i];
        n->wants = n->live && (has_trainable(node) || (i == plan->graph->input && plan->options.input_gradient));
        for (int k = 0; k < node->input_count; k++) n->wants |= n->live && plan->nodes[node->inputs[k]].wants;
    }
    for (int i = 0; i < plan->count; i++) plan->nodes[i].summed = takes_sums(plan, i);
    for (int i = plan->count - 1; i >= 0; i--) {
        const hl_node *node = plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].wants && !plan->nodes[i].absorbed && k < node->input_count; k++) {
            hl_plan_node *in = &plan->nodes[node->inputs[k]];
            plan->nodes[i].accumulate[k] = in->gradient >= 0; /* here: somebody wrote before */
            in->gradient = 0;
        }
    }
    for (int i = 0; i < plan->count; i++) plan->nodes[i].gradient = -1;
}

int hl_plan_beyond(const hl_plan *plan, int node) {
    int norm = plan->nodes[node].through;
    return norm < 0 ? -1 : plan->graph->nodes[norm]->inputs[0];
}

int hl_plan_gives(const hl_plan *plan, int node, int k) {
    int beyond = hl_plan_beyond(plan, node);
    return beyond < 0 ? plan->graph->nodes[node]->inputs[k] : beyond;
}

/* Whether no node between two has a backward pass: it could add to a gradient between theirs. */
static bool passes_adjoin(const hl_plan *plan, int from, int to) {
    for (int i = from + 1; i < to; i++)
        if (plan->nodes[i].wants && !plan->nodes[i].absorbed) return false;
    return true;
}

/* The norm that a convolution's backward pass can go on through, -1: none. */
static int norm_through(const hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    const hl_op *op = plan->graph->nodes[node]->op;
    if (n->reads.count != 1 || n->reads.up[0] || n->reads.scale[0] >= 0 || !n->wants || !op->backs_through) return -1;
    bool stored = n->reads.norm[0] < 0;
    int norm = stored ? hl_plan_maker(plan, n->reads.value[0]) : n->reads.norm[0];
    if (!(plan->graph->nodes[norm]->op->needs & HL_NORMS) || !op->backs_through(&n->step, stored)) return -1;
    bool wanted = plan->nodes[norm].wants && !plan->nodes[norm].summed && plan->nodes[plan->graph->nodes[norm]->inputs[0]].wants;
    return wanted && reads_alone(plan, node, hl_plan_writes(plan, norm)) && passes_adjoin(plan, norm, node) ? norm : -1;
}

static void go_through(hl_plan *plan, int conv, int norm) {
    hl_plan_node *n = &plan->nodes[conv], *by = &plan->nodes[norm];
    n->through = norm, by->given_by = conv;
    n->step.through = by->step.through = true;
    n->step.beyond = by->step.in[0], n->step.beyond.act = by->step.act;
    n->step.in_gradient[0] = by->step.in_gradient[0], n->step.in_accumulate[0] = by->accumulate[0];
}

/* In a dense block every norm's part in the gradient to the channels before it lacks what is linear in them: the last to come adds it for all. */
void hl_plan_find_through(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) plan->nodes[i].through = plan->nodes[i].given_by = plan->nodes[i].leaves = -1;
    for (int i = 0; i < plan->count && plan->options.mode == HL_TRAIN; i++) {
        int norm = hl_plan_computed(plan, i) ? norm_through(plan, i) : -1;
        if (norm >= 0) go_through(plan, i, norm);
    }
    for (int i = plan->count - 1; i >= 0; i--) {
        int to = plan->nodes[i].given_by >= 0 ? plan->nodes[i].knows : -1;
        if (to < 0 || plan->nodes[to].given_by < 0 || plan->nodes[to].step.taken_channels) continue;
        plan->nodes[i].leaves = to, plan->nodes[i].step.settles_from = plan->nodes[to].shape.c;
        plan->nodes[to].step.taken_channels = plan->nodes[i].shape.c;
    }
}

/* Of two norms that read one convolution the first. A convolution that is computed again in backward writes once more, the same, into what the norm
 * has saved: that is there still, because a norm that is wanted reads its input in backward. */
void hl_plan_find_measured(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        n->measured = -1;
        if (plan->options.mode != HL_TRAIN || !n->wants || !(plan->graph->nodes[i]->op->needs & HL_NORMS)) continue;
        int conv = plan->graph->nodes[i]->inputs[0];
        bool can = hl_plan_computed(plan, conv) && (plan->graph->nodes[conv]->op->needs & HL_FINISHES) && !plan->nodes[conv].step.measured;
        if (!can || !plan->nodes[conv].step.conv[HL_FORWARD]->gives_moments) continue;
        n->measured = conv, n->step.measured = plan->nodes[conv].step.measured = true;
    }
}

bool hl_plan_repeatable(const hl_plan *plan, int value) {
    int maker = hl_plan_maker(plan, value);
    const hl_op *op = plan->graph->nodes[maker]->op;
    bool own = plan->nodes[value].within < 0 && !plan->nodes[value].unstored && !plan->nodes[value].joined && value != plan->graph->output;
    return own && !(op->needs & HL_CONCATENATES) && plan->nodes[maker].wants && hl_plan_writes(plan, maker) == value;
}

/* For a value that its operator would rather compute again than keep, or that the limit on memory does not leave room for. */
static void need_again(hl_plan *plan, int value, int by) {
    bool again = plan->graph->nodes[hl_plan_maker(plan, value)]->op->again || plan->nodes[value].dear;
    if (again && by > plan->nodes[value].again_by && hl_plan_repeatable(plan, value)) plan->nodes[value].again_by = by;
}

static void need_reads(hl_plan *plan, const hl_reads *reads, int by) {
    for (int k = 0; k < reads->count; k++) {
        need_again(plan, reads->value[k], by);
        if (reads->scale[k] >= 0) need_again(plan, reads->scale[k], by);
    }
}

/* From the last node to the first: when its own turn comes all who need a value in backward have said so. */
void hl_plan_find_again(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) plan->nodes[i].again_by = -1;
    for (int i = plan->count - 1; i >= 0; i--) {
        const hl_plan_node *n = &plan->nodes[i];
        int needs = hl_plan_computed(plan, i) && n->wants ? plan->graph->nodes[i]->op->needs : 0;
        if (needs & HL_NEEDS_OUTPUT) need_again(plan, hl_plan_writes(plan, i), i);
        hl_reads reads = plan->nodes[hl_plan_maker(plan, i)].reads;
        if (n->again_by >= 0) need_reads(plan, &reads, n->again_by);
        if (needs & HL_NEEDS_INPUT) need_reads(plan, &n->reads, i);
        if (n->through >= 0) need_again(plan, hl_plan_beyond(plan, i), i);
    }
}

/* The convolution behind the first input of a sum, with what it has been found to finish between, if nobody else reads any of them: -1: none. */
static int summand(const hl_plan *plan, int sum) {
    for (int reader = sum, value = plan->graph->nodes[sum]->inputs[0];; reader = value, value = plan->graph->nodes[value]->inputs[0]) {
        const hl_plan_node *n = &plan->nodes[value];
        int needs = plan->graph->nodes[value]->op->needs, first = next_reader(plan, value, value);
        if (first != reader || next_reader(plan, value, first) >= 0 || value == plan->graph->output || value == plan->graph->input) return -1;
        if (needs & HL_FINISHES) return hl_plan_computed(plan, value) ? value : -1;
        bool passes = plan->options.mode == HL_INFER && (needs & HL_PASSES_ON) && n->value == plan->nodes[sum].value;
        if (!passes && !n->absorbed && !n->finished) return -1;
    }
}

/* A sum that the convolution behind its first input makes as it writes: the other is there by then, and both lie in the same memory, for good. */
static void finish_sum(hl_plan *plan, int sum) {
    int other = plan->graph->nodes[sum]->inputs[1], conv = hl_plan_computed(plan, sum) ? summand(plan, sum) : -1;
    if (conv < 0 || hl_plan_maker(plan, other) >= conv || plan->nodes[conv].value != plan->nodes[sum].value) return;
    if (plan->nodes[conv].again_by >= 0 || plan->nodes[sum].again_by >= 0 || plan->nodes[conv].step.finish.add) return;
    if (plan->nodes[sum].step.in[1].view.half && !plan->nodes[conv].step.conv[HL_FORWARD]->reads_half) return;
    plan->nodes[sum].finished = plan->nodes[conv].step.finishes = true;
    plan->nodes[conv].step.finish.add = &plan->nodes[sum].step.in[1].view;
}

/* In inference: what makes the average's input is to be found finished by the convolution, which then has the last word on it. */
void hl_plan_find_averages(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        plan->nodes[i].averages = -1;
        if (plan->options.mode != HL_INFER || !plan->nodes[i].live || !(node->op->needs & HL_AVERAGES)) continue;
        int conv = finisher(plan, hl_plan_maker(plan, node->inputs[0]));
        if (conv >= 0 && plan->nodes[conv].step.conv[HL_FORWARD]->sums_rows) plan->nodes[i].averages = conv;
    }
}

static void finish_average(hl_plan *plan, int average) {
    hl_plan_node *n = &plan->nodes[average];
    bool last = plan->nodes[hl_plan_maker(plan, plan->graph->nodes[average]->inputs[0])].finished;
    if (!last || plan->nodes[n->averages].step.finish.add) n->averages = -1;
}

/* The norm's terms have to be known before: in inference. Both lie in the same memory: nobody needs the convolution's own output. */
void hl_plan_find_finished(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_op *op = plan->graph->nodes[i]->op;
        if (op->needs & HL_SUMS) finish_sum(plan, i);
        if (plan->nodes[i].averages >= 0) finish_average(plan, i);
        bool norm = op->needs & HL_NORMS, fits = norm ? plan->options.mode == HL_INFER && !plan->nodes[i].unstored : op->act != HL_LINEAR;
        int conv = fits && hl_plan_computed(plan, i) ? finisher(plan, i) : -1;
        if (conv < 0 || !hl_plan_computed(plan, conv) || plan->nodes[conv].value != plan->nodes[i].value) continue;
        plan->nodes[i].finished = plan->nodes[conv].step.finishes = true;
        plan->nodes[conv].step.finish = (hl_finish){.act = norm ? plan->nodes[i].step.act : op->act};
    }
}

void hl_plan_analyse(hl_plan *plan) {
    for (int i = plan->count - 1; i >= 0; i--) {
        if (i == plan->graph->output) plan->nodes[i].live = true;
        const hl_node *node = plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].live && k < node->input_count; k++) plan->nodes[node->inputs[k]].live = true;
    }
    find_joins(plan);
    find_norms(plan);
    find_scales(plan);
    find_homes(plan);
    find_known(plan);
    if (plan->options.mode == HL_TRAIN) find_gradients(plan);
}
