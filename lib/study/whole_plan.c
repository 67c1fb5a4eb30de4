/* What a study will cost: operations of its runs, memory of their steps, and time at a speed measured in a second or so. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/nets.h"
#include "hilum/summary.h"
#include "study/whole.h"
#include "train/fit.h"

enum { NETS = 2 * HL_STUDY_NETS };
static const double measuring_seconds = 1.5; /* for all nets together; after ten of them no further net is begun */
static const double last_start = 10;

/* A net as a study trains it: with one class or, for lungs, three. */
typedef struct cost {
    const char *net;
    int classes;
    double train, infer; /* operations a slice */
    double rate;         /* operations of training a second; NaN: not measured */
    size_t bytes;
} cost;

typedef struct planning {
    const hl_study *study;
    cost nets[NETS];
    int count;
    double start;
    hl_run_list done; /* runs that an earlier part has paid for */
} planning;

/* --- nets ---------------------------------------------------------------------------------------------------------------- */

/* Training steps on made-up slices, the first of which is not counted. */
static hl_status time_steps(hl_context *hl, hl_plan *plan, hl_adam *adam, const hl_run_options *o, double seconds, double *rate) {
    size_t pixels = (size_t)o->batch * (size_t)o->height * (size_t)o->width_pixels;
    float *images = hl_calloc(hl, pixels * 3, sizeof *images), *masks = hl_calloc(hl, pixels, sizeof *masks);
    hl_status status = images && masks ? HL_OK : HL_NO_MEMORY;
    enum { STEPS = 64 };
    int steps = 0;
    double spent = 0, each[STEPS];
    for (size_t i = 0; i < 3 * pixels && !status; i++) images[i] = (float)(i * 7919 % 1009) / 1009;
    for (int warm = 0; !status && steps < STEPS && (steps < 1 || spent < seconds); warm = 1) {
        double start = hl_seconds();
        status = hl_train_step(plan, adam, 1e-4, images, masks, o->batch, NULL);
        if (warm) spent += each[steps++] = hl_seconds() - start;
    }
    if (!status) *rate = hl_plan_flops(plan) / hl_quantile(hl, each, steps, 0.5); /* others may be at work on the machine */
    free(images), free(masks);
    return status;
}

static hl_status measure(hl_context *hl, hl_graph *graph, const hl_run_options *o, double seconds, double *rate) {
    hl_plan_options options = {.mode = HL_TRAIN, .batch = o->batch, .height = o->height, .width = o->width_pixels, .precision = o->precision};
    hl_params *params = hl_params_init(graph, o->init, 0);
    hl_adam *adam = params ? hl_adam_new(params, NULL) : NULL;
    hl_plan *plan = adam ? hl_compile(graph, params, &options) : NULL;
    hl_status status = plan ? time_steps(hl, plan, adam, o, seconds, rate) : hl_error_status(hl);
    hl_plan_free(plan);
    hl_adam_free(adam);
    if (params) hl_params_free(params);
    return status;
}

static hl_status add_net(planning *p, const char *net, int classes) {
    hl_context *hl = p->study->hl;
    const hl_run_options *o = &p->study->training;
    hl_net_options options = o->net_options;
    options.classes = classes;
    hl_graph *graph = hl_net(hl, net, &options);
    hl_plan_options plan = {.batch = o->batch, .height = o->height, .width = o->width_pixels, .precision = o->precision};
    hl_summary *summary = graph ? hl_summary_make(graph, &plan) : NULL;
    hl_status status = summary ? HL_OK : hl_error_status(hl);
    cost *c = &p->nets[p->count];
    if (!status) {
        *c = (cost){net, classes, summary->flops_train / o->batch, summary->flops / o->batch, NAN, summary->bytes_train};
        p->count++;
        if (hl_seconds() - p->start < last_start) status = measure(hl, graph, o, measuring_seconds / (p->study->nets.count + 1), &c->rate);
    }
    hl_summary_free(summary);
    if (graph) hl_graph_free(graph);
    return status;
}

static hl_status find_net(planning *p, const char *net, int classes, cost **found) {
    for (int i = 0; i < p->count; i++) {
        if (!strcmp(p->nets[i].net, net) && p->nets[i].classes == classes) return *found = &p->nets[i], HL_OK;
    }
    if (p->count == NETS) return hl_fail(p->study->hl, HL_USAGE, "more than %d networks in a study", NETS);
    hl_status status = add_net(p, net, classes);
    *found = &p->nets[p->count - 1];
    return status;
}

/* --- runs ----------------------------------------------------------------------------------------------------------------- */

static int cohort_slices(const hl_study *study, hl_cohort_id id, bool training) {
    const hl_study_cohort *c = study->cohorts;
    if (id == HL_COHORT_MIXED) return cohort_slices(study, HL_COHORT_ONE, training) + cohort_slices(study, HL_COHORT_TWO, training);
    return training ? c[id].training_slices : c[id].slices;
}

/* Operations of a run: every fold's epochs over its training slices and validation, then its test, and cohort 2 by its models. */
static double run_flops(const hl_study *study, const hl_run_spec *spec, const cost *net) {
    const hl_run_options *o = &study->training;
    double all = cohort_slices(study, spec->cohort, false),
           train = spec->kind == HL_RUN_LUNG ? all : cohort_slices(study, spec->cohort, true);
    double parts = spec->kind == HL_RUN_FOUR ? 5 : spec->cohort == HL_COHORT_PUBLIC ? 2 : o->folds;
    double outside = spec->kind == HL_RUN_FOUR ? 1 / parts : 1 - 1 / parts; /* share of the patients outside the test part */
    double validating = spec->kind == HL_RUN_FOUR ? 0 : spec->kind == HL_RUN_OPTIMISTIC ? 1 / parts : outside * o->validation;
    double training = outside - (spec->kind == HL_RUN_OPTIMISTIC ? 0 : validating);
    double settling = hl_fit_settling(o->epochs, o->batch, (int)(train * training)); /* slices of forward passes at an epoch's end */
    double flops = spec->folds * o->epochs * (train * training * net->train + (settling + all * validating) * net->infer);
    double second = spec->kind == HL_RUN_OWN && study->cohorts[HL_COHORT_TWO].there ? study->cohorts[HL_COHORT_TWO].slices : 0;
    return flops + spec->folds * net->infer * (2 * all / parts + second);
}

/* Inference goes at the rate of training; a net that was not measured at the mean of those that were. */
static double seconds_of(const planning *p, const cost *net, double flops) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        if (!isnan(p->nets[i].rate)) sum += p->nets[i].rate, count++;
    }
    return flops / (isnan(net->rate) ? sum / count : net->rate);
}

static bool is_done(planning *p, const hl_run_spec *spec) {
    char wanted[96], name[96];
    hl_run_spec_name(spec, wanted);
    for (int i = 0; i < p->done.count; i++) {
        hl_run_spec_name(&p->done.runs[i], name);
        if (!strcmp(wanted, name)) return true;
    }
    if (p->done.count < HL_STUDY_RUNS) p->done.runs[p->done.count++] = *spec;
    return false;
}

/* Operations of predicting what a part visits once more with the study's model. */
static double visit_flops(const hl_study *study, const cost *net) {
    const hl_study_cohort *c = study->cohorts;
    return net->infer * (c[HL_COHORT_ONE].slices + (double)study->training.folds * c[HL_COHORT_TWO].slices);
}

static hl_status plan_part(planning *p, const hl_study_part *part, hl_study_step *step) {
    const hl_study *study = p->study;
    hl_run_list *list = hl_calloc(study->hl, 1, sizeof *list);
    cost *net;
    hl_status status = list ? HL_OK : HL_NO_MEMORY;
    if (!status) part->needs(study, list);
    for (int i = 0; !status && i < list->count; i++) {
        const hl_run_spec *spec = &list->runs[i];
        status = find_net(p, spec->net, spec->kind == HL_RUN_LUNG ? 3 : 1, &net);
        if (!status && net->bytes > step->bytes) step->bytes = net->bytes;
        if (status || is_done(p, spec)) continue;
        double flops = run_flops(study, spec, net);
        step->models += spec->folds, step->flops += flops, step->seconds += seconds_of(p, net, flops);
    }
    if (!status && list->count) {
        status = find_net(p, study->model, 1, &net);
        if (!status) step->flops += visit_flops(study, net), step->seconds += seconds_of(p, net, visit_flops(study, net));
    }
    free(list);
    return status;
}

hl_status hl_study_make_plan(const hl_study *study, hl_study_plan *plan) {
    planning *p = hl_calloc(study->hl, 1, sizeof *p);
    hl_status status = p ? HL_OK : HL_NO_MEMORY;
    *plan = (hl_study_plan){0};
    if (p) p->study = study, p->start = hl_seconds();
    for (int i = 0; i < HL_STUDY_PARTS && !status; i++) {
        hl_study_step *step = &plan->steps[plan->count++];
        hl_study_part_at(i, &step->part);
        const hl_study_part *part = hl_study_part_list(i);
        if (part) status = plan_part(p, part, step);
        plan->models += step->models, plan->seconds += step->seconds;
        if (step->bytes > plan->bytes) plan->bytes = step->bytes;
    }
    for (int i = 0; p && i < p->count; i++) plan->networks_measured += !isnan(p->nets[i].rate);
    free(p);
    return status;
}
