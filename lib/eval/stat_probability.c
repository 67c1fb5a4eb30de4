/* How far probabilities can be believed: reliability, expected calibration error, average precision. */
#include <math.h>
#include <string.h>

#include "eval/edges.h"
#include "hilum/statistics.h"

void hl_reliability_curve(const hl_histogram *histogram, hl_reliability *reliability) {
    memset(reliability, 0, sizeof *reliability);
    double lesion[HL_RELIABILITY_BINS] = {0}, total = 0;
    for (int bin = 0; bin < HL_BINS; bin++) {
        double middle = bin ? 0.5 * (hl_bin_edges[bin - 1] + hl_bin_edges[bin]) : 0;
        int wide = (int)(middle * HL_RELIABILITY_BINS);
        uint64_t pixels = histogram->counts[0][bin] + histogram->counts[1][bin];
        reliability->pixels[wide] += pixels;
        reliability->predicted[wide] += middle * (double)pixels; /* sums, until they are divided below */
        lesion[wide] += (double)histogram->counts[1][bin];
        total += (double)pixels;
    }
    reliability->ece = reliability->mce = total > 0 ? 0 : NAN;
    for (int b = 0; b < HL_RELIABILITY_BINS; b++) {
        double pixels = (double)reliability->pixels[b];
        reliability->predicted[b] = pixels > 0 ? reliability->predicted[b] / pixels : NAN;
        reliability->observed[b] = pixels > 0 ? lesion[b] / pixels : NAN;
        if (pixels == 0) continue;
        double gap = fabs(reliability->observed[b] - reliability->predicted[b]);
        reliability->ece += pixels / total * gap;
        reliability->mce = fmax(reliability->mce, gap);
    }
}

double hl_histogram_average_precision(const hl_histogram *histogram) {
    double all = 0, lesion = 0, marked = 0, sum = 0;
    for (int bin = 0; bin < HL_BINS; bin++) all += (double)histogram->counts[1][bin];
    for (int bin = HL_BINS - 1; bin >= 0; bin--) {
        double hits = (double)histogram->counts[1][bin];
        lesion += hits, marked += hits + (double)histogram->counts[0][bin];
        if (hits > 0) sum += hits / all * (lesion / marked);
    }
    return all > 0 ? sum : NAN;
}
