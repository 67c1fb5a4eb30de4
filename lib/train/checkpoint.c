/* Checkpoints of a training run: weights, moments and how far it has come, in one file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "interop/weights.h"
#include "train/fit.h"

static char *checkpoint_path(hl_context *hl, const char *folder) { return hl_format(hl, "%s/last.safetensors", folder); }

hl_status hl_checkpoint_save(hl_fit_run *run) {
    const hl_fit_state *s = &run->state;
    char epoch[32], step[32], loss_sum[64], best_epoch[32], best_dsc[64];
    snprintf(epoch, sizeof epoch, "%d", s->epoch);
    snprintf(step, sizeof step, "%d", s->step);
    snprintf(loss_sum, sizeof loss_sum, "%a", s->loss_sum); /* hexadecimal: reads back to the bit */
    snprintf(best_epoch, sizeof best_epoch, "%d", s->best_epoch);
    snprintf(best_dsc, sizeof best_dsc, "%a", s->best_dsc);
    const hl_metadata extra[] = {{"epoch", epoch},           {"step", step},         {"loss_sum", loss_sum},        {"best_epoch", best_epoch},
                                 {"best_dsc", best_dsc}, {"done", s->done ? "1" : "0"}, {"log", s->log}};
    char *path = checkpoint_path(run->hl, run->folder);
    hl_status status = path ? hl_weights_save(run->params, run->adam, path, extra, (int)(sizeof extra / sizeof *extra)) : HL_NO_MEMORY;
    free(path);
    return status;
}

/* The state from a checkpoint's metadata; false: some of it is not there or makes no sense. */
static bool read_state(hl_fit_run *run, const hl_safetensors *file) {
    const char *epoch = hl_safetensors_metadata(file, "epoch"), *step = hl_safetensors_metadata(file, "step");
    const char *loss_sum = hl_safetensors_metadata(file, "loss_sum"), *log = hl_safetensors_metadata(file, "log");
    const char *best_epoch = hl_safetensors_metadata(file, "best_epoch"), *best_dsc = hl_safetensors_metadata(file, "best_dsc");
    const char *done = hl_safetensors_metadata(file, "done");
    if (!epoch || !step || !loss_sum || !log || !best_epoch || !best_dsc || !done) return false;
    hl_fit_state s = {.epoch = atoi(epoch), .step = atoi(step), .loss_sum = strtod(loss_sum, NULL), .best_epoch = atoi(best_epoch),
                      .best_dsc = strtod(best_dsc, NULL), .done = !strcmp(done, "1"), .log = hl_strdup(run->hl, log)};
    if (s.epoch < 0 || s.epoch > run->options->epochs || s.step < 0 || s.step >= run->steps || !s.log) return free(s.log), false;
    free(run->state.log);
    run->state = s;
    return true;
}

hl_status hl_checkpoint_load(hl_fit_run *run) {
    char *path = checkpoint_path(run->hl, run->folder);
    if (!path) return HL_NO_MEMORY;
    if (!hl_file_exists(path)) return free(path), run->options->weights ? hl_params_load(run->params, run->options->weights) : HL_OK;
    hl_safetensors *file = hl_safetensors_read(run->hl, path);
    hl_status status = file ? hl_weights_load(run->params, run->adam, file, path) : hl_error_status(run->hl);
    if (!status && !read_state(run, file)) status = hl_fail(run->hl, HL_BAD_INPUT, "%s: not a checkpoint of this run", path);
    hl_safetensors_free(file);
    free(path);
    return status;
}

bool hl_fit_done(hl_context *hl, const char *folder) {
    char *path = checkpoint_path(hl, folder);
    char *done = path && hl_file_exists(path) ? hl_safetensors_peek(hl, path, "done") : NULL;
    bool finished = done && !strcmp(done, "1");
    free(done);
    free(path);
    return finished;
}
