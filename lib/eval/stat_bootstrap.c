/* Percentile bootstrap over patients within their centres. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/random.h"
#include "eval/statistics.h"
#include "hilum/statistics.h"

enum { draws_a_piece = 16 };

typedef struct bootstrap {
    const hl_patients *groups;
    int draws;
    uint64_t seed;
    hl_statistic *statistic;
    const void *data;
    int *scratch;   /* for each worker: how often each patient was drawn, then the same by row */
    double *values; /* of each draw */
} bootstrap;

/* times[patient] = how often the draw takes it. */
static void draw_patients(const bootstrap *b, int draw, int *times) {
    const hl_patients *groups = b->groups;
    for (int p = 0; p < groups->count; p++) times[p] = 0;
    for (int c = 0; c < groups->centres; c++) {
        int first = groups->centre_first[c], held = groups->centre_first[c + 1] - first;
        for (int i = 0; i < held; i++) {
            uint64_t high = hl_random_u64(b->seed, HL_RANDOM_BOOTSTRAP, (uint64_t)draw, (uint64_t)(first + i)) >> 32;
            times[first + (int)((high * (uint64_t)held) >> 32)]++;
        }
    }
}

static void run_piece(void *arg, int64_t piece, int worker) {
    const bootstrap *b = arg;
    const hl_patients *groups = b->groups;
    int *times = b->scratch + (size_t)worker * ((size_t)groups->count + (size_t)groups->rows), *row_times = times + groups->count;
    int first = (int)piece * draws_a_piece, last = first + draws_a_piece < b->draws ? first + draws_a_piece : b->draws;
    for (int draw = first; draw < last; draw++) {
        draw_patients(b, draw, times);
        for (int i = 0; i < groups->rows; i++) row_times[i] = times[groups->of_row[i]];
        b->values[draw] = b->statistic(b->data, row_times, groups->rows);
    }
}

/* Sorts the draws' values and takes the percentiles of those that are one. */
static void summarise(bootstrap *b, hl_interval *interval) {
    int kept = 0;
    for (int i = 0; i < b->draws; i++) {
        if (!isnan(b->values[i])) b->values[kept++] = b->values[i];
    }
    hl_sort_doubles(b->values, kept);
    interval->low = hl_sorted_quantile(b->values, kept, 0.025);
    interval->high = hl_sorted_quantile(b->values, kept, 0.975);
    interval->draws = b->draws;
    interval->undefined = b->draws - kept;
}

hl_status hl_bootstrap(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, hl_statistic *statistic, const void *data,
                       hl_interval *interval) {
    *interval = (hl_interval){.value = NAN, .low = NAN, .high = NAN};
    if (draws < 1) return hl_fail(hl, HL_USAGE, "a bootstrap of %d draws: expected at least 1", draws);
    if (groups->count < 1) return hl_fail(hl, HL_BAD_INPUT, "a bootstrap draws patients: found none");
    bootstrap b = {groups, draws, seed, statistic, data, NULL, NULL};
    b.scratch = hl_calloc(hl, (size_t)hl_threads(hl) * ((size_t)groups->count + (size_t)groups->rows), sizeof *b.scratch);
    b.values = hl_calloc(hl, (size_t)draws, sizeof *b.values);
    hl_status status = b.scratch && b.values ? HL_OK : HL_NO_MEMORY;
    if (!status) {
        for (int i = 0; i < groups->rows; i++) b.scratch[i] = 1;
        interval->value = statistic(data, b.scratch, groups->rows);
        hl_parallel_for(hl, (draws + draws_a_piece - 1) / draws_a_piece, run_piece, &b);
        summarise(&b, interval);
    }
    free(b.scratch), free(b.values);
    return status;
}

/* --- statistics --------------------------------------------------------------------------------------------------------- */

typedef struct series {
    const double *a, *b; /* b may be NULL */
} series;

static double mean_of(const void *data, const int *times, int rows) {
    const series *s = data;
    double sum = 0;
    int64_t held = 0;
    for (int i = 0; i < rows; i++) {
        double value = s->b ? s->a[i] - s->b[i] : s->a[i];
        if (times[i] && !isnan(value)) sum += times[i] * value, held += times[i];
    }
    return held ? sum / (double)held : NAN;
}

hl_status hl_bootstrap_mean(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, const double *values,
                            hl_interval *interval) {
    return hl_bootstrap(hl, groups, draws, seed, mean_of, &(const series){values, NULL}, interval);
}

hl_status hl_bootstrap_difference(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, const double *a, const double *b,
                                  hl_interval *interval) {
    return hl_bootstrap(hl, groups, draws, seed, mean_of, &(const series){a, b}, interval);
}
