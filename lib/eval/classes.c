/* Classes that exclude one another: the most probable one, pixels counted by class, the Dice of a case. */
#include "hilum/eval.h"

void hl_most_probable(const float *probabilities, int classes, size_t pixels, uint8_t *labels) {
    for (size_t i = 0; i < pixels; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++) best = probabilities[(size_t)c * pixels + i] > probabilities[(size_t)best * pixels + i] ? c : best;
        labels[i] = (uint8_t)best;
    }
}

/* Every pixel is a true negative of all classes but those that it is or is said to be. */
void hl_classes_count(const uint8_t *predicted, const uint8_t *labels, size_t pixels, int classes, hl_confusion *counts) {
    uint64_t pairs[HL_CLASSES_MOST][HL_CLASSES_MOST] = {{0}}; /* [label][predicted] */
    for (size_t i = 0; i < pixels; i++) pairs[labels[i]][predicted[i]]++;
    for (int c = 0; c < classes; c++) {
        uint64_t here = 0, said = 0;
        for (int other = 0; other < classes; other++) here += pairs[c][other], said += pairs[other][c];
        counts[c].true_positive += pairs[c][c];
        counts[c].false_negative += here - pairs[c][c];
        counts[c].false_positive += said - pairs[c][c];
        counts[c].true_negative += pixels - here - said + pairs[c][c];
    }
}

double hl_classes_dice(const hl_confusion *counts, int classes) {
    double sum = 0;
    for (int c = 1; c < classes; c++) sum += hl_dice(&counts[c]);
    return sum / (classes - 1);
}

double hl_score_dice(const hl_score *score, double threshold) {
    if (score->classes > 1) return hl_classes_dice(score->counts, score->classes);
    hl_confusion confusion = hl_histogram_confusion(&score->histogram, threshold);
    return hl_dice(&confusion);
}
