/* The baseline's parameters by search: thresholds first, from histograms, then morphology. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/baseline.h"

enum { ERODES = 3, SMOOTHS = 4, LEVELS = 51, LOWS = 31, RADII = 3, LEASTS = 3, SHIFTS = 5 };
static const double level_step = 0.02; /* thresholds are 0, 0.02, ... 1 above the median, low at most 0.6 */
static const int leasts[LEASTS] = {0, 10, 30};

/* Sums over the cases of the Dice of every choice. */
typedef struct sums {
    double thresholds[ERODES][SMOOTHS][LOWS][LEVELS];
    double shapes[SHIFTS][RADII][RADII][LEASTS]; /* low, open, close, least */
} sums;

/* One case at work. */
typedef struct bench {
    const hl_baseline_case *of;
    size_t voxels;
    uint8_t *region, *candidates, *opened, *closed, *kept;
    float *field;
} bench;

static double level(int k) { return k * level_step; }

/* How many of the levels a value is above. */
static int levels_below(float value) {
    int k = (int)fmin(fmax(floor((double)value / level_step), 0), LEVELS - 1);
    while (k < LEVELS && (double)value > level(k)) k++;
    return k;
}

static void free_bench(bench *b) { free(b->region), free(b->candidates), free(b->opened), free(b->closed), free(b->kept), free(b->field); }

static hl_status make_bench(hl_context *hl, const hl_baseline_case *of, bench *b) {
    *b = (bench){.of = of};
    hl_status status = hl_stack_check(hl, &of->stack);
    if (status) return status;
    b->voxels = hl_stack_voxels(&of->stack);
    uint8_t **const masks[] = {&b->region, &b->candidates, &b->opened, &b->closed, &b->kept};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        *masks[i] = hl_calloc(hl, b->voxels, 1);
        if (!*masks[i]) return HL_NO_MEMORY;
    }
    b->field = hl_calloc(hl, b->voxels, sizeof *b->field);
    return b->field ? HL_OK : HL_NO_MEMORY;
}

/* The Dice of every pair of thresholds: what is above low is a candidate unless it is above high too. */
static void add_thresholds(const bench *b, double to[LOWS][LEVELS]) {
    uint64_t counts[2][LEVELS + 1] = {{0}}, above[2][LEVELS + 2] = {{0}}, lesion = 0;
    for (size_t i = 0; i < b->voxels; i++) {
        bool is = b->of->lesion[i] != 0;
        lesion += is;
        if (b->region[i]) counts[is][levels_below(b->field[i])]++;
    }
    for (int label = 0; label < 2; label++) { /* above[k]: of the values above k levels or more */
        for (int k = LEVELS; k >= 0; k--) above[label][k] = above[label][k + 1] + counts[label][k];
    }
    for (int low = 0; low < LOWS; low++) {
        for (int high = low + 1; high < LEVELS; high++) {
            hl_confusion c = {.true_positive = above[1][low + 1] - above[1][high + 1]};
            c.false_positive = above[0][low + 1] - above[0][high + 1];
            c.false_negative = lesion - c.true_positive;
            to[low][high] += hl_dice(&c);
        }
    }
}

static hl_status try_thresholds(hl_context *hl, const bench *b, sums *s) {
    hl_status status = HL_OK;
    for (int smooth = 0; smooth < SMOOTHS && !status; smooth++) {
        status = hl_baseline_field(hl, b->of, smooth, b->field);
        for (int erode = 0; erode < ERODES && !status; erode++) {
            status = hl_baseline_region(hl, b->of, erode, b->region);
            if (!status) add_thresholds(b, s->thresholds[erode][smooth]);
        }
    }
    return status;
}

static hl_status try_closings(hl_context *hl, const bench *b, double to[RADII][LEASTS]) {
    hl_status status = HL_OK;
    for (int close = 0; close < RADII && !status; close++) {
        status = hl_baseline_close(hl, b->of, close, b->opened, b->closed);
        for (int k = 0; k < LEASTS && !status; k++) {
            status = hl_baseline_drop(hl, b->of, leasts[k], b->closed, b->kept);
            if (!status) to[close][k] += hl_mask_dice(b->voxels, b->of->lesion, b->kept);
        }
    }
    return status;
}

static double shifted_low(const hl_baseline *best, int shift) { return best->low + (shift - SHIFTS / 2) * level_step; }

static hl_status try_shapes(hl_context *hl, const bench *b, const hl_baseline *best, sums *s) {
    hl_status status = hl_baseline_field(hl, b->of, best->smooth, b->field);
    if (!status) status = hl_baseline_region(hl, b->of, best->erode, b->region);
    for (int shift = 0; shift < SHIFTS && !status; shift++) {
        hl_baseline now = *best;
        now.low = shifted_low(best, shift);
        hl_baseline_threshold(&now, b->voxels, b->region, b->field, b->candidates);
        for (int open = 0; open < RADII && !status; open++) {
            status = hl_baseline_open(hl, b->of, open, b->candidates, b->opened);
            if (!status) status = try_closings(hl, b, s->shapes[shift][open]);
        }
    }
    return status;
}

static void choose_thresholds(const sums *s, hl_baseline *best) {
    double most = -1;
    for (int erode = 0; erode < ERODES; erode++) {
        for (int smooth = 0; smooth < SMOOTHS; smooth++) {
            for (int low = 0; low < LOWS; low++) {
                for (int high = low + 1; high < LEVELS; high++) {
                    if (s->thresholds[erode][smooth][low][high] <= most) continue;
                    most = s->thresholds[erode][smooth][low][high];
                    *best = (hl_baseline){.erode = erode, .smooth = smooth, .low = level(low), .high = level(high)};
                }
            }
        }
    }
}

/* Returns the best sum. */
static double choose_shape(const sums *s, hl_baseline *best) {
    const hl_baseline start = *best;
    double most = -1;
    for (int shift = 0; shift < SHIFTS; shift++) {
        for (int open = 0; open < RADII; open++) {
            for (int close = 0; close < RADII; close++) {
                for (int k = 0; k < LEASTS; k++) {
                    if (s->shapes[shift][open][close][k] <= most) continue;
                    most = s->shapes[shift][open][close][k];
                    best->low = shifted_low(&start, shift), best->open = open, best->close = close, best->least = leasts[k];
                }
            }
        }
    }
    return most;
}

/* Goes over the cases once: without `best` over thresholds, with it over shapes. */
static hl_status try_cases(hl_context *hl, const hl_baseline_case *cases, int count, const hl_baseline *best, sums *s) {
    hl_status status = HL_OK;
    for (int i = 0; i < count && !status; i++) {
        bench b;
        status = make_bench(hl, &cases[i], &b);
        if (!status) status = best ? try_shapes(hl, &b, best, s) : try_thresholds(hl, &b, s);
        free_bench(&b);
    }
    return status;
}

static bool any_lesion(const hl_baseline_case *of) {
    for (size_t i = 0; i < hl_stack_voxels(&of->stack); i++) {
        if (of->lesion[i]) return true;
    }
    return false;
}

hl_status hl_baseline_tune(hl_context *hl, const hl_baseline_case *cases, int count, hl_baseline_tuning *tuning) {
    *tuning = (hl_baseline_tuning){0};
    bool lesions = false;
    for (int i = 0; i < count && !lesions; i++) lesions = any_lesion(&cases[i]);
    if (!lesions) return hl_fail(hl, HL_BAD_INPUT, "the baseline has nothing to be tuned on: %d cases, none of them with a lesion", count);
    sums *s = hl_calloc(hl, 1, sizeof *s);
    if (!s) return HL_NO_MEMORY;
    hl_status status = try_cases(hl, cases, count, NULL, s);
    if (!status) {
        choose_thresholds(s, &tuning->best);
        hl_baseline start = tuning->best;
        status = try_cases(hl, cases, count, &start, s);
    }
    if (!status) tuning->dsc = choose_shape(s, &tuning->best) / count;
    for (int i = 0; i < count && !status; i++) {
        double dice;
        status = hl_baseline_dice(hl, NULL, &cases[i], &dice);
        if (!status) tuning->all_lung += dice / count;
    }
    tuning->tried = ERODES * SMOOTHS * (LOWS * (2 * LEVELS - 1 - LOWS) / 2) + SHIFTS * RADII * RADII * LEASTS;
    free(s);
    return status;
}
