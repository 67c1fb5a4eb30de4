/* The comparison of the nets: cross-validation on cohort 1, each fold's model on cohort 2, with and without healthy people, ROC. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/summary.h"
#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) {
    for (int i = 0; i < study->nets.count; i++) hl_run_list_add(list, study, HL_RUN_OWN, study->nets.names[i]);
}

/* The cohorts that are tested on; the second may be missing. */
typedef struct tested {
    hl_manifest *rows[2];
    hl_cohort *cohorts[2];
} tested;

static hl_status open_cohorts(hl_session *s, tested *t) {
    hl_status status = HL_OK;
    for (int id = 0; id < 2 && !status; id++) {
        char *path = s->study->cohorts[id].there ? hl_session_manifest(s, (hl_cohort_id)id) : NULL;
        if (path) status = hl_session_open(s, path, HL_TARGET_MASK, 1, &t->rows[id], &t->cohorts[id]);
        free(path);
    }
    return status;
}

static void close_cohorts(tested *t) {
    for (int id = 0; id < 2; id++) {
        if (t->cohorts[id]) hl_cohort_free(t->cohorts[id]);
        hl_manifest_free(t->rows[id]);
    }
}

/* Parameters, and operations of a fold's planned training, the mean over folds. */
static hl_status put_cost(hl_session *s, hl_json *json, cJSON *to, hl_run *run, const hl_cohort *cohort) {
    const hl_run_options *o = hl_run_get_options(run);
    hl_plan_options plan = {.batch = o->batch, .height = o->height, .width = o->width_pixels, .precision = o->precision};
    hl_graph *graph = hl_net(s->hl, o->net, &o->net_options);
    hl_summary *summary = graph ? hl_summary_make(graph, &plan) : NULL;
    hl_status status = summary ? HL_OK : hl_error_status(s->hl);
    double slices = 0;
    for (int fold = 0; fold < o->folds && !status; fold++) {
        int count;
        int *rows = hl_rows_train(s->hl, cohort, hl_run_folds(run), fold, o->slices, &count);
        status = rows ? HL_OK : HL_NO_MEMORY;
        slices += (double)count / o->folds;
        free(rows);
    }
    if (!status) {
        hl_json_number(json, to, "parameters", (double)summary->parameters);
        hl_json_number(json, to, "training_slices", slices);
        hl_json_number(json, to, "training_tflop", 1e-12 * summary->flops_train / o->batch * slices * o->epochs);
        hl_json_number(json, to, "bytes_train", (double)summary->bytes_train);
    }
    hl_summary_free(summary);
    hl_graph_free(graph);
    return status;
}

/* Points of a ROC curve, those left out that lie on top of others. */
static hl_status put_roc(hl_json *json, cJSON *to, const char *name, const hl_score *scores, int count) {
    double *rates = hl_calloc(json->hl, 2 * (HL_BINS + 1), sizeof *rates);
    hl_histogram *pooled = hl_calloc(json->hl, 1, sizeof *pooled);
    if (!rates || !pooled) return free(rates), free(pooled), HL_NO_MEMORY;
    double *false_rate = rates, *true_rate = rates + HL_BINS + 1;
    hl_histogram_clear(pooled, 0.5);
    for (int i = 0; i < count; i++) hl_histogram_merge(pooled, &scores[i].histogram);
    if (hl_histogram_roc(pooled, false_rate, true_rate)) {
        int kept = 0;
        for (int i = 0; i <= HL_BINS; i++) {
            bool moved =
                !kept || fabs(false_rate[i] - false_rate[kept - 1]) + fabs(true_rate[i] - true_rate[kept - 1]) > 2e-4 || i == HL_BINS;
            if (moved) false_rate[kept] = false_rate[i], true_rate[kept++] = true_rate[i];
        }
        cJSON *curve = hl_json_object(json, to, name);
        hl_json_numbers(json, curve, "false_rate", false_rate, kept);
        hl_json_numbers(json, curve, "true_rate", true_rate, kept);
    }
    free(rates), free(pooled);
    return HL_OK;
}

static hl_status put_scores(hl_session *s, hl_json *json, cJSON *to, hl_run *run, const char *name, hl_cohort *cohort, bool own) {
    hl_score *scores;
    int count;
    double threshold = hl_run_threshold_val(run);
    hl_status status = hl_session_score(s, run, cohort, HL_PART_TEST, &scores, &count);
    if (!status) status = hl_result_scores(json, to, own ? "own" : "second", name, scores, count, threshold);
    if (!status) status = put_roc(json, to, own ? "roc" : "roc_second", scores, count);
    if (!status) {
        int ill = hl_scores_without_healthy(cohort, scores, count);
        status = hl_result_scores(json, to, own ? "own_without_healthy" : "second_without_healthy", name, scores, ill, threshold);
    }
    free(scores);
    return status;
}

static hl_status add_net(hl_session *s, hl_json *json, cJSON *nets, const hl_run_spec *spec, const tested *t) {
    char name[96];
    hl_run *run;
    hl_run_spec_name(spec, name);
    hl_status status = hl_session_run(s, spec, &run);
    cJSON *one = hl_json_object(json, nets, NULL);
    hl_json_text(json, one, "net", spec->net);
    hl_json_text(json, one, "run", name);
    if (!status) status = put_cost(s, json, one, run, t->cohorts[0]);
    if (!status) hl_json_number(json, one, "threshold_val", hl_run_threshold_val(run));
    if (!status) status = put_scores(s, json, one, run, name, t->cohorts[0], true);
    if (!status && t->cohorts[1]) status = put_scores(s, json, one, run, name, t->cohorts[1], false);
    hl_run_close(run);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    tested t = {0};
    needs(s->study, &list);
    cJSON *nets = hl_json_array(result, result->root, "nets");
    hl_status status = open_cohorts(s, &t);
    for (int i = 0; i < list.count && !status; i++) status = add_net(s, result, nets, &list.runs[i], &t);
    close_cohorts(&t);
    return status;
}

/* --- Table 1 and Figure 3 ------------------------------------------------------------------------------------------------ */

/* The paper's count of parameters in millions, cut off after two decimals; NaN for a net that it does not have. */
static double papers_millions(const char *net) {
    static const struct {
        const char *net;
        double millions;
    } counts[] = {{"unet-vgg16", 23.75},    {"unet-resnet34", 24.45},    {"unet-densenet169", 19.51},    {"unet-efficientnetb1", 12.64},
                  {"linknet-vgg16", 20.32}, {"linknet-resnet34", 21.63}, {"linknet-densenet169", 15.61}, {"linknet-efficientnetb1", 8.55}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!strcmp(net, counts[i].net)) return counts[i].millions;
    }
    return NAN;
}

static void net_row(hl_sheet *sheet, const cJSON *net, bool whole) {
    const cJSON *own = hl_result_get(hl_result_get(net, "own"), "figures");
    const cJSON *ill = hl_result_get(hl_result_get(net, "own_without_healthy"), "figures");
    hl_sheet_text(sheet, "%s", hl_result_text(net, "net"));
    hl_sheet_number(sheet, 1e-6 * hl_result_number(net, "parameters"), 2, "");
    if (whole) hl_sheet_number(sheet, papers_millions(hl_result_text(net, "net")), 2, "not one of the paper's networks");
    hl_sheet_number(sheet, hl_result_number(net, "training_tflop"), 3, "");
    hl_sheet_number(
        sheet, NAN, 1,
        "minutes of training are in timing.json, so that every other file has the same bytes on every machine and after every stop");
    hl_sheet_pair(sheet, hl_result_number(own, "dsc_fold_mean"), hl_result_number(own, "dsc_fold_sd"), 3, "nobody was tested");
    hl_sheet_pair(sheet, hl_result_number(ill, "dsc_fold_mean"), hl_result_number(ill, "dsc_fold_sd"), 3, "everybody is healthy");
    hl_sheet_number(sheet, hl_result_number(own, "dsc_lesion_mean"), 3, "no case has a lesion");
    hl_sheet_pair(sheet, hl_result_number(own, "auc_fold_mean"), hl_result_number(own, "auc_fold_sd"), 3, "pixels of one label only");
}

static void table1(hl_book *book, const cJSON *result) {
    static const char *const all[] = {"network", "weights, M", "paper, M",     "TFLOP/fold", "min/fold",
                                      "DSC",     "no healthy", "lesion cases", "AUC"};
    /* The paper's counts are for networks of whole width. */
    static const char *const narrower[] = {"network", "weights, M", "TFLOP/fold", "min/fold",
                                           "DSC",     "no healthy", "lesion cases", "AUC"};
    bool whole = book->s->study->training.net_options.width == 1;
    const cJSON *net;
    hl_sheet sheet;
    hl_sheet_start(
        &sheet, book, "table1",
        "Table 1. The networks on cohort 1, out of fold: weights, operations and minutes of training, DSC at 0.5 on the training grid "
        "(all; without healthy people; cases with a lesion alone), AUC; mean ± SD over folds",
        whole ? all : narrower, whole ? 9 : 8);
    cJSON_ArrayForEach(net, hl_result_get(result, "nets")) net_row(&sheet, net, whole);
    hl_sheet_end(&sheet);
}

/* An array of numbers in the result as doubles. */
static double *numbers(hl_book *book, const cJSON *array) {
    int count = cJSON_GetArraySize(array), i = 0;
    double *values = hl_book_doubles(book, count);
    const cJSON *item;
    if (!values) return NULL;
    cJSON_ArrayForEach(item, array) values[i++] = item->valuedouble;
    return values;
}

static char *roc_svg(hl_book *book, const cJSON *result, const char *key, const char *scores, const char *title) {
    hl_curve curves[HL_STUDY_NETS];
    int count = 0;
    const cJSON *net;
    cJSON_ArrayForEach(net, hl_result_get(result, "nets")) {
        const cJSON *curve = hl_result_get(net, key), *figures = hl_result_get(hl_result_get(net, scores), "figures");
        if (!curve || count == HL_STUDY_NETS) continue;
        const cJSON *x = hl_result_get(curve, "false_rate");
        curves[count] =
            (hl_curve){.x = numbers(book, x),
                       .y = numbers(book, hl_result_get(curve, "true_rate")),
                       .points = cJSON_GetArraySize(x),
                       .colour = count,
                       .label = hl_book_text(book, "%s, AUC %.4f", hl_result_text(net, "net"), hl_result_number(figures, "auc"))};
        if (!curves[count].x || !curves[count].y) return NULL;
        count++;
    }
    return count ? hl_roc_svg(book->hl, &(hl_roc){.title = title, .curves = curves, .curve_count = count, .width = 510}) : NULL;
}

static hl_status show(hl_book *book, const cJSON *result) {
    hl_book_heading(book, "Table 1: the networks compared");
    if (hl_book_skipped(book, "table1", result)) return HL_OK;
    table1(book, result);
    hl_status status = hl_book_table2(book);
    hl_book_heading(book, "Figure 3: ROC");
    const cJSON *first = hl_result_get(result, "nets")->child;
    char *svgs[2] = {roc_svg(book, result, "roc", "own", "Cohort 1, out of fold"), NULL};
    bool second = hl_result_get(first, "roc_second") != NULL;
    if (second) svgs[1] = roc_svg(book, result, "roc_second", "second", "Cohort 2, no model has seen it");
    if (hl_result_get(first, "roc"))
        hl_book_figure(book, "figure3", "Figure 3. ROC of pooled pixels; inset: its upper left corner.", svgs, second ? 2 : 1);
    return status;
}

const hl_study_part hl_part_comparison = {
    "comparison", "Table 1, Table 2, Figure 3", "the networks, cross-validated on cohort 1; each fold's model on cohort 2", needs, compute,
    show};
