/* Folds: which patients train, validate and test in each part of a cross-validation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/random.h"
#include "data/folds.h"

/* A patient who takes part. */
typedef struct patient {
    const char *centre, *name;
    double burden; /* lesion pixels of all pixels of the labelled slices */
    int test;      /* the fold in whose test part the patient is; -1: none */
    int place;     /* among the patients by centre, then name: the order of the file */
} patient;

/* The division being made. */
typedef struct division {
    hl_context *hl;
    const hl_folds_options *options;
    patient *patients; /* by centre, then name */
    patient **order;   /* the order in which they are dealt */
    int count;
    int *group_starts; /* in `order`, groups + 1 */
    int groups;
} division;

/* A fold while a block of patients is dealt. */
typedef struct place {
    int fold, patients;
    uint64_t key;
} place;

/* --- patients ------------------------------------------------------------------------------------------------------- */

/* The labelled patients, in the cohort's own order: by centre, then name. */
static void collect(division *d, const hl_cohort *cohort) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    double lesion = 0, pixels = 0;
    for (int row = 0; row < hl_manifest_count(manifest); row++) {
        const hl_row *r = hl_manifest_row(manifest, row);
        const hl_slice_info *info = hl_cohort_info(cohort, row);
        if (!info->labelled) continue;
        if (d->count == 0 || strcmp(d->patients[d->count - 1].name, r->patient)) {
            d->patients[d->count] = (patient){.centre = r->centre, .name = r->patient, .test = -1, .place = d->count};
            d->count++;
            lesion = pixels = 0;
        }
        lesion += (double)info->lesion_pixels;
        pixels += (double)info->width * info->height;
        d->patients[d->count - 1].burden = lesion / pixels;
    }
}

static int by_name(const void *a, const void *b) {
    const patient *x = *(const patient *const *)a, *y = *(const patient *const *)b;
    return strcmp(x->name, y->name);
}

static int by_burden(const void *a, const void *b) {
    const patient *x = *(const patient *const *)a, *y = *(const patient *const *)b;
    return x->burden != y->burden ? (x->burden > y->burden) - (x->burden < y->burden) : by_name(a, b);
}

/* Puts one group of patients in a random order. */
static hl_status shuffle(division *d, int group, patient **first, int count) {
    enum { SHUFFLES = 1000000 }; /* draws below are for the blocks */
    patient **sorted = hl_calloc(d->hl, (size_t)count, sizeof(patient *));
    int *order = sorted ? hl_calloc(d->hl, (size_t)count, sizeof *order) : NULL;
    if (!order) return free(sorted), HL_NO_MEMORY;
    memcpy(sorted, first, (size_t)count * sizeof(patient *));
    hl_random_order(d->options->seed, HL_RANDOM_FOLDS, (uint64_t)SHUFFLES + (uint64_t)group, count, order);
    for (int i = 0; i < count; i++) first[i] = sorted[order[i]];
    free(sorted);
    free(order);
    return HL_OK;
}

/* Fills d->order: group after group, each by burden or at random. */
static hl_status arrange(division *d) {
    for (int i = 0; i < d->count; i++) {
        d->order[i] = &d->patients[i];
        bool starts = i == 0 || (d->options->by_centre && strcmp(d->patients[i].centre, d->patients[i - 1].centre));
        if (starts) d->group_starts[d->groups++] = i;
    }
    d->group_starts[d->groups] = d->count;
    hl_status status = HL_OK;
    for (int g = 0; g < d->groups && !status; g++) {
        patient **first = d->order + d->group_starts[g];
        int count = d->group_starts[g + 1] - d->group_starts[g];
        qsort(first, (size_t)count, sizeof *first, d->options->by_burden ? by_burden : by_name);
        if (!d->options->by_burden) status = shuffle(d, g, first, count);
    }
    return status;
}

/* --- test parts ------------------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
    const place *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : x->fold - y->fold;
}

static int by_patients(const void *a, const void *b) {
    const place *x = a, *y = b;
    return x->patients != y->patients ? x->patients - y->patients : by_key(a, b);
}

/* Deals a block of at most one patient a fold: a full one in random order, a short one to the emptiest folds, among them
 * in random order too, so that the lightest patient does not always go to the emptiest. */
static void deal_block(const division *d, patient **first, int count, int block, place *places, int *patients) {
    int folds = d->options->folds;
    for (int k = 0; k < folds; k++)
        places[k] = (place){k, patients[k], hl_random_u64(d->options->seed, HL_RANDOM_FOLDS, (uint64_t)block, (uint64_t)k)};
    if (count < folds) qsort(places, (size_t)folds, sizeof *places, by_patients);
    qsort(places, (size_t)count, sizeof *places, by_key);
    for (int j = 0; j < count; j++) {
        first[j]->test = places[j].fold;
        patients[places[j].fold]++;
    }
}

static hl_status deal(division *d) {
    int folds = d->options->folds, block = 0;
    place *places = hl_calloc(d->hl, (size_t)folds, sizeof *places);
    int *patients = places ? hl_calloc(d->hl, (size_t)folds, sizeof *patients) : NULL;
    if (!patients) return free(places), HL_NO_MEMORY;
    for (int g = 0; g < d->groups; g++) {
        for (int i = d->group_starts[g]; i < d->group_starts[g + 1]; i += folds) {
            int left = d->group_starts[g + 1] - i;
            deal_block(d, d->order + i, left < folds ? left : folds, block++, places, patients);
        }
    }
    free(places);
    free(patients);
    return HL_OK;
}

/* --- validation parts --------------------------------------------------------------------------------------------------- */

/* How many of the patients outside the test part validate. */
static hl_status validation_count(const division *d, int fold, int rest, int *count) {
    double share = d->options->validation;
    *count = (int)nearbyint(share * rest);
    if (share > 0 && *count < 1) *count = 1;
    if (share > 0 && *count > rest - 1) *count = rest - 1;
    if (rest >= 1 && (share == 0 || *count >= 1)) return HL_OK;
    return hl_fail(d->hl, HL_BAD_INPUT, "fold %d has %d patient%s to train and validate on, expected at least %d", fold, rest,
                   rest == 1 ? "" : "s", share > 0 ? 2 : 1);
}

/* Gives every patient a role in a fold. Those who validate stand at even distances in the order of dealing. */
static hl_status assign(const division *d, int fold, patient **rest, hl_folds *folds) {
    int count = 0, validation;
    for (int i = 0; i < d->count; i++) {
        bool test = d->order[i]->test == fold;
        hl_folds_set(folds, d->order[i]->place, fold, test ? HL_ROLE_TEST : HL_ROLE_TRAIN);
        if (!test) rest[count++] = d->order[i];
    }
    hl_status status = validation_count(d, fold, count, &validation);
    if (status) return status;
    double u = hl_random_uniform(d->options->seed, HL_RANDOM_VALIDATION, (uint64_t)fold, 0);
    for (int j = 0; j < validation; j++) {
        int at = (int)floor((j + u) * count / validation);
        hl_folds_set(folds, rest[at < count ? at : count - 1]->place, fold, HL_ROLE_VAL);
    }
    return HL_OK;
}

static hl_folds *assign_all(const division *d) {
    hl_folds *folds = hl_folds_new(d->hl, d->options->folds);
    patient **rest = hl_calloc(d->hl, (size_t)d->count, sizeof(patient *));
    hl_status status = folds && rest ? HL_OK : HL_NO_MEMORY;
    int place;
    for (int i = 0; i < d->count && !status; i++) status = hl_folds_add(d->hl, folds, d->patients[i].name, &place);
    for (int fold = 0; fold < d->options->folds && !status; fold++) status = assign(d, fold, rest, folds);
    free(rest);
    if (!status) return folds;
    hl_folds_free(folds);
    return NULL;
}

/* --- all of it -------------------------------------------------------------------------------------------------------- */

static hl_folds *divide(division *d, const hl_cohort *cohort) {
    collect(d, cohort);
    if (d->count < d->options->folds)
        return hl_fail(d->hl, HL_BAD_INPUT, "%s: %d labelled patients cannot be divided into %d folds",
                       hl_manifest_path(hl_cohort_manifest(cohort)), d->count, d->options->folds),
               NULL;
    if (arrange(d)) return NULL;
    if (d->options->folds > 1 && deal(d)) return NULL;
    return assign_all(d);
}

hl_folds *hl_folds_make(hl_context *hl, const hl_cohort *cohort, const hl_folds_options *options) {
    if (options->folds < 1) return hl_fail(hl, HL_USAGE, "%d folds were asked for, expected at least 1", options->folds), NULL;
    if (!(options->validation >= 0 && options->validation < 1))
        return hl_fail(hl, HL_USAGE, "the share of validation patients is %g, expected at least 0 and below 1", options->validation), NULL;
    size_t rows = (size_t)hl_manifest_count(hl_cohort_manifest(cohort));
    division d = {.hl = hl, .options = options};
    d.patients = hl_calloc(hl, rows, sizeof *d.patients);
    d.order = hl_calloc(hl, rows, sizeof(patient *));
    d.group_starts = hl_calloc(hl, rows + 1, sizeof *d.group_starts);
    hl_folds *folds = d.patients && d.order && d.group_starts ? divide(&d, cohort) : NULL;
    free(d.patients);
    free(d.order);
    free(d.group_starts);
    return folds;
}
