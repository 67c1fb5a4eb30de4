/* A study's runs: which there are, who trains and who tests in each, and carrying one through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/folds.h"
#include "study/whole.h"

static const char *const kinds[] = {"own", "mixed", "halves", "optimistic", "fifth", "lung", "masked", "given"};
enum { fifths = 5 };

static bool is_member(hl_run_kind kind) { return kind == HL_RUN_FOUR || kind == HL_RUN_MASKED; }

void hl_run_spec_name(const hl_run_spec *spec, char name[96]) {
    if (is_member(spec->kind)) snprintf(name, 96, "%s-%d-%.64s", kinds[spec->kind], spec->member, spec->net);
    else snprintf(name, 96, "%s-%.64s", kinds[spec->kind], spec->net);
}

void hl_run_list_add(hl_run_list *list, const hl_study *study, hl_run_kind kind, const char *net) {
    static const hl_cohort_id cohorts[] = {HL_COHORT_ONE,    HL_COHORT_MIXED, HL_COHORT_PUBLIC, HL_COHORT_PUBLIC,
                                           HL_COHORT_PUBLIC, HL_COHORT_ONE,   HL_COHORT_ONE,    HL_COHORT_ONE};
    bool halves = kind == HL_RUN_HALVES || kind == HL_RUN_OPTIMISTIC;
    int members = kind == HL_RUN_FOUR ? fifths : kind == HL_RUN_MASKED ? study->training.folds : 1;
    for (int member = 0; member < members && list->count < HL_STUDY_RUNS; member++)
        list->runs[list->count++] = (hl_run_spec){.kind = kind,
                                                  .net = net,
                                                  .member = member,
                                                  .cohort = cohorts[kind],
                                                  .folds = is_member(kind) ? 1
                                                           : halves        ? 2
                                                                           : study->training.folds};
}

/* --- who trains and who tests -------------------------------------------------------------------------------------------- */

/* What a patient does in fold `fold` of a new division, given what he does in the division it is made of. */
static hl_role new_role(const hl_run_spec *spec, const hl_folds *from, const char *patient, int fold) {
    int source = is_member(spec->kind) ? spec->member : fold;
    hl_role role = hl_folds_role(from, patient, source);
    if (spec->kind == HL_RUN_FOUR) return role == HL_ROLE_TEST ? HL_ROLE_TRAIN : HL_ROLE_TEST;
    if (spec->kind == HL_RUN_OPTIMISTIC) return role == HL_ROLE_TEST ? HL_ROLE_VAL : HL_ROLE_TRAIN;
    return role;
}

static hl_status rewrite(hl_session *s, const hl_run_spec *spec, const hl_folds *from, const hl_manifest *rows, const char *path) {
    hl_folds *to = hl_folds_new(s->hl, spec->folds);
    hl_status status = to ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < hl_manifest_count(rows) && !status; i++) {
        const char *patient = hl_manifest_row(rows, i)->patient;
        int place;
        if (!hl_folds_names(from, patient)) continue;
        status = hl_folds_add(s->hl, to, patient, &place);
        for (int fold = 0; fold < spec->folds && !status; fold++) hl_folds_set(to, place, fold, new_role(spec, from, patient, fold));
    }
    if (!status) status = hl_folds_write(s->hl, to, path);
    hl_folds_free(to);
    return status;
}

/* The division that a derived one is made of. */
static hl_folds *base_folds(hl_session *s, const hl_run_spec *spec, const hl_cohort *cohort) {
    const hl_run_options *o = &s->study->training;
    hl_folds_options wanted = {.folds = spec->kind == HL_RUN_FOUR         ? fifths
                                        : spec->kind == HL_RUN_OPTIMISTIC ? 2
                                                                          : o->folds,
                               .validation = spec->kind == HL_RUN_FOUR ? 0 : o->validation,
                               .by_centre = spec->kind == HL_RUN_OPTIMISTIC ? true : o->by_centre,
                               .by_burden = o->by_burden,
                               .seed = o->seed};
    return hl_folds_make(s->hl, cohort, &wanted);
}

/* Writes folds/NAME.csv of a run whose patients are not divided by the usual rule. */
static hl_status write_folds(hl_session *s, const hl_run_spec *spec, const char *path) {
    char *manifest = hl_session_manifest(s, spec->cohort), *folder = hl_session_path(s, "folds");
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_folds *from = NULL;
    hl_status status = manifest && folder ? hl_folder_make(s->hl, folder) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(s, manifest, HL_TARGET_MASK, 1, &rows, &cohort);
    if (!status && !(from = base_folds(s, spec, cohort))) status = hl_error_status(s->hl);
    if (!status) status = rewrite(s, spec, from, rows, path);
    if (from) hl_folds_free(from);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(manifest), free(folder);
    return status;
}

/* The folds.csv a run starts with; NULL in *path: by the usual rule. Owner of *path: the caller, free. */
static hl_status find_folds(hl_session *s, const hl_run_spec *spec, const char *name, char **path) {
    *path = NULL;
    if (spec->kind <= HL_RUN_HALVES) return HL_OK;
    *path = hl_session_path(s, "folds/%s.csv", name);
    if (!*path) return HL_NO_MEMORY;
    return hl_file_exists(*path) ? HL_OK : write_folds(s, spec, *path);
}

/* --- carrying ------------------------------------------------------------------------------------------------------------- */

static char *manifest_of(const hl_session *s, const hl_run_spec *spec) {
    if (spec->kind == HL_RUN_GIVEN) return hl_session_path(s, "data/masked-given/manifest.csv");
    if (spec->kind == HL_RUN_MASKED) return hl_session_path(s, "data/masked-%d/manifest.csv", spec->member);
    return hl_session_manifest(s, spec->cohort);
}

static void tell_run(void *user, const hl_run_progress *progress) { hl_session_tell(user, NULL, progress, progress->fraction); }

static void tell_note(void *user, const char *sentences) {
    const hl_session *s = user;
    if (s->hooks->note) s->hooks->note(s->hooks->user, sentences);
}

static hl_status start_run(hl_session *s, const hl_run_spec *spec, const char *name, const char *folder, const hl_run_hooks *hooks) {
    hl_run_options options = s->study->training;
    char *manifest = manifest_of(s, spec), *folds = NULL;
    hl_status status = manifest ? find_folds(s, spec, name, &folds) : HL_NO_MEMORY;
    options.net = spec->net, options.rate = hl_study_rate(s->study, spec->net), options.manifest = manifest, options.folds = spec->folds, options.folds_file = folds;
    if (spec->kind == HL_RUN_HALVES) options.by_centre = true;
    if (spec->kind == HL_RUN_FOUR) options.validation = 0;
    if (spec->kind == HL_RUN_LUNG) options.target = HL_TARGET_LUNG, options.net_options.classes = 3, options.slices = HL_SLICES_ALL;
    if (!status) status = hl_run_start(s->hl, &options, folder, hooks);
    free(manifest), free(folds);
    return status;
}

static void set_number(cJSON *object, const char *name, double value) {
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddNumberToObject(object, name, value);
}

/* The run's own times into the study's. */
static hl_status note_times(hl_session *s, const hl_run *run, const char *name) {
    hl_timing timing;
    hl_status status = hl_timing_read(run, &timing);
    if (status) return status;
    double seconds = 0;
    for (int fold = 0; fold < run->options.folds; fold++) seconds += timing.training[fold];
    cJSON *all = cJSON_GetObjectItemCaseSensitive(s->timing, "training");
    if (!all) all = cJSON_AddObjectToObject(s->timing, "training");
    cJSON *one = cJSON_GetObjectItemCaseSensitive(all, name);
    if (!one) one = cJSON_AddObjectToObject(all, name);
    set_number(one, "minutes", seconds / 60);
    set_number(one, "minutes_a_fold", seconds / 60 / run->options.folds);
    free(timing.training);
    return HL_OK;
}

hl_status hl_session_run(hl_session *s, const hl_run_spec *spec, hl_run **run) {
    char name[96];
    hl_run_spec_name(spec, name);
    char *folder = hl_session_path(s, "runs/%s", name), *config = hl_session_path(s, "runs/%s/config.json", name);
    hl_run_hooks hooks = {.stop = s->hooks->stop, .report = tell_run, .note = tell_note, .user = s, .cache_folder = s->hooks->cache_folder};
    *run = NULL;
    hl_status status = folder && config ? HL_OK : HL_NO_MEMORY;
    hl_session_tell(s, name, NULL, 0);
    if (!status && hl_file_exists(config)) status = hl_run_resume(s->hl, folder, &hooks);
    else if (!status) status = start_run(s, spec, name, folder, &hooks);
    if (!status && !(*run = hl_run_open(s->hl, folder))) status = hl_error_status(s->hl);
    if (!status) status = note_times(s, *run, name);
    free(folder), free(config);
    return status;
}
