/* The edges of a histogram's bins. */
#ifndef HL_EVAL_EDGES_H
#define HL_EVAL_EDGES_H

#include "hilum/eval.h"

/* Bin 0 holds p = 0, bin b > 0 holds hl_bin_edges[b - 1] < p <= hl_bin_edges[b]; rising from 0 to 1. */
extern const double hl_bin_edges[HL_BINS];

/* The bin of a probability; what is not above 0 (a NaN too) is in bin 0, what is above 1 in the last. */
static inline int hl_bin(double p) {
    /* Counts the edges below p among the first HL_BINS - 1 = 2^10 - 1: a binary search without a branch to mispredict. */
    int bin = 0;
    for (int step = HL_BINS / 2; step > 0; step /= 2) bin += step * (hl_bin_edges[bin + step - 1] < p);
    return bin;
}

#endif
