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
    double dsc;    /* at the threshold; the class's */
    bool nonempty; /* truth or prediction has a pixel; of the class */
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

static int classes_of(const hl_score *score) { return score->classes > 1 ? score->classes : 1; }

static hl_status check(hl_context *hl, const hl_score *scores, int count, double threshold, double threshold_val) {
    if (count < 1) return hl_fail(hl, HL_BAD_INPUT, "no case was scored: expected at least one labelled case");
    for (int i = 1; i < count; i++) {
        if (classes_of(&scores[i]) == classes_of(&scores[0])) continue;
        return hl_fail(hl, HL_USAGE, "case \"%s\" of patient \"%s\" was scored in %d classes, expected the %d of the first", scores[i].case_name,
                       scores[i].patient, classes_of(&scores[i]), classes_of(&scores[0]));
    }
    if (classes_of(&scores[0]) > 1) return HL_OK;
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
    bool several = figures->classes > 1;
    for (int i = 0; i < count; i++) {
        const hl_score *score = work[i].score;
        hl_case_figure *figure = &figures->cases[work[i].case_of];
        if (!figure->models++) {
            figure->centre = score->centre, figure->patient = score->patient, figure->case_name = score->case_name;
            figure->lesion_pixels = score->lesion_pixels;
            memcpy(figure->class_pixels, score->class_pixels, sizeof figure->class_pixels);
        }
        figure->dsc += work[i].dsc;
        for (int c = 0; several && c < figures->classes; c++) figure->dsc_class[c] += hl_dice(&score->counts[c]);
        for (int t = 0; !several && t < HL_THRESHOLDS; t++) {
            hl_confusion confusion = hl_histogram_confusion(&score->histogram, hl_thresholds[t]);
            figure->dsc_at[t] += hl_dice(&confusion);
        }
    }
    int index = several ? -1 : hl_threshold_index(threshold);
    for (int c = 0; c < figures->case_count; c++) {
        hl_case_figure *figure = &figures->cases[c];
        for (int t = 0; t < HL_THRESHOLDS; t++) figure->dsc_at[t] = several ? NAN : figure->dsc_at[t] / figure->models;
        for (int k = 0; several && k < figures->classes; k++) figure->dsc_class[k] /= figure->models;
        figure->dsc = index >= 0 ? figure->dsc_at[index] : figure->dsc / figure->models;
    }
}

/* A case whose truth is empty keeps the models that predicted something in it; with none left it is left out. `sums` and `models`
 * are scratch for a number a case. */
static void nonempty_mean(const scored *work, int count, int cases, double *sums, double *models, hl_class_figure *means) {
    for (int c = 0; c < cases; c++) sums[c] = models[c] = 0;
    for (int i = 0; i < count; i++) {
        if (!work[i].nonempty) continue;
        sums[work[i].case_of] += work[i].dsc;
        models[work[i].case_of] += 1;
    }
    double sum = 0;
    for (int c = 0; c < cases; c++) {
        if (models[c] > 0) sum += sums[c] / models[c], means->nonempty_cases++;
    }
    means->dsc_nonempty_mean = means->nonempty_cases ? sum / means->nonempty_cases : NAN;
}

/* Means over the cases of a class's Dice or, for class 0, of the cases' own. `values` is scratch for a number a case. */
static void case_means(const hl_figures *figures, int class, double *values, hl_class_figure *means) {
    double lesion = 0, lesion100 = 0;
    for (int c = 0; c < figures->case_count; c++) {
        const hl_case_figure *figure = &figures->cases[c];
        int64_t pixels = class ? figure->class_pixels[class] : figure->lesion_pixels;
        values[c] = class ? figure->dsc_class[class] : figure->dsc;
        if (pixels > 0) lesion += values[c], means->lesion_cases++;
        if (pixels >= 100) lesion100 += values[c], means->lesion100_cases++;
    }
    means->dsc_lesion_mean = means->lesion_cases ? lesion / means->lesion_cases : NAN;
    means->dsc_lesion100_mean = means->lesion100_cases ? lesion100 / means->lesion100_cases : NAN;
    means->dsc_case_mean = hl_mean(values, figures->case_count);
    means->dsc_case_sd = hl_deviation(values, figures->case_count, 1);
    hl_sort_doubles(values, figures->case_count);
    means->dsc_case_median = hl_sorted_quantile(values, figures->case_count, 0.5);
}

static double ratio(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : NAN; }

static void pixel_shares(const hl_confusion *c, double *sensitivity, double *specificity, double *precision) {
    *sensitivity = ratio(c->true_positive, c->true_positive + c->false_negative);
    *specificity = ratio(c->true_negative, c->true_negative + c->false_positive);
    *precision = ratio(c->true_positive, c->true_positive + c->false_positive);
}

static void threshold_means(double threshold_val, hl_figures *figures) {
    if (figures->classes > 1) {
        for (int t = 0; t < HL_THRESHOLDS; t++) figures->dsc_at[t] = NAN;
        figures->threshold = figures->threshold_oracle = figures->dsc_oracle = figures->threshold_val = figures->dsc_val_threshold = NAN;
        return;
    }
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
        if (isnan(area)) figures->auc_folds_without += figures->classes == 1;
        else auc[aucs++] = area;
    }
    figures->dsc_fold_mean = hl_mean(dsc, figures->models);
    figures->dsc_fold_sd = hl_deviation(dsc, figures->models, 1);
    figures->dsc_fold_sd0 = hl_deviation(dsc, figures->models, 0);
    figures->auc_fold_mean = hl_mean(auc, aucs);
    figures->auc_fold_sd = hl_deviation(auc, aucs, 1);
}

/* What is counted over the pixels or slices of all scores. The slices' Dice is known at the histograms' own threshold only. */
static void pooled_figures(const hl_score *scores, int count, hl_figures *figures) {
    hl_histogram pooled;
    hl_histogram_clear(&pooled, figures->threshold);
    double slice_sum = 0, slices = 0;
    bool same = true;
    for (int i = 0; i < count; i++) {
        hl_histogram_merge(&pooled, &scores[i].histogram);
        slice_sum += scores[i].slice_dice_sum, slices += scores[i].slices;
        same = same && (figures->classes > 1 || fabs(scores[i].histogram.threshold - figures->threshold) <= tie);
    }
    figures->dsc_slice_mean = same && slices > 0 ? slice_sum / slices : NAN;
    figures->auc = hl_histogram_auc(&pooled);
    if (figures->classes > 1) return;
    figures->pooled = hl_histogram_confusion(&pooled, figures->threshold);
    pixel_shares(&figures->pooled, &figures->sensitivity, &figures->specificity, &figures->precision);
}

/* --- several classes -------------------------------------------------------------------------------------------------- */

static void add_counts(hl_confusion *into, const hl_confusion *from) {
    into->true_positive += from->true_positive, into->false_positive += from->false_positive;
    into->false_negative += from->false_negative, into->true_negative += from->true_negative;
}

/* The figures of one class; `work` holds its Dice from here on. `values` is scratch for two numbers a score. */
static void class_figures(scored *work, int count, double *values, const hl_figures *figures, hl_class_figure *class) {
    for (int i = 0; i < count; i++) {
        const hl_confusion *c = &work[i].score->counts[class->index];
        work[i].dsc = hl_dice(c);
        work[i].nonempty = c->true_positive + c->false_positive + c->false_negative > 0;
        add_counts(&class->pooled, c);
    }
    nonempty_mean(work, count, figures->case_count, values, values + count, class);
    case_means(figures, class->index, values, class);
    pixel_shares(&class->pooled, &class->sensitivity, &class->specificity, &class->precision);
}

/* The mean of a figure over the classes that have it; `first` is where the first class keeps it. */
static double over_classes(const hl_figures *figures, const double *first) {
    double sum = 0;
    int count = 0;
    for (int k = 0; k < figures->classes - 1; k++) {
        const double *value = (const double *)(const void *)((const char *)first + (size_t)k * sizeof *figures->class_figures);
        if (!isnan(*value)) sum += *value, count++;
    }
    return count ? sum / count : NAN;
}

/* Each class's figures, and those of all of them that are means over classes. */
static void several_classes(scored *work, int count, double *values, hl_figures *figures) {
    for (int k = 0; k < figures->classes - 1; k++) {
        hl_class_figure *class = &figures->class_figures[k];
        class->index = k + 1;
        class_figures(work, count, values, figures, class);
        add_counts(&figures->pooled, &class->pooled);
    }
    const hl_class_figure *first = figures->class_figures;
    figures->dsc_lesion_mean = over_classes(figures, &first->dsc_lesion_mean);
    figures->dsc_lesion100_mean = over_classes(figures, &first->dsc_lesion100_mean);
    figures->dsc_nonempty_mean = over_classes(figures, &first->dsc_nonempty_mean);
    figures->sensitivity = over_classes(figures, &first->sensitivity);
    figures->specificity = over_classes(figures, &first->specificity);
    figures->precision = over_classes(figures, &first->precision);
}

/* --- all of it ---------------------------------------------------------------------------------------------------------- */

/* The means over all cases, by the cases' own Dice. */
static void own_means(const scored *work, int count, double *values, hl_figures *figures) {
    hl_class_figure means = {0};
    nonempty_mean(work, count, figures->case_count, values, values + count, &means);
    case_means(figures, 0, values, &means);
    figures->dsc_case_mean = means.dsc_case_mean, figures->dsc_case_sd = means.dsc_case_sd;
    figures->dsc_case_median = means.dsc_case_median, figures->dsc_lesion_mean = means.dsc_lesion_mean;
    figures->dsc_lesion100_mean = means.dsc_lesion100_mean, figures->dsc_nonempty_mean = means.dsc_nonempty_mean;
    figures->lesion_cases = means.lesion_cases, figures->lesion100_cases = means.lesion100_cases;
    figures->nonempty_cases = means.nonempty_cases;
}

static scored scored_of(const hl_score *score, int index, double threshold) {
    bool nonempty = false;
    for (int c = 1; c < score->classes; c++)
        nonempty = nonempty || score->counts[c].true_positive + score->counts[c].false_positive + score->counts[c].false_negative > 0;
    if (score->classes <= 1) {
        hl_confusion c = hl_histogram_confusion(&score->histogram, threshold);
        nonempty = c.true_positive + c.false_positive + c.false_negative > 0;
    }
    return (scored){.score = score, .index = index, .dsc = hl_score_dice(score, threshold), .nonempty = nonempty};
}

hl_status hl_figures_compute(hl_context *hl, const hl_score *scores, int count, double threshold, double threshold_val,
                             hl_figures *figures) {
    memset(figures, 0, sizeof *figures);
    hl_status status = check(hl, scores, count, threshold, threshold_val);
    if (status) return status;
    scored *work = hl_calloc(hl, (size_t)count, sizeof *work);
    double *values = hl_calloc(hl, (size_t)count * 4, sizeof *values);
    figures->classes = classes_of(&scores[0]);
    figures->cases = hl_calloc(hl, (size_t)count, sizeof *figures->cases);
    figures->class_figures = figures->classes > 1 ? hl_calloc(hl, (size_t)figures->classes - 1, sizeof *figures->class_figures) : NULL;
    if (!work || !values || !figures->cases || (figures->classes > 1 && !figures->class_figures))
        return free(work), free(values), hl_figures_free(figures), HL_NO_MEMORY;
    for (int i = 0; i < count; i++) work[i] = scored_of(&scores[i], i, threshold);
    figures->threshold = threshold;
    figures->case_count = number_cases(work, count);
    fill_cases(work, count, threshold, figures);
    own_means(work, count, values, figures);
    threshold_means(threshold_val, figures);
    model_means(work, count, values + 2 * (size_t)count, values + 3 * (size_t)count, figures);
    pooled_figures(scores, count, figures);
    if (figures->classes > 1) several_classes(work, count, values, figures);
    free(work), free(values);
    return HL_OK;
}

void hl_figures_free(hl_figures *figures) {
    if (!figures) return;
    free(figures->cases);
    free(figures->class_figures);
    figures->cases = NULL, figures->class_figures = NULL;
    figures->case_count = 0;
}
