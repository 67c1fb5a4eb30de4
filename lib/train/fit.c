/* Training one model: epochs of steps, validation, best and last checkpoints, early stopping, stops and resuming. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "train/fit.h"

/* What the limit on memory leaves for training beside the plan of validation, which is there at the same time. */
static size_t limit_beside_model(const hl_fit_run *run) {
    size_t limit = run->options->memory_limit, model = run->model ? hl_model_bytes(run->model) : 0;
    return limit > model ? limit - model : limit ? 1 : 0;
}

static hl_status prepare(hl_fit_run *run) {
    const hl_fit_options *o = run->options;
    int count = run->rows->train_count, height = hl_cohort_height(run->cohort), width = hl_cohort_width(run->cohort);
    int classes = o->net_options.classes ? o->net_options.classes : 1;
    if (classes != hl_cohort_classes(run->cohort))
        return hl_fail(run->hl, HL_USAGE, "a net of %d classes cannot be trained on a cohort of %d", classes, hl_cohort_classes(run->cohort));
    if (count < 1) return hl_fail(run->hl, HL_BAD_INPUT, "%s: no slice to train on", hl_manifest_path(hl_cohort_manifest(run->cohort)));
    run->steps = (count + o->batch - 1) / o->batch;
    run->samples = hl_calloc(run->hl, (size_t)count, sizeof *run->samples);
    run->order = hl_calloc(run->hl, (size_t)count, sizeof *run->order);
    run->starts = hl_calloc(run->hl, (size_t)run->steps + 1, sizeof *run->starts);
    run->state.log = hl_strdup(run->hl, "epoch,loss,dsc_val\n");
    if (!run->samples || !run->order || !run->starts || !run->state.log) return HL_NO_MEMORY;
    /* Every slice takes part in every epoch: batches of nearly one size rather than a small last one. */
    for (int b = 0; b <= run->steps; b++) run->starts[b] = (int)((int64_t)b * count / run->steps);
    run->graph = hl_net(run->hl, o->net, &o->net_options);
    if (run->graph) run->params = hl_params_init(run->graph, o->init, o->seed);
    if (run->params) run->adam = hl_adam_new(run->params, NULL);
    hl_model_options test = {.height = height, .width = width, .batch = o->batch, .context = o->context};
    if (run->adam && run->rows->val_count > 0) run->model = hl_model_over(run->graph, run->params, &test);
    if (!run->adam || (run->rows->val_count > 0 && !run->model)) return hl_error_status(run->hl);
    hl_plan_options train = {.mode = HL_TRAIN, .batch = o->batch, .height = height, .width = width, .seed = o->seed, .precision = o->precision,
                             .memory_limit = limit_beside_model(run)};
    run->plan = hl_compile(run->graph, run->params, &train);
    return run->plan ? HL_OK : hl_error_status(run->hl);
}

static void release(hl_fit_run *run) {
    hl_model_free(run->model);
    hl_plan_free(run->plan);
    hl_adam_free(run->adam);
    hl_params_free(run->params);
    hl_graph_free(run->graph);
    free(run->samples);
    free(run->order);
    free(run->starts);
    free(run->state.log);
}

/* (1 + cos(pi k / K)) / 2 of the first rate at step k of the K planned; stopping early leaves K alone. */
static double rate_at(const hl_fit_run *run, int step) {
    double k = (double)run->state.epoch * run->steps + step, planned = (double)run->options->epochs * run->steps;
    return run->options->rate * (1 + cos(3.14159265358979323846 * k / planned)) / 2;
}

/* The epoch's samples: an order of its own, and for each the number that its augmentation is drawn from. */
static void draw_samples(hl_fit_run *run) {
    const hl_fit_options *o = run->options;
    uint64_t epoch = (uint64_t)run->state.epoch;
    hl_random_order(o->seed, HL_RANDOM_SHUFFLE, epoch, run->rows->train_count, run->order);
    for (int i = 0; i < run->rows->train_count; i++) {
        int sample = run->order[i];
        run->samples[i] = (hl_sample){run->rows->train[sample], hl_random_u64(o->seed, HL_RANDOM_AUGMENT, epoch, (uint64_t)sample)};
    }
}

static bool stop_asked(const hl_fit_run *run) { return run->options->stop && *run->options->stop; }

static void tell(const hl_fit_run *run, hl_progress progress) {
    if (!run->options->report) return;
    progress.epochs = run->options->epochs, progress.steps = run->steps;
    progress.seconds = hl_seconds() - run->began, progress.waited = run->waited;
    run->options->report(run->options->user, &progress);
}

/* Batches `first` to `last` - 1 of the epoch. */
static hl_loader *start_loader(const hl_fit_run *run, int first, int last) {
    hl_loader_options options = {.channels = run->graph->nodes[run->graph->input]->channels,
                                 .context = run->options->context,
                                 .augmentation = run->options->augmentation};
    return hl_loader_start(run->cohort, run->samples, run->starts + first, last - first, &options);
}

static void end_loader(hl_fit_run *run, hl_loader *loader) {
    run->waited += hl_loader_waited(loader);
    hl_loader_free(loader);
}

/* The epoch's remaining steps. HL_INTERRUPTED: stopped after a step, saved. */
static hl_status run_steps(hl_fit_run *run) {
    hl_fit_state *s = &run->state;
    draw_samples(run);
    hl_loader *loader = start_loader(run, s->step, run->steps);
    if (!loader) return hl_error_status(run->hl);
    hl_status status = HL_OK;
    while (!status && s->step < run->steps) {
        const float *images, *masks;
        int count;
        double loss;
        status = hl_loader_next(loader, &images, &masks, &count);
        if (!status) status = hl_train_step(run->plan, run->adam, rate_at(run, s->step), images, masks, count, &loss);
        if (status) break;
        if (!isfinite(loss))
            status = hl_fail(run->hl, HL_FAILED, "epoch %d, step %d: the loss is %g; a lower learning rate than %g may help", s->epoch + 1, s->step + 1, loss, run->options->rate);
        s->loss_sum += loss;
        s->step++;
        tell(run, (hl_progress){.epoch = s->epoch + 1, .step = s->step, .loss = s->loss_sum / s->step, .dsc_val = NAN});
        if (!status && stop_asked(run) && s->step < run->steps) {
            status = hl_checkpoint_save(run);
            if (!status) status = hl_fail(run->hl, HL_INTERRUPTED, "stopped after step %d of epoch %d", s->step, s->epoch + 1);
        }
    }
    end_loader(run, loader);
    return status;
}

/* The moving statistics trail the weights by some hundred steps. In a short run that is too much (a net of VGG16's kind loses a third
 * of its Dice): there each epoch ends with training-mode forward passes over its first slices, and the statistics are those passes' own. */
enum { SHORT_RUN = 2000, SETTLING_PASSES = 40 };

static int settling_passes(int epochs, int steps) {
    if ((int64_t)epochs * steps > SHORT_RUN) return 0;
    return steps < SETTLING_PASSES ? steps : SETTLING_PASSES;
}

int hl_fit_settling(int epochs, int batch, int slices) {
    int passes = settling_passes(epochs, (slices + batch - 1) / batch);
    return passes * batch < slices ? passes * batch : slices;
}

static hl_status settle_statistics(hl_fit_run *run) {
    int passes = run->params->foreign_moving ? 0 : settling_passes(run->options->epochs, run->steps);
    if (!passes) return HL_OK;
    hl_loader *loader = start_loader(run, 0, passes);
    if (!loader) return hl_error_status(run->hl);
    hl_params_forget_statistics(run->params);
    hl_status status = HL_OK;
    for (int i = 0; i < passes && !status; i++) {
        const float *images, *masks;
        int count;
        status = hl_loader_next(loader, &images, &masks, &count);
        if (!status) hl_plan_forward(run->plan, images, count);
    }
    end_loader(run, loader);
    return status;
}

/* Mean Dice over the validation cases, at 0.5 or by the most probable class; NaN without any. */
static hl_status validate(hl_fit_run *run, double *dsc) {
    *dsc = NAN;
    if (!run->model) return HL_OK;
    hl_score *scores = NULL;
    int count = 0;
    hl_status status = hl_score_cases(run->model, run->cohort, run->rows->val, run->rows->val_count, 0, 0.5, &scores, NULL, &count, NULL, NULL);
    double sum = 0;
    for (int i = 0; i < count && !status; i++) sum += hl_score_dice(&scores[i], 0.5);
    if (!status && count > 0) *dsc = sum / count;
    free(scores);
    return status;
}

static hl_status save_as(hl_fit_run *run, const char *name) {
    char *path = hl_format(run->hl, "%s/%s", run->folder, name);
    hl_status status = path ? hl_params_save(run->params, path) : HL_NO_MEMORY;
    free(path);
    return status;
}

static hl_status write_log(hl_fit_run *run) {
    char *path = hl_format(run->hl, "%s/log.csv", run->folder);
    hl_status status = path ? hl_file_write(run->hl, path, run->state.log, strlen(run->state.log)) : HL_NO_MEMORY;
    free(path);
    return status;
}

/* Validation, the log's row, best.safetensors when it is, then last.safetensors: once that is there the epoch counts. */
static hl_status end_epoch(hl_fit_run *run) {
    hl_fit_state *s = &run->state;
    double dsc, loss = s->loss_sum / run->steps;
    hl_status status = settle_statistics(run);
    if (!status) status = validate(run, &dsc);
    if (status) return status;
    char figure[32] = "";
    if (!isnan(dsc)) snprintf(figure, sizeof figure, "%.6f", dsc);
    char *longer = hl_format(run->hl, "%s%d,%.6f,%s\n", s->log, s->epoch + 1, loss, figure);
    if (!longer) return HL_NO_MEMORY;
    free(s->log);
    s->log = longer;
    bool best = isnan(dsc) || s->best_epoch == 0 || dsc > s->best_dsc;
    s->epoch++, s->step = 0, s->loss_sum = 0;
    if (best) s->best_epoch = s->epoch, s->best_dsc = isnan(dsc) ? 0 : dsc;
    bool stopping = run->options->patience > 0 && run->model && s->epoch - s->best_epoch >= run->options->patience;
    s->done = stopping || s->epoch == run->options->epochs;
    if (best) status = save_as(run, "best.safetensors");
    if (!status) status = hl_checkpoint_save(run);
    if (!status) status = write_log(run);
    if (!status) tell(run, (hl_progress){.epoch = s->epoch, .loss = loss, .epoch_done = true, .dsc_val = dsc, .best = best, .stopping = stopping});
    return status;
}

hl_status hl_fit(hl_context *hl, hl_cohort *cohort, const hl_fit_rows *rows, const hl_fit_options *options, const char *folder) {
    hl_fit_run run = {.hl = hl, .cohort = cohort, .rows = rows, .options = options, .folder = folder, .began = hl_seconds()};
    if (hl_fit_done(hl, folder)) return HL_OK;
    hl_status status = hl_folder_make(hl, folder);
    if (!status) status = prepare(&run);
    if (!status) status = hl_checkpoint_load(&run);
    while (!status && !run.state.done) {
        status = run_steps(&run);
        if (!status) status = end_epoch(&run);
        if (!status && stop_asked(&run) && !run.state.done) status = hl_fail(hl, HL_INTERRUPTED, "stopped after epoch %d", run.state.epoch);
    }
    if (!status) status = write_log(&run); /* a kill may have come between the checkpoint and the log */
    release(&run);
    return status;
}
