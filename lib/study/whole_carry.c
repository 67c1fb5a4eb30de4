/* A study carried part by part: what is there is kept, what is missing is computed, and a part's result appears whole. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "study/sweep.h"
#include "study/whole.h"

static const hl_study_part *const parts[] = {
    &hl_part_comparison, &hl_part_mixed,     &hl_part_halves,      &hl_part_lungs,      &hl_part_severity,    &hl_part_readers,
    &hl_part_baseline,   &hl_part_threshold, &hl_part_calibration, &hl_part_statistics, &hl_part_conventions,
};
enum { PARTS = sizeof parts / sizeof *parts };
static const hl_study_part_info report_info = {"report", "Tables 1-5, Figures 1-5, appendix",
                                               "the page, and each table and picture as files of their own"};

const hl_study_part *hl_study_part_list(int index) { return index >= 0 && index < PARTS ? parts[index] : NULL; }

bool hl_study_part_at(int index, hl_study_part_info *info) {
    _Static_assert(PARTS + 1 == HL_STUDY_PARTS, "the public header counts the report as a part");
    if (index < 0 || index > PARTS) return false;
    *info = index == PARTS ? report_info : (hl_study_part_info){parts[index]->name, parts[index]->shows, parts[index]->about};
    return true;
}

/* --- a session ------------------------------------------------------------------------------------------------------ */

char *hl_session_path(const hl_session *s, const char *format, ...) {
    char name[512];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    return hl_format(s->hl, "%s/%s", s->folder, name);
}

hl_status hl_session_stopped(const hl_session *s) {
    return s->hooks->stop && *s->hooks->stop ? hl_fail(s->hl, HL_INTERRUPTED, "interrupted in the part %s", s->part) : HL_OK;
}

void hl_session_tell(hl_session *s, const char *what, const hl_run_progress *run, double fraction) {
    if (!s->hooks->report) return;
    hl_study_progress progress = {.part = s->part, .what = what, .run = run, .fraction = fraction};
    s->hooks->report(s->hooks->user, &progress);
}

static cJSON *child(cJSON *object, const char *name) {
    cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return item ? item : cJSON_AddObjectToObject(object, name);
}

static void add_number(cJSON *object, const char *name, double more) {
    double sum = more + fmax(0, hl_result_number(object, name));
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddNumberToObject(object, name, sum);
}

void hl_session_time(hl_session *s, const char *group, const char *name, double seconds, int64_t slices, int cases) {
    cJSON *entry = child(child(s->timing, group), name);
    add_number(entry, "seconds", seconds);
    if (!slices) return;
    add_number(entry, "slices", (double)slices), add_number(entry, "cases", cases);
    double all = hl_result_number(entry, "seconds");
    cJSON_DeleteItemFromObjectCaseSensitive(entry, "ms_per_slice"), cJSON_DeleteItemFromObjectCaseSensitive(entry, "ms_per_scan");
    cJSON_AddNumberToObject(entry, "ms_per_slice", 1e3 * all / hl_result_number(entry, "slices"));
    cJSON_AddNumberToObject(entry, "ms_per_scan", 1e3 * all / hl_result_number(entry, "cases"));
}

static hl_status save_timing(hl_session *s) {
    char *path = hl_session_path(s, "timing.json");
    hl_json json = hl_json_start(s->hl);
    cJSON_Delete(json.root);
    json.root = cJSON_Duplicate(s->timing, true);
    json.failed = !json.root;
    hl_status status = path ? hl_json_write(&json, path) : HL_NO_MEMORY;
    free(path);
    return status;
}

static hl_status load_timing(hl_session *s) {
    char *path = hl_session_path(s, "timing.json");
    hl_status status = path ? HL_OK : HL_NO_MEMORY;
    if (!status && hl_file_exists(path)) status = hl_json_read(s->hl, path, &s->timing);
    else if (!status && !(s->timing = cJSON_CreateObject())) status = HL_NO_MEMORY;
    free(path);
    return status;
}

/* The folder holds what began it: the same file may go on, another may not. */
static hl_status claim_folder(hl_session *s) {
    const hl_ini *ini = &s->study->ini;
    char *path = hl_session_path(s, "study.ini"), *there = NULL;
    size_t bytes = 0;
    hl_status status = path ? hl_folder_make(s->hl, s->folder) : HL_NO_MEMORY;
    if (!status && hl_file_exists(path)) {
        status = hl_file_read(s->hl, path, &there, &bytes);
        if (!status && (bytes != ini->bytes || memcmp(there, ini->text, bytes)))
            status = hl_fail(s->hl, HL_USAGE, "%s: the study there was begun with another file than %s: name another folder", s->folder,
                             ini->path);
    } else if (!status) {
        status = hl_file_write(s->hl, path, ini->text, ini->bytes);
    }
    free(path), free(there);
    return status;
}

/* --- parts ------------------------------------------------------------------------------------------------------------ */

static const hl_study_part *find_part(const char *name) {
    for (int i = 0; i < PARTS; i++) {
        if (!strcmp(parts[i]->name, name)) return parts[i];
    }
    return NULL;
}

/* A part within another that reads its result keeps that one's name for afterwards. */
static hl_status compute_part(hl_session *s, const hl_study_part *part, const char *path) {
    const char *outer = s->part;
    double start = hl_seconds();
    hl_json json = hl_json_start(s->hl);
    s->part = part->name;
    hl_json_text(&json, json.root, "part", part->name);
    hl_json_text(&json, json.root, "shows", part->shows);
    hl_json_text(&json, json.root, "model", s->study->model);
    char *folder = hl_session_path(s, "parts");
    hl_status status = folder ? hl_folder_make(s->hl, folder) : HL_NO_MEMORY;
    free(folder);
    if (!status) status = part->compute(s, &json);
    if (status) cJSON_Delete(json.root);
    else status = hl_json_write(&json, path);
    hl_session_time(s, "parts", part->name, hl_seconds() - start, 0, 0);
    hl_status saved = status && status != HL_INTERRUPTED ? HL_OK : save_timing(s);
    s->part = outer;
    return status ? status : saved;
}

hl_status hl_session_result(hl_session *s, const char *name, cJSON **result) {
    const hl_study_part *part = find_part(name);
    char *path = hl_session_path(s, "parts/%s.json", name);
    hl_status status = path && part ? HL_OK : HL_NO_MEMORY;
    *result = NULL;
    if (!status && !hl_file_exists(path)) status = compute_part(s, part, path);
    if (!status) status = hl_json_read(s->hl, path, result);
    free(path);
    return status;
}

static hl_status carry_parts(hl_session *s, const char *only) {
    hl_status status = HL_OK;
    bool all = !only || !strcmp(only, report_info.name);
    for (int i = 0; i < PARTS && !status; i++) {
        cJSON *result = NULL;
        if (!all && strcmp(only, parts[i]->name)) continue;
        status = hl_session_result(s, parts[i]->name, &result);
        cJSON_Delete(result);
    }
    if (status) return status;
    double start = hl_seconds();
    s->part = report_info.name;
    hl_session_tell(s, "writing the report", NULL, -1);
    status = hl_session_report(s);
    hl_session_time(s, "parts", report_info.name, hl_seconds() - start, 0, 0);
    hl_status saved = save_timing(s);
    return status ? status : saved;
}

static hl_status check_part(hl_context *hl, const char *only) {
    char all[256] = "";
    if (!only || !strcmp(only, report_info.name) || find_part(only)) return HL_OK;
    for (int i = 0; i < PARTS; i++) strcat(strcat(all, parts[i]->name), ", ");
    return hl_fail(hl, HL_USAGE, "no part is called %s, there are %s%s", only, all, report_info.name);
}

hl_status hl_study_carry(const hl_study *study, const char *folder, const char *only, const hl_study_hooks *hooks) {
    static const hl_study_hooks none = {0};
    hl_session s = {
        .hl = study->hl, .study = study, .folder = folder, .hooks = hooks ? hooks : &none, .part = "cohorts", .start = hl_seconds()};
    hl_status status = check_part(study->hl, only);
    if (!status) status = hl_precision_check(s.hl, study->training.precision);
    if (!status) status = claim_folder(&s);
    if (!status) status = hl_sweep(s.hl, folder);
    if (!status) status = load_timing(&s);
    if (!status) hl_session_tell(&s, "reading the cohorts", NULL, -1);
    if (!status) status = hl_session_prepare(&s);
    if (!status) status = carry_parts(&s, only);
    cJSON_Delete(s.timing);
    return status;
}
