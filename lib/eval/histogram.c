/* Histograms of probability by label, and what comes out of them alone: confusion, Dice, ROC, AUC. */
#include <math.h>
#include <string.h>

#include "eval/edges.h"

const double hl_thresholds[HL_THRESHOLDS] = {0,    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35,
                                             0.40, 0.45,  0.50,  0.55,  0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 1};

int hl_threshold_index(double threshold) {
    for (int i = 0; i < HL_THRESHOLDS; i++) {
        if (fabs(hl_thresholds[i] - threshold) <= 1e-12) return i;
    }
    return -1;
}

void hl_histogram_clear(hl_histogram *histogram, double threshold) {
    memset(histogram, 0, sizeof *histogram);
    histogram->threshold = threshold;
}

void hl_histogram_add(hl_histogram *histogram, const float *probabilities, const uint8_t *labels, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double p = probabilities[i] > 0 ? (double)probabilities[i] : 0; /* a NaN is not above 0 */
        int label = labels[i] != 0;
        histogram->counts[label][hl_bin(p)]++;
        histogram->above[label] += p > histogram->threshold;
    }
}

void hl_histogram_merge(hl_histogram *into, const hl_histogram *from) {
    for (int label = 0; label < 2; label++) {
        for (int bin = 0; bin < HL_BINS; bin++) into->counts[label][bin] += from->counts[label][bin];
        into->above[label] += from->above[label];
    }
}

static uint64_t count_from(const uint64_t *counts, int first) {
    uint64_t sum = 0;
    for (int bin = first; bin < HL_BINS; bin++) sum += counts[bin];
    return sum;
}

hl_confusion hl_histogram_confusion(const hl_histogram *histogram, double threshold) {
    int index = hl_threshold_index(threshold);
    uint64_t above[2] = {histogram->above[0], histogram->above[1]};
    if (index >= 0 || threshold != histogram->threshold) {
        int bin = hl_bin(index >= 0 ? hl_thresholds[index] : threshold); /* the threshold is this bin's upper edge */
        for (int label = 0; label < 2; label++) above[label] = count_from(histogram->counts[label], bin + 1);
    }
    return (hl_confusion){
        .true_positive = above[1],
        .false_positive = above[0],
        .false_negative = count_from(histogram->counts[1], 0) - above[1],
        .true_negative = count_from(histogram->counts[0], 0) - above[0],
    };
}

double hl_dice(const hl_confusion *confusion) {
    uint64_t twice = 2 * confusion->true_positive, sum = twice + confusion->false_positive + confusion->false_negative;
    return sum ? (double)twice / (double)sum : 1;
}

double hl_histogram_auc(const hl_histogram *histogram) {
    const uint64_t *healthy = histogram->counts[0], *lesion = histogram->counts[1];
    double pairs = (double)count_from(healthy, 0) * (double)count_from(lesion, 0);
    if (pairs == 0) return NAN;
    double ordered = 0, above = 0; /* pairs of a lesion and a healthy pixel in which the lesion has the higher probability */
    for (int bin = HL_BINS - 1; bin >= 0; bin--) {
        ordered += (double)healthy[bin] * (above + 0.5 * (double)lesion[bin]);
        above += (double)lesion[bin];
    }
    return ordered / pairs;
}

bool hl_histogram_roc(const hl_histogram *histogram, double *false_rate, double *true_rate) {
    double *rates[2] = {false_rate, true_rate};
    uint64_t totals[2] = {count_from(histogram->counts[0], 0), count_from(histogram->counts[1], 0)};
    if (!totals[0] || !totals[1]) return false;
    for (int label = 0; label < 2; label++) {
        uint64_t above = 0;
        rates[label][0] = 0;
        for (int point = 1; point <= HL_BINS; point++) {
            above += histogram->counts[label][HL_BINS - point];
            rates[label][point] = (double)above / (double)totals[label];
        }
    }
    return true;
}
