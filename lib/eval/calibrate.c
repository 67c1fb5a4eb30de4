/* Threshold calibration for a new centre: what its Dice becomes when some of its patients choose the threshold.
 *
 * A draw divides the patients: the first floor(n/2) of a random order calibrate, in that order, the rest is the test half.
 * Where all C(n, floor(n/2)) divisions are few enough, draw d is the d-th of them in lexicographic order, its calibration
 * patients in a random order. For each percentage the first calibration patients that hold so many of the centre's cases
 * choose the threshold, and the test half is scored with it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/random.h"
#include "eval/statistics.h"

enum { draws_at_most = 1000 };
static const int percents[HL_SHARES] = {0, 10, 20, 30, 40, 50};

/* Sums over cases, of a patient or of several. */
typedef struct tally {
    int cases, lesion_cases;
    double dsc[HL_THRESHOLDS], lesion_dsc[HL_THRESHOLDS];
} tally;

/* What one draw ended with: the chosen threshold (an index), and the mean Dice of the test half. */
typedef struct outcome {
    double before, lesion_before;
    int chosen[HL_SHARES];
    double dsc[HL_SHARES], lesion_dsc[HL_SHARES];
} outcome;

static void tally_add(tally *into, const tally *from) {
    into->cases += from->cases, into->lesion_cases += from->lesion_cases;
    for (int t = 0; t < HL_THRESHOLDS; t++) into->dsc[t] += from->dsc[t], into->lesion_dsc[t] += from->lesion_dsc[t];
}

typedef struct entry {
    const hl_case_figure *figure;
    int index;
} entry;

static int by_patient(const void *left, const void *right) {
    const entry *a = left, *b = right;
    int order = strcmp(a->figure->patient, b->figure->patient);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* One tally a patient, sorted by name; *count: how many. Owner: the caller, free. */
static tally *tally_patients(hl_context *hl, const hl_case_figure *cases, int case_count, int *count) {
    tally *patients = hl_calloc(hl, (size_t)case_count, sizeof *patients);
    entry *sorted = hl_calloc(hl, (size_t)case_count, sizeof *sorted);
    *count = 0;
    if (!patients || !sorted) return free(patients), free(sorted), NULL;
    for (int i = 0; i < case_count; i++) sorted[i] = (entry){&cases[i], i};
    qsort(sorted, (size_t)case_count, sizeof *sorted, by_patient);
    for (int i = 0; i < case_count; i++) {
        const hl_case_figure *figure = sorted[i].figure;
        if (i == 0 || strcmp(figure->patient, sorted[i - 1].figure->patient)) ++*count;
        tally one = {.cases = 1, .lesion_cases = figure->lesion_pixels > 0};
        for (int t = 0; t < HL_THRESHOLDS; t++) {
            one.dsc[t] = figure->dsc_at[t];
            one.lesion_dsc[t] = one.lesion_cases ? figure->dsc_at[t] : 0;
        }
        tally_add(&patients[*count - 1], &one);
    }
    free(sorted);
    return patients;
}

/* The number of ways to choose k of n, or draws_at_most when there are at least so many. */
static int divisions(int n, int k) {
    int64_t ways = 1;
    for (int i = 1; i <= k; i++) {
        ways = ways * (n - k + i) / i;
        if (ways >= draws_at_most) return draws_at_most;
    }
    return (int)ways;
}

/* subset[0 .. k-1], rising numbers below n, becomes the next subset in lexicographic order. */
static void next_subset(int *subset, int n, int k) {
    int i = k - 1;
    while (i >= 0 && subset[i] == n - k + i) i--;
    if (i < 0) return;
    subset[i]++;
    for (int j = i + 1; j < k; j++) subset[j] = subset[j - 1] + 1;
}

/* order: the members of `subset` in a random order, then everybody else. `shuffle` is scratch for k numbers. */
static void arrange(const int *subset, int n, int k, uint64_t seed, int draw, int *shuffle, int *order) {
    hl_random_order(seed, HL_RANDOM_CALIBRATE, (uint64_t)draw, k, shuffle);
    for (int i = 0; i < k; i++) order[i] = subset[shuffle[i]];
    for (int patient = 0, member = 0, i = k; patient < n; patient++) {
        if (member < k && subset[member] == patient) member++;
        else order[i++] = patient;
    }
}

/* One draw: order[0 .. half-1] calibrate, the rest is tested. `all`: the cases of all patients. */
static outcome run_draw(const tally *patients, const int *order, int count, int half, int all) {
    const int start = hl_threshold_index(0.5);
    tally test = {0}, chosen = {0};
    for (int i = half; i < count; i++) tally_add(&test, &patients[order[i]]);
    outcome result = {.before = test.dsc[start] / test.cases};
    result.lesion_before = test.lesion_cases ? test.lesion_dsc[start] / test.lesion_cases : NAN;
    for (int s = 0, used = 0; s < HL_SHARES; s++) {
        while (used < half && (int64_t)chosen.cases * 100 < (int64_t)percents[s] * all) tally_add(&chosen, &patients[order[used++]]);
        double means[HL_THRESHOLDS];
        for (int t = 0; t < HL_THRESHOLDS; t++) means[t] = used ? chosen.dsc[t] / chosen.cases : 0;
        int best = used ? hl_best_threshold(means) : start;
        result.chosen[s] = best;
        result.dsc[s] = test.dsc[best] / test.cases;
        result.lesion_dsc[s] = test.lesion_cases ? test.lesion_dsc[best] / test.lesion_cases : NAN;
    }
    return result;
}

/* All draws of `result`. `numbers` is scratch for three times the patients. */
static void run_draws(const tally *patients, uint64_t seed, int *numbers, const hl_calibration *result, outcome *outcomes) {
    int n = result->patients, half = n / 2;
    int *order = numbers, *subset = numbers + n, *shuffle = numbers + 2 * (size_t)n;
    for (int i = 0; i < half; i++) subset[i] = i;
    for (int draw = 0; draw < result->draws; draw++) {
        if (result->exhaustive) {
            arrange(subset, n, half, seed, draw, shuffle, order);
            next_subset(subset, n, half);
        } else {
            hl_random_order(seed, HL_RANDOM_CALIBRATE, (uint64_t)draw, n, order);
        }
        outcomes[draw] = run_draw(patients, order, n, half, result->cases);
    }
}

/* Sorts the values that are one and returns their median. */
static double median_without_nan(double *values, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (!isnan(values[i])) values[kept++] = values[i];
    }
    hl_sort_doubles(values, kept);
    return hl_sorted_quantile(values, kept, 0.5);
}

/* The share's figures over all draws. `values` is scratch for one number a draw. */
static hl_share summarise(const outcome *outcomes, int draws, int s, double *values) {
    hl_share share = {.percent = percents[s]};
    int lost = 0;
    for (int d = 0; d < draws; d++) {
        values[d] = outcomes[d].dsc[s];
        lost += outcomes[d].dsc[s] < outcomes[d].before - 1e-12; /* lower by more than the rounding of two sums */
    }
    share.share_lost = (double)lost / draws;
    hl_sort_doubles(values, draws);
    share.dsc_median = hl_sorted_quantile(values, draws, 0.5);
    share.dsc_p5 = hl_sorted_quantile(values, draws, 0.05);
    share.dsc_p95 = hl_sorted_quantile(values, draws, 0.95);
    for (int d = 0; d < draws; d++) values[d] = outcomes[d].lesion_dsc[s];
    share.dsc_lesion_median = median_without_nan(values, draws);
    for (int d = 0; d < draws; d++) values[d] = hl_thresholds[outcomes[d].chosen[s]];
    hl_sort_doubles(values, draws);
    share.threshold = values[(draws - 1) / 2];
    return share;
}

/* Fills `result`, whose patients and cases are known. */
static hl_status calibrate(hl_context *hl, const tally *patients, uint64_t seed, hl_calibration *result) {
    result->draws = divisions(result->patients, result->patients / 2);
    result->exhaustive = result->draws < draws_at_most;
    size_t draws = (size_t)result->draws;
    int *numbers = hl_calloc(hl, (size_t)result->patients * 3, sizeof *numbers);
    outcome *outcomes = hl_calloc(hl, draws, sizeof *outcomes);
    double *values = hl_calloc(hl, draws, sizeof *values);
    hl_status status = numbers && outcomes && values ? HL_OK : HL_NO_MEMORY;
    if (!status) {
        run_draws(patients, seed, numbers, result, outcomes);
        for (size_t d = 0; d < draws; d++) values[d] = outcomes[d].before;
        result->dsc_before = median_without_nan(values, result->draws);
        for (size_t d = 0; d < draws; d++) values[d] = outcomes[d].lesion_before;
        result->dsc_lesion_before = median_without_nan(values, result->draws);
        int one = (int)(hl_random_uniform(seed, HL_RANDOM_CALIBRATE, draws_at_most, 0) * result->draws);
        for (int s = 0; s < HL_SHARES; s++) {
            result->shares[s] = summarise(outcomes, result->draws, s, values);
            result->shares[s].split_threshold = hl_thresholds[outcomes[one].chosen[s]], result->shares[s].split_dsc = outcomes[one].dsc[s];
        }
    }
    free(numbers), free(outcomes), free(values);
    return status;
}

hl_status hl_calibrate(hl_context *hl, const hl_case_figure *cases, int count, uint64_t seed, hl_calibration *result) {
    memset(result, 0, sizeof *result);
    result->cases = count > 0 ? count : 0;
    tally *patients = tally_patients(hl, cases, result->cases, &result->patients);
    if (!patients) return HL_NO_MEMORY;
    hl_status status;
    if (result->patients >= 2) status = calibrate(hl, patients, seed, result);
    else status = hl_fail(hl, HL_BAD_INPUT, "calibration divides the patients: found %d, expected at least 2", result->patients);
    free(patients);
    return status;
}
