/* The figures of a test: from one histogram a case and model to what `hilum evaluate` prints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "eval/statistics.h"

/* Two means whose sums were rounded differently are still a tie. */
static const double tie = 1e-12;

int hl_best_threshold(const double *values) {
    double highest = -INFINITY;
    for (int i = 0; i < HL_THRESHOLDS; i++) highest = values[i] > highest ? values[i] : highest;
    int best = -1;
    for (int i = 0; i < HL_THRESHOLDS; i++) {
        if (!(values[i] >= highest - tie)) continue;
        if (best < 0 || fabs(hl_thresholds[i] - 0.5) < fabs(hl_thresholds[best] - 0.5) - tie) best = i;
    }
    return best < 0 ? hl_threshold_index(0.5) : best;
}

/* A score on its way into a case and a model. */
typedef struct scored {
    const hl_score *score;
    int index;     /* in the caller's order */
    int case_of;   /* which of the figures' cases */
    double dsc;    /* at the threshold */
    bool nonempty; /* truth or prediction has a pixel */
} scored;

static int compare_cases(const hl_score *a, const hl_score *b) {
    int order = strcmp(a->centre, b->centre);
    if (!order) order = strcmp(a->patient, b->patient);
    return order ? order : strcmp(a->case_name, b->case_name);
}

static int by_case(const void *left, const void *right) {
    const scored *a = left, *b = right;
    int order = compare_cases(a->score, b->score);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static int by_index(const void *left, const void *right) {
    const scored *a = left, *b = right;
    return (a->index > b->index) - (a->index < b->index);
}

static int by_model(const void *left, const void *right) {
    const scored *a = left, *b = right;
    int order = (a->score->model > b->score->model) - (a->score->model < b->score->model);
    return order ? order : by_index(left, right);
}

static hl_status check(hl_context *hl, const hl_score *scores, int count, double threshold, double threshold_val) {
    if (count < 1) return hl_fail(hl, HL_BAD_INPUT, "no case was scored: expected at least one labelled case");
    if (!isnan(threshold_val) && hl_threshold_index(threshold_val) < 0)
        return hl_fail(hl, HL_USAGE, "validation threshold %g is not one of the %d thresholds", threshold_val, HL_THRESHOLDS);
    for (int i = 0; i < count && hl_threshold_index(threshold) < 0; i++) {
        if (scores[i].histogram.threshold == threshold) continue;
        return hl_fail(hl, HL_USAGE, "case \"%s\" of patient \"%s\" was counted at threshold %g and cannot be scored at %g",
                       scores[i].case_name, scores[i].patient, scores[i].histogram.threshold, threshold);
    }
    return HL_OK;
}

/* Numbers the cases in order of first appearance and returns how many there are; `work` comes and goes in the scores' order. */
static int number_cases(scored *work, int count) {
    qsort(work, (size_t)count, sizeof *work, by_case);
    int leader = 0;
    for (int i = 0; i < count; i++) {
        if (i && compare_cases(work[i].score, work[i - 1].score)) leader = i;
        work[i].case_of = work[leader].index; /* until cases are numbered: the first score of the same case */
    }
    qsort(work, (size_t)count, sizeof *work, by_index);
    int cases = 0;
    for (int i = 0; i < count; i++) work[i].case_of = work[i].case_of == i ? cases++ : work[work[i].case_of].case_of;
    return cases;
}

/* Each case's figures: means over the models that scored it. */
static void fill_cases(const scored *work, int count, double threshold, hl_figures *figures) {
    for (int i = 0; i < count; i++) {
        const hl_score *score = work[i].score;
        hl_case_figure *figure = &figures->cases[work[i].case_of];
        if (!figure->models++) {
            figure->centre = score->centre, figure->patient = score->patient, figure->case_name = score->case_name;
            figure->lesion_pixels = score->lesion_pixels;
        }
        figure->dsc += work[i].dsc;
        for (int t = 0; t < HL_THRESHOLDS; t++) {
            hl_confusion confusion = hl_histogram_confusion(&score->histogram, hl_thresholds[t]);
            figure->dsc_at[t] += hl_dice(&confusion);
        }
    }
    int index = hl_threshold_index(threshold);
    for (int c = 0; c < figures->case_count; c++) {
        hl_case_figure *figure = &figures->cases[c];
        for (int t = 0; t < HL_THRESHOLDS; t++) figure->dsc_at[t] /= figure->models;
        figure->dsc = index >= 0 ? figure->dsc_at[index] : figure->dsc / figure->models;
    }
}

/* A case whose truth is empty keeps the models that predicted something in it; with none left it is left out. */
static void nonempty_mean(const scored *work, int count, double *sums, double *models, hl_figures *figures) {
    for (int i = 0; i < count; i++) {
        if (!work[i].nonempty) continue;
        sums[work[i].case_of] += work[i].dsc;
        models[work[i].case_of] += 1;
    }
    double sum = 0;
    for (int c = 0; c < figures->case_count; c++) {
        if (models[c] > 0) sum += sums[c] / models[c], figures->nonempty_cases++;
    }
    figures->dsc_nonempty_mean = figures->nonempty_cases ? sum / figures->nonempty_cases : NAN;
}

static void case_means(double *values, hl_figures *figures) {
    double lesion = 0, lesion100 = 0;
    for (int c = 0; c < figures->case_count; c++) {
        const hl_case_figure *figure = &figures->cases[c];
        values[c] = figure->dsc;
        if (figure->lesion_pixels > 0) lesion += figure->dsc, figures->lesion_cases++;
        if (figure->lesion_pixels >= 100) lesion100 += figure->dsc, figures->lesion100_cases++;
    }
    figures->dsc_lesion_mean = figures->lesion_cases ? lesion / figures->lesion_cases : NAN;
    figures->dsc_lesion100_mean = figures->lesion100_cases ? lesion100 / figures->lesion100_cases : NAN;
    figures->dsc_case_mean = hl_mean(values, figures->case_count);
    figures->dsc_case_sd = hl_deviation(values, figures->case_count, 1);
    hl_sort_doubles(values, figures->case_count);
    figures->dsc_case_median = hl_sorted_quantile(values, figures->case_count, 0.5);
}

static void threshold_means(double threshold_val, hl_figures *figures) {
    for (int t = 0; t < HL_THRESHOLDS; t++) {
        double sum = 0;
        for (int c = 0; c < figures->case_count; c++) sum += figures->cases[c].dsc_at[t];
        figures->dsc_at[t] = sum / figures->case_count;
    }
    int best = hl_best_threshold(figures->dsc_at);
    figures->threshold_oracle = hl_thresholds[best];
    figures->dsc_oracle = figures->dsc_at[best];
    figures->threshold_val = threshold_val;
    figures->dsc_val_threshold = isnan(threshold_val) ? NAN : figures->dsc_at[hl_threshold_index(threshold_val)];
}

/* Leaves `work` in the order of the models. `dsc` and `auc` have room for `count` values. */
static void model_means(scored *work, int count, double *dsc, double *auc, hl_figures *figures) {
    qsort(work, (size_t)count, sizeof *work, by_model);
    int aucs = 0;
    for (int first = 0, next; first < count; first = next) {
        hl_histogram pooled;
        hl_histogram_clear(&pooled, figures->threshold);
        double sum = 0;
        for (next = first; next < count && work[next].score->model == work[first].score->model; next++) {
            hl_histogram_merge(&pooled, &work[next].score->histogram);
            sum += work[next].dsc;
        }
        dsc[figures->models++] = sum / (next - first);
        double area = hl_histogram_auc(&pooled);
        if (isnan(area)) figures->auc_folds_without++;
        else auc[aucs++] = area;
    }
    figures->dsc_fold_mean = hl_mean(dsc, figures->models);
    figures->dsc_fold_sd = hl_deviation(dsc, figures->models, 1);
    figures->dsc_fold_sd0 = hl_deviation(dsc, figures->models, 0);
    figures->auc_fold_mean = hl_mean(auc, aucs);
    figures->auc_fold_sd = hl_deviation(auc, aucs, 1);
}

static double ratio(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : NAN; }

/* What is counted over the pixels or slices of all scores. The slices' Dice is known at the histograms' own threshold only. */
static void pooled_figures(const hl_score *scores, int count, hl_figures *figures) {
    hl_histogram pooled;
    hl_histogram_clear(&pooled, figures->threshold);
    double slice_sum = 0, slices = 0;
    bool same = true;
    for (int i = 0; i < count; i++) {
        hl_histogram_merge(&pooled, &scores[i].histogram);
        slice_sum += scores[i].slice_dice_sum, slices += scores[i].slices;
        same = same && fabs(scores[i].histogram.threshold - figures->threshold) <= tie;
    }
    figures->dsc_slice_mean = same && slices > 0 ? slice_sum / slices : NAN;
    figures->auc = hl_histogram_auc(&pooled);
    figures->pooled = hl_histogram_confusion(&pooled, figures->threshold);
    const hl_confusion *c = &figures->pooled;
    figures->sensitivity = ratio(c->true_positive, c->true_positive + c->false_negative);
    figures->specificity = ratio(c->true_negative, c->true_negative + c->false_positive);
    figures->precision = ratio(c->true_positive, c->true_positive + c->false_positive);
}

hl_status hl_figures_compute(hl_context *hl, const hl_score *scores, int count, double threshold, double threshold_val,
                             hl_figures *figures) {
    memset(figures, 0, sizeof *figures);
    hl_status status = check(hl, scores, count, threshold, threshold_val);
    if (status) return status;
    scored *work = hl_calloc(hl, (size_t)count, sizeof *work);
    double *values = hl_calloc(hl, (size_t)count * 4, sizeof *values);
    hl_case_figure *cases = hl_calloc(hl, (size_t)count, sizeof *cases);
    if (!work || !values || !cases) return free(work), free(values), free(cases), HL_NO_MEMORY;
    for (int i = 0; i < count; i++) {
        hl_confusion c = hl_histogram_confusion(&scores[i].histogram, threshold);
        bool nonempty = c.true_positive + c.false_positive + c.false_negative > 0;
        work[i] = (scored){.score = &scores[i], .index = i, .dsc = hl_dice(&c), .nonempty = nonempty};
    }
    figures->threshold = threshold;
    figures->cases = cases;
    figures->case_count = number_cases(work, count);
    fill_cases(work, count, threshold, figures);
    nonempty_mean(work, count, values, values + count, figures);
    case_means(values, figures);
    threshold_means(threshold_val, figures);
    model_means(work, count, values + 2 * (size_t)count, values + 3 * (size_t)count, figures);
    pooled_figures(scores, count, figures);
    free(work), free(values);
    return HL_OK;
}

void hl_figures_free(hl_figures *figures) {
    if (!figures) return;
    free(figures->cases);
    figures->cases = NULL;
    figures->case_count = 0;
}
