/* Running a plan: forward, loss, backward; a training step and prediction. Nothing is allocated here. */
#include "graph/plan.h"

static void set_batch(hl_plan *plan, const void *images, int count) {
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        hl_step *step = &n->step;
        step->draw = plan->draw;
        if (plan->options.mode == HL_TRAIN && hl_plan_computed(plan, i)) hl_plan_point(plan, i, false);
        step->out.n = step->out_gradient.n = count;
        for (int k = 0; k < HL_MAX_INPUTS; k++) step->in_gradient[k].n = count;
        step->beyond.view.n = count;
        if (hl_plan_beyond(plan, i) == plan->graph->input) step->beyond.view.data = (void *)(uintptr_t)images;
        for (int k = 0; k < step->in_count; k++) {
            step->in[k].view.n = step->in[k].scale.n = count;
            if (n->reads.value[k] == plan->graph->input) step->in[k].view.data = (void *)(uintptr_t)images; /* only read */
            if (n->reads.scale[k] == plan->graph->input) step->in[k].scale.data = (void *)(uintptr_t)images;
        }
    }
}

static void *scratch(const hl_plan *plan, int item) { return item < 0 ? NULL : plan->memory + plan->arena.items[item].offset; }

/* In inference: what follows from parameters alone is computed when they have changed. */
static void prepare(hl_plan *plan) {
    if (plan->prepared == plan->params->version + 1) return;
    for (int i = 0; i < plan->count; i++) {
        hl_step *step = &plan->nodes[i].step;
        step->bn_steps = plan->params->bn_steps;
        if (hl_plan_computed(plan, i) && step->node->op->prepare) step->node->op->prepare(step);
    }
    plan->prepared = plan->params->version + 1;
}

void hl_plan_forward(hl_plan *plan, const void *images, int count) {
    set_batch(plan, images, count);
    if (plan->options.mode == HL_INFER) prepare(plan);
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        if (!hl_plan_computed(plan, i) || n->finished || !n->step.node->op->forward) continue;
        n->step.workspace = scratch(plan, n->forward_scratch);
        double start = hl_seconds();
        n->step.node->op->forward(&n->step);
        n->step.seconds[HL_FORWARD] += hl_seconds() - start;
    }
    if (plan->options.mode == HL_INFER) return;
    if (!plan->params->foreign_moving) plan->params->bn_steps++;
    plan->params->version++;
}

hl_view hl_plan_logits(const hl_plan *plan) { return plan->nodes[plan->graph->output].step.out; }
hl_view hl_plan_logits_gradient(const hl_plan *plan) { return plan->nodes[plan->graph->output].step.out_gradient; }

double hl_plan_loss(hl_plan *plan, const void *target) {
    hl_view logits = hl_plan_logits(plan), gradient = hl_plan_logits_gradient(plan);
    hl_view truth = logits;
    truth.data = (void *)(uintptr_t)target;
    if (plan->loss->class_indices) truth.c = truth.stride = 1;
    double start = hl_seconds(), loss = plan->loss->run(plan->hl, plan->kernels, &logits, &truth, gradient.data ? &gradient : NULL, scratch(plan, plan->loss_scratch));
    plan->loss_seconds += hl_seconds() - start;
    return loss;
}

/* The values that node's backward pass is the first to need, computed once more. */
static void compute_again(hl_plan *plan, int node) {
    for (int i = 0; i < node; i++) {
        if (plan->nodes[i].again_by != node) continue;
        int maker = hl_plan_maker(plan, i);
        hl_step *step = &plan->nodes[maker].step;
        hl_plan_point(plan, maker, true);
        step->workspace = scratch(plan, plan->nodes[maker].again_scratch);
        if (plan->nodes[maker].finished && step->out.data == step->in[0].view.data) continue; /* the convolution has */
        if (step->node->op->again) step->node->op->again(step);
        else step->node->op->forward(step);
    }
}

void hl_plan_backward(hl_plan *plan, hl_adam *adam, double rate) {
    hl_adam_step constants = {0};
    if (adam) constants = hl_adam_next(adam, rate);
    for (int i = plan->count - 1; i >= 0; i--) {
        hl_plan_node *n = &plan->nodes[i];
        const hl_node *node = plan->graph->nodes[i];
        if (!n->wants || n->absorbed || !node->op->backward) continue;
        double start = hl_seconds(), before = n->step.seconds[HL_BACKWARD_WEIGHTS];
        compute_again(plan, i);
        hl_plan_point(plan, i, true);
        n->step.workspace = scratch(plan, n->backward_scratch);
        node->op->backward(&n->step);
        double end = hl_seconds();
        n->step.seconds[HL_BACKWARD_DATA] += end - start - (n->step.seconds[HL_BACKWARD_WEIGHTS] - before);
        for (int slot = 0; slot < HL_MAX_PARAMS && adam; slot++)
            if (n->step.param_gradient[slot])
                hl_adam_apply(adam, plan->kernels, &constants, plan->param_of_spec[node->params[slot]], n->step.param_gradient[slot]);
        plan->adam_seconds += hl_seconds() - end;
    }
}

const void *hl_plan_param_gradient(const hl_plan *plan, int param) {
    for (int i = 0; plan->options.keep_gradients && i < plan->count; i++)
        for (int slot = 0; slot < HL_MAX_PARAMS; slot++) {
            int spec = plan->graph->nodes[i]->params[slot];
            if (spec >= 0 && plan->param_of_spec[spec] == param) return plan->nodes[i].step.param_gradient[slot];
        }
    return NULL;
}

hl_view hl_plan_input_gradient(const hl_plan *plan) { return plan->nodes[plan->graph->input].step.out_gradient; }

typedef struct train_call {
    hl_plan *plan;
    hl_adam *adam;
    double rate, loss;
    const float *images, *masks;
    int count;
} train_call;

static void train(void *arg) {
    train_call *call = arg;
    if (call->adam) call->plan->draw = call->adam->steps;
    hl_plan_forward(call->plan, call->images, call->count);
    call->loss = hl_plan_loss(call->plan, call->masks);
    hl_plan_backward(call->plan, call->adam, call->rate);
}

hl_status hl_train_step(hl_plan *plan, hl_adam *adam, double rate, const float *images, const float *masks, int count, double *loss) {
    if (plan->options.mode != HL_TRAIN || plan->kernels->dtype != HL_F32) return hl_fail(plan->hl, HL_USAGE, "the plan was not compiled to train in float");
    if (count < 1 || count > plan->options.batch)
        return hl_fail(plan->hl, HL_USAGE, "a batch of %d images, the plan takes 1 to %d", count, plan->options.batch);
    train_call call = {.plan = plan, .adam = adam, .rate = rate, .images = images, .masks = masks, .count = count};
    hl_with_team(plan->hl, train, &call);
    if (loss) *loss = call.loss;
    return HL_OK;
}

typedef struct predict_call {
    hl_plan *plan;
    const float *images;
    float *probabilities;
    int count;
} predict_call;

static void predict(void *arg) {
    const predict_call *call = arg;
    hl_plan *plan = call->plan;
    const hl_shape *in = &plan->nodes[plan->graph->input].shape, *out = &plan->nodes[plan->graph->output].shape;
    size_t in_size = (size_t)in->h * (size_t)in->w * (size_t)in->c, out_size = (size_t)out->h * (size_t)out->w * (size_t)out->c;
    for (int done = 0; done < call->count;) {
        int n = call->count - done < plan->options.batch ? call->count - done : plan->options.batch;
        hl_plan_forward(plan, call->images + (size_t)done * in_size, n);
        hl_view logits = hl_plan_logits(plan), p = logits;
        p.data = call->probabilities + (size_t)done * out_size;
        if (out->c > 1) plan->kernels->softmax_forward(plan->hl, &logits, &p);
        else plan->kernels->sigmoid_forward(plan->hl, &logits, &p);
        done += n;
    }
}

hl_status hl_predict(hl_plan *plan, const float *images, int count, float *probabilities) {
    if (plan->options.mode != HL_INFER || plan->kernels->dtype != HL_F32) return hl_fail(plan->hl, HL_USAGE, "the plan was not compiled to infer in float");
    hl_with_team(plan->hl, predict, &(predict_call){plan, images, probabilities, count});
    return HL_OK;
}
