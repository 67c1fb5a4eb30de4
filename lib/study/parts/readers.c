/* Readers: how far two readers differ, and the model from each of them. Table 4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/statistics.h"
#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_run_list_add(list, study, HL_RUN_OWN, study->model); }

enum { AT_HALF, AT_CHOSEN, THRESHOLDS }; /* 0.5, and the one chosen on others */

/* A case of the two-reader set: Dice of each pair, those with the model summed over the models that tested it. */
typedef struct read_case {
    const char *centre, *patient, *name;
    int models;
    double between, first[THRESHOLDS], second[THRESHOLDS];
} read_case;

typedef struct reading {
    hl_session *s;
    hl_json *json;
    cJSON *tested;
    double thresholds[THRESHOLDS];
    read_case *cases;
    int count;
    size_t capacity;
} reading;

static double dice_of(const uint8_t *a, const uint8_t *b, const float *p, double threshold, size_t voxels) {
    hl_confusion c = {0};
    for (size_t i = 0; i < voxels; i++) {
        bool truth = a[i] != 0, predicted = b ? b[i] != 0 : (double)p[i] > threshold;
        c.true_positive += truth && predicted, c.false_positive += !truth && predicted, c.false_negative += truth && !predicted;
    }
    return hl_dice(&c);
}

static read_case *case_of(reading *r, const hl_maps *m) {
    for (int i = 0; i < r->count; i++) {
        if (!strcmp(r->cases[i].name, m->row->case_name)) return &r->cases[i];
    }
    read_case *wider = hl_grow(r->s->hl, r->cases, &r->capacity, (size_t)r->count + 1, sizeof *wider);
    if (!wider) return NULL;
    r->cases = wider;
    wider[r->count] = (read_case){.centre = m->row->centre, .patient = m->row->patient, .name = m->row->case_name};
    return &wider[r->count++];
}

static hl_status read_maps(void *user, const hl_maps *m) {
    reading *r = user;
    size_t voxels = hl_stack_voxels(&m->stack);
    if (!m->reader2) return HL_OK;
    read_case *one = case_of(r, m);
    if (!one) return HL_NO_MEMORY;
    one->between = dice_of(m->truth, m->reader2, NULL, 0, voxels);
    one->models++;
    hl_result_tested(r->json, r->tested, m->run, m->score, 1);
    for (int t = 0; t < THRESHOLDS; t++) {
        one->first[t] += isnan(r->thresholds[t]) ? NAN : dice_of(m->truth, NULL, m->probabilities, r->thresholds[t], voxels);
        one->second[t] += isnan(r->thresholds[t]) ? NAN : dice_of(m->reader2, NULL, m->probabilities, r->thresholds[t], voxels);
    }
    return HL_OK;
}

/* --- the threshold, chosen on patients outside the two-reader set --------------------------------------------------------- */

static bool has_second_reader(const hl_manifest *rows, const char *patient) {
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        const hl_row *row = hl_manifest_row(rows, i);
        if (!strcmp(row->patient, patient) && *row->mask2) return true;
    }
    return false;
}

/* On the validation cases of cohort 1 whose patients are not in `readers`; NaN where there is none. Their names go into the result. */
static hl_status choose_threshold(hl_session *s, hl_json *json, hl_run *run, hl_cohort *first, const hl_manifest *readers,
                                  double *threshold) {
    hl_score *scores;
    int count, used = 0;
    double sums[HL_THRESHOLDS] = {0};
    cJSON *names = hl_json_array(json, json->root, "tuned_on");
    hl_status status = hl_session_score(s, run, first, HL_PART_VALIDATION, &scores, &count);
    for (int i = 0; i < count && !status; i++) {
        if (has_second_reader(readers, scores[i].patient)) continue;
        for (int t = 0; t < HL_THRESHOLDS; t++) sums[t] += hl_score_dice(&scores[i], hl_thresholds[t]);
        hl_json_text(json, names, NULL, scores[i].patient);
        used++;
    }
    *threshold = used ? hl_thresholds[hl_best_threshold(sums)] : NAN;
    free(scores);
    return status;
}

/* --- the result ------------------------------------------------------------------------------------------------------------ */

static void put_interval(hl_json *json, cJSON *to, const char *name, const hl_interval *i) {
    cJSON *one = hl_json_object(json, to, name);
    hl_json_number(json, one, "value", i->value), hl_json_number(json, one, "low", i->low), hl_json_number(json, one, "high", i->high);
    hl_json_number(json, one, "draws", i->draws);
}

/* Columns of the cases' values, for the bootstrap over patients. */
typedef struct columns {
    double *between, *first, *second, *mean;
    const char **centres, **patients;
} columns;

static hl_status put_threshold(hl_session *s, hl_json *json, cJSON *to, const reading *r, int t, columns *c, const hl_patients *groups) {
    const hl_study *study = s->study;
    cJSON *one = hl_json_object(json, to, NULL);
    hl_interval interval;
    hl_json_number(json, one, "threshold", r->thresholds[t]);
    if (isnan(r->thresholds[t])) return hl_json_text(json, one, "reason", "everybody who validates has two readers"), HL_OK;
    for (int i = 0; i < r->count; i++) {
        const read_case *of = &r->cases[i];
        c->first[i] = of->first[t] / of->models, c->second[i] = of->second[t] / of->models;
        c->mean[i] = (c->first[i] + c->second[i]) / 2;
    }
    const struct {
        const char *name;
        const double *values;
    } rows[] = {{"reader1_reader2", c->between}, {"model_reader1", c->first}, {"model_reader2", c->second}, {"model_mean", c->mean}};
    hl_status status = HL_OK;
    for (int i = 0; i < 4 && !status; i++) {
        status = hl_bootstrap_mean(s->hl, groups, study->draws, study->training.seed, rows[i].values, &interval);
        if (!status) put_interval(json, one, rows[i].name, &interval);
    }
    for (int i = 1; i < 4 && !status; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_less_readers", rows[i].name);
        status = hl_bootstrap_difference(s->hl, groups, study->draws, study->training.seed, rows[i].values, c->between, &interval);
        if (!status) put_interval(json, one, name, &interval);
    }
    return status;
}

static hl_status put_readings(hl_session *s, hl_json *json, const reading *r) {
    size_t n = (size_t)r->count + 1;
    double *room = hl_calloc(s->hl, 4 * n, sizeof *room);
    const char **names = hl_calloc(s->hl, 2 * n, sizeof *names);
    columns c = {room, room + n, room + 2 * n, room + 3 * n, names, names + n};
    hl_patients groups = {0};
    hl_status status = room && names ? HL_OK : HL_NO_MEMORY;
    cJSON *cases = hl_json_array(json, json->root, "cases");
    for (int i = 0; i < r->count && !status; i++) {
        cJSON *one = hl_json_object(json, cases, NULL);
        c.centres[i] = r->cases[i].centre, c.patients[i] = r->cases[i].patient, c.between[i] = r->cases[i].between;
        hl_json_text(json, one, "patient", r->cases[i].patient);
        hl_json_text(json, one, "case", r->cases[i].name);
        hl_json_number(json, one, "reader1_reader2", r->cases[i].between);
        hl_json_number(json, one, "model_reader1", r->cases[i].first[AT_HALF] / r->cases[i].models);
        hl_json_number(json, one, "model_reader2", r->cases[i].second[AT_HALF] / r->cases[i].models);
    }
    if (!status) status = hl_patients_group(s->hl, c.centres, c.patients, r->count, &groups);
    cJSON *thresholds = hl_json_array(json, json->root, "thresholds");
    for (int t = 0; t < THRESHOLDS && !status; t++) status = put_threshold(s, json, thresholds, r, t, &c, &groups);
    hl_patients_free(&groups);
    free(room), free(names);
    return status;
}

/* The two-reader set and, where it is another, cohort 1. */
typedef struct opened {
    hl_manifest *rows[2];
    hl_cohort *cohorts[2];
} opened;

static hl_status compute_with(hl_session *s, hl_json *json, const opened *open) {
    char name[96];
    hl_run_list list = {0};
    hl_run *run = NULL;
    reading r = {.s = s, .json = json, .tested = hl_json_array(json, json->root, "tested"), .thresholds = {0.5, NAN}};
    needs(s->study, &list);
    hl_run_spec_name(&list.runs[0], name);
    hl_cohort *readers = open->cohorts[s->study->readers];
    hl_status status = hl_session_run(s, &list.runs[0], &run);
    if (!status) status = choose_threshold(s, json, run, open->cohorts[0], hl_cohort_manifest(readers), &r.thresholds[AT_CHOSEN]);
    if (!status) status = hl_session_visit(s, run, name, readers, HL_PART_TEST, read_maps, &r);
    if (!status && !r.count) hl_result_skip(json, "no case has a second reader's masks of all its slices");
    else if (!status) status = put_readings(s, json, &r);
    hl_run_close(run);
    free(r.cases);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    opened open = {{NULL}, {NULL}};
    hl_status status = HL_OK;
    for (int id = 0; id <= (int)s->study->readers && !status; id++) {
        char *path = hl_session_manifest(s, (hl_cohort_id)id);
        status = path ? hl_session_open(s, path, HL_TARGET_MASK, 1, &open.rows[id], &open.cohorts[id]) : HL_NO_MEMORY;
        free(path);
    }
    if (!status) status = compute_with(s, result, &open);
    for (int id = 0; id < 2; id++) {
        if (open.cohorts[id]) hl_cohort_free(open.cohorts[id]);
        hl_manifest_free(open.rows[id]);
    }
    return status;
}

/* --- Table 4 --------------------------------------------------------------------------------------------------------------- */

static void interval_cell(hl_sheet *sheet, const cJSON *from, const char *name, const char *reason) {
    const cJSON *i = hl_result_get(from, name);
    hl_sheet_interval(sheet, hl_result_number(i, "value"), hl_result_number(i, "low"), hl_result_number(i, "high"), 4, reason);
}

static hl_status show(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"threshold", "pair", "DSC (95 %)", "less the readers' own (95 %)"};
    static const struct {
        const char *what, *key, *difference;
    } rows[] = {{"reader 1 - reader 2", "reader1_reader2", ""},
                {"model - reader 1", "model_reader1", "model_reader1_less_readers"},
                {"model - reader 2", "model_reader2", "model_reader2_less_readers"},
                {"model - both, mean", "model_mean", "model_mean_less_readers"}};
    hl_book_heading(book, "Table 4: two readers and the model");
    if (hl_book_skipped(book, "table4", result)) return HL_OK;
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "table4",
                   hl_book_text(book, "Table 4. %d cases that two readers outlined, of %s; intervals by the bootstrap over patients",
                                cJSON_GetArraySize(hl_result_get(result, "cases")), book->s->study->cohorts[book->s->study->readers].name),
                   heads, 4);
    const cJSON *at;
    cJSON_ArrayForEach(at, hl_result_get(result, "thresholds")) {
        const char *why = hl_result_text(at, "reason");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            hl_sheet_number(&sheet, hl_result_number(at, "threshold"), 3, *why ? why : "");
            hl_sheet_text(&sheet, "%s", rows[i].what);
            interval_cell(&sheet, at, rows[i].key, *why ? why : "nobody");
            interval_cell(&sheet, at, rows[i].difference, *why ? why : "the readers' own is what the others are compared with");
        }
    }
    hl_sheet_end(&sheet);
    hl_book_say(book, "The first threshold is 0.5, the second was chosen on validation patients of cohort 1 outside the two-reader set.");
    return HL_OK;
}

const hl_study_part hl_part_readers = {"readers", "Table 4", "two readers against one another and against the model", needs, compute, show};
