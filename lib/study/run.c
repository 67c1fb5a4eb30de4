/* A run: its folder made, each fold trained, its models tested, the figures and the report written; or gone on with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "study/postprocess.h"

/* A run being carried through. */
typedef struct session {
    hl_context *hl;
    hl_run *run;
    hl_manifest *manifest;
    hl_cohort *cohort;
    const hl_run_hooks *hooks;
    hl_timing timing;
    double start, before; /* when this call began; seconds spent before it */
    double waited;        /* for slices, by the fold that trains */
    int fold;
} session;

static const hl_run_hooks no_hooks = {0};

static void tell(const session *s, const char *stage, const hl_progress *training, double fraction) {
    if (!s->hooks->report) return;
    hl_run_progress progress = {.fold = s->fold,
                                .folds = s->run ? s->run->options.folds : 1,
                                .stage = stage,
                                .training = training,
                                .fraction = fraction,
                                .seconds = hl_seconds() - s->start};
    s->hooks->report(s->hooks->user, &progress);
}

static void tell_training(void *user, const hl_progress *progress) {
    session *s = user;
    s->waited = progress->waited;
    double epochs = progress->epoch_done ? progress->epoch : progress->epoch - 1;
    if (!progress->epoch_done && progress->steps > 0) epochs += (double)progress->step / progress->steps;
    double folds = progress->epochs > 0 ? s->fold + epochs / progress->epochs : s->fold;
    tell(s, "training", progress, folds / s->run->options.folds);
}

static void tell_testing(void *user, double fraction) {
    (void)fraction;
    tell(user, "testing", NULL, 1);
}

/* Folds draw their own weights and orders: purpose SHUFFLE counts epochs in its first number, which never reach 2^20. */
static uint64_t fold_seed(uint64_t seed, int fold) { return hl_random_u64(seed, HL_RANDOM_SHUFFLE, UINT64_C(1) << 20, (uint64_t)fold); }

/* A file that was hashed into config.json under `key`; `what` it is. */
static hl_status check_unchanged(const hl_run *run, const char *path, const char *what, const char *key) {
    char hash[33];
    const char *expected = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run->config, key));
    hl_status status = hl_hash_file(run->hl, path, hash);
    if (status || (expected && !strcmp(hash, expected))) return status;
    return hl_fail(run->hl, HL_BAD_INPUT, "%s: the %s changed since the run in %s was started: found hash %s, expected %s", path, what,
                   run->folder, hash, expected ? expected : "one in config.json");
}

/* The weights that a fold which has not begun starts from. */
static hl_status check_weights(const session *s) {
    if (!s->run->options.weights) return HL_OK;
    char *checkpoint = hl_run_fold_path(s->run, s->fold, "last.safetensors");
    bool begun = checkpoint && hl_file_exists(checkpoint);
    free(checkpoint);
    return begun ? HL_OK : check_unchanged(s->run, s->run->options.weights, "weights have", "weights_hash");
}

static hl_status train_fold(session *s) {
    const hl_run_options *o = &s->run->options;
    hl_fit_rows rows = {0};
    int *train = hl_rows_train(s->hl, s->cohort, s->run->folds, s->fold, o->slices, &rows.train_count);
    int *val = hl_rows_val(s->hl, s->cohort, s->run->folds, s->fold, &rows.val_count);
    char *folder = hl_run_fold_path(s->run, s->fold, NULL);
    hl_status status = train && val && folder ? hl_folder_make(s->hl, folder) : HL_NO_MEMORY;
    rows.train = train, rows.val = val;
    if (!status) status = check_weights(s);
    hl_fit_options options = {.net = o->net,
                              .net_options = o->net_options,
                              .context = o->context,
                              .init = o->init,
                              .weights = o->weights,
                              .epochs = o->epochs,
                              .batch = o->batch,
                              .rate = o->rate,
                              .patience = o->patience,
                              .augmentation = o->augmentation,
                              .precision = o->precision,
                              .seed = fold_seed(o->seed, s->fold),
                              .memory_limit = s->hooks->memory_limit,
                              .stop = s->hooks->stop,
                              .report = tell_training,
                              .user = s};
    double start = hl_seconds();
    s->waited = 0;
    if (!status) status = hl_fit(s->hl, s->cohort, &rows, &options, folder);
    s->timing.training[s->fold] += hl_seconds() - start;
    s->timing.waited += s->waited;
    free(train), free(val), free(folder);
    return status;
}

static hl_status save_timing(session *s) {
    s->timing.total = s->before + hl_seconds() - s->start;
    return hl_timing_write(s->run, &s->timing, s->hooks->cache_folder);
}

static hl_status train_folds(session *s) {
    hl_status status = HL_OK;
    for (s->fold = 0; s->fold < s->run->options.folds && !status; s->fold++) {
        status = train_fold(s);
        if (!status) status = save_timing(s);
    }
    if (s->fold) s->fold--;
    return status;
}

/* The report's and metrics.json's figures: of the test parts, or of the validation patients where the run has no test part. */
static hl_status test_and_write(session *s) {
    hl_run *run = s->run;
    hl_evaluation own = {0};
    hl_evaluate_options options = {.threshold = 0.5, .stop = s->hooks->stop, .report = tell_testing, .user = s};
    hl_part part = hl_run_tests(run) ? HL_PART_TEST : HL_PART_VALIDATION;
    double start = hl_seconds();
    hl_postprocessing *post = run->options.postprocess ? hl_postprocess_open(run, s->cohort) : NULL;
    hl_watcher tune = hl_postprocess_tune(post), apply = hl_postprocess_apply(post);
    hl_status status = post || !run->options.postprocess ? HL_OK : HL_NO_MEMORY;
    if (!status) status = hl_run_choose_threshold(run, s->cohort, &options, post ? &tune : NULL);
    if (!status && post) hl_postprocess_choose(post);
    if (!status) status = hl_run_score(run, s->cohort, part, &options, &own, true, post ? &apply : NULL);
    if (!status && own.score_count) status = hl_run_compute(run, 0.5, &own);
    s->timing.testing += hl_seconds() - start;
    tell(s, "writing", NULL, 1);
    own.manifest = s->manifest, own.cohort = s->cohort; /* the evaluation owns them from here */
    s->manifest = NULL, s->cohort = NULL;
    char *report = hl_run_path(run, "report.html");
    if (!status && !report) status = HL_NO_MEMORY;
    if (!status) status = hl_run_report(run, own.score_count ? &own : NULL, NULL, NULL, report);
    if (!status) status = hl_metrics_write(run, &own, part, post);
    hl_postprocess_free(post);
    free(report);
    hl_evaluation_free(&own);
    return status;
}

static hl_status carry(session *s) {
    hl_status status = hl_timing_read(s->run, &s->timing);
    s->before = s->timing.total;
    if (!status) status = train_folds(s);
    if (!status) status = test_and_write(s);
    if (s->timing.training && (!status || status == HL_INTERRUPTED)) {
        hl_status written = save_timing(s);
        status = status ? status : written;
    }
    free(s->timing.training);
    return status;
}

static void close_session(session *s) {
    if (s->cohort) hl_cohort_free(s->cohort);
    if (s->manifest) hl_manifest_free(s->manifest);
    hl_run_close(s->run);
}

static hl_status open_cohort(session *s, const hl_run_options *options) {
    hl_manifest_options rows = {
        .allow_outside = options->allow_outside, .centres = options->centres, .centre_count = options->centre_count};
    hl_cohort_options grid = hl_run_cohort_options(options, s->hooks->cache_folder);
    tell(s, "loading", NULL, 0);
    s->manifest = hl_manifest_read(s->hl, options->manifest, &rows);
    if (s->manifest) s->cohort = hl_cohort_open(s->hl, s->manifest, &grid);
    if (!s->cohort) return hl_error_status(s->hl);
    char *notes = s->hooks->note ? hl_cohort_notes(s->cohort) : NULL;
    if (notes) s->hooks->note(s->hooks->user, notes);
    free(notes);
    return HL_OK;
}

static hl_folds *make_folds(session *s, const hl_run_options *options) {
    if (options->folds_file) return hl_folds_read(s->hl, options->folds_file, s->cohort);
    hl_folds_options wanted = {.folds = options->folds,
                               .validation = options->validation,
                               .by_centre = options->by_centre,
                               .by_burden = options->by_burden,
                               .seed = options->seed};
    return hl_folds_make(s->hl, s->cohort, &wanted);
}

/* Everything the run stands on. config.json comes last: where it is, the rest is there too. */
static hl_status make_folder(session *s, const hl_run_options *options, const hl_folds *folds, const char *folder) {
    hl_run_options kept = *options;
    kept.folds = hl_folds_count(folds);
    char *path = hl_format(s->hl, "%s/folds.csv", folder);
    hl_status status = path ? hl_folder_make(s->hl, folder) : HL_NO_MEMORY;
    if (!status) status = hl_timing_start(s->hl, folder, &kept, s->hooks->cache_folder);
    if (!status) status = hl_folds_write(s->hl, folds, path);
    if (!status) status = hl_config_write(s->hl, folder, &kept);
    free(path);
    return status;
}

static hl_status refuse_second_run(hl_context *hl, const char *folder) {
    char *config = hl_format(hl, "%s/config.json", folder);
    if (!config) return HL_NO_MEMORY;
    bool there = hl_file_exists(config);
    free(config);
    return there ? hl_fail(hl, HL_USAGE, "%s: the folder holds a run already: go on with it by --resume, or name another", folder) : HL_OK;
}

hl_status hl_run_start(hl_context *hl, const hl_run_options *options, const char *folder, const hl_run_hooks *hooks) {
    session s = {.hl = hl, .hooks = hooks ? hooks : &no_hooks, .start = hl_seconds()};
    hl_folds *folds = NULL;
    hl_status status = hl_run_options_check(hl, options);
    if (!status) status = hl_precision_check(hl, options->precision);
    if (!status) status = refuse_second_run(hl, folder);
    if (!status) status = hl_weights_check(hl, options);
    if (!status) status = open_cohort(&s, options);
    if (!status && !(folds = make_folds(&s, options))) status = hl_error_status(hl);
    if (!status) status = hl_rows_check(hl, s.cohort, folds, options->slices);
    if (!status) status = make_folder(&s, options, folds, folder);
    hl_folds_free(folds);
    if (!status && !(s.run = hl_run_open(hl, folder))) status = hl_error_status(hl);
    if (!status) status = carry(&s);
    close_session(&s);
    return status;
}

/* The patients of folds.csv against those the manifest has. */
static hl_status check_folds(session *s) {
    char *path = hl_run_path(s->run, "folds.csv");
    hl_folds *folds = path ? hl_folds_read(s->hl, path, s->cohort) : NULL;
    free(path);
    if (!folds) return hl_error_status(s->hl);
    hl_folds_free(folds);
    return HL_OK;
}

static bool complete(const hl_run *run) {
    char *report = hl_run_path(run, "report.html");
    bool there = report && hl_file_exists(report) && hl_run_finished(run);
    free(report);
    return there;
}

hl_status hl_run_resume(hl_context *hl, const char *folder, const hl_run_hooks *hooks) {
    session s = {.hl = hl, .hooks = hooks ? hooks : &no_hooks, .start = hl_seconds(), .run = hl_run_open(hl, folder)};
    if (!s.run) return hl_error_status(hl);
    hl_status status = check_unchanged(s.run, s.run->options.manifest, "manifest has", "manifest_hash");
    if (status || complete(s.run)) return hl_run_close(s.run), status;
    status = hl_precision_check(hl, s.run->options.precision);
    if (!status) status = open_cohort(&s, &s.run->options);
    if (!status) status = check_folds(&s);
    if (!status) status = carry(&s);
    close_session(&s);
    return status;
}
