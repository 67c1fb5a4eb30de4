/* The audit's look at whole centres: patients of two of them, units, and the fingerprint. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/audit.h"

/* --- patients of two centres ------------------------------------------------------------------------------------------- */

typedef struct belonging {
    const char *patient;
    int which, centre;
} belonging;

static int by_patient(const void *a, const void *b) {
    const belonging *x = a, *y = b;
    int order = strcmp(x->patient, y->patient);
    return order ? order : x->which - y->which;
}

static hl_status find_patients(hl_auditing *a) {
    int count = a->audit->case_count;
    belonging *all = hl_calloc(a->hl, (size_t)count, sizeof *all);
    if (!all) return HL_NO_MEMORY;
    for (int i = 0; i < count; i++) all[i] = (belonging){hl_audit_of(a, i)->patient, i, a->cases[i].centre};
    qsort(all, (size_t)count, sizeof *all, by_patient);
    hl_status status = HL_OK;
    for (int i = 1; i < count && !status; i++) {
        const belonging *x = &all[i - 1], *y = &all[i];
        if (strcmp(x->patient, y->patient) || x->centre == y->centre) continue;
        a->audit->cases[x->which].faulty = true;
        status = hl_audit_fault(a, y->which, HL_FAULT_PATIENT, "patient %s is of centre %s with case %s and of centre %s with case %s",
                                x->patient, hl_audit_of(a, x->which)->centre, hl_audit_of(a, x->which)->case_name,
                                hl_audit_of(a, y->which)->centre, hl_audit_of(a, y->which)->case_name);
        if (!status) status = hl_audit_name_images(a, x->which);
        if (!status) status = hl_audit_name_images(a, y->which);
    }
    free(all);
    return status;
}

/* --- units ----------------------------------------------------------------------------------------------------------------- */

/* Recognised as everywhere: values all within 0 to 255 are 8-bit. Of pictures the type is the scale. */
static hl_units units_of(const hl_case_facts *c) {
    if (!c->read || !c->volumes) return HL_UNITS_UNKNOWN;
    return c->least >= 0 && c->most <= 255 ? HL_UNITS_8BIT : HL_UNITS_HU;
}

/* What the manifest says of a case's units against what its values are. */
static hl_status check_units(hl_auditing *a, int which) {
    const hl_case_facts *c = &a->cases[which];
    hl_units found = units_of(c), given = hl_audit_of(a, which)->units;
    if (!found || !given || found == given) return HL_OK;
    hl_status status =
        hl_audit_fault(a, which, HL_FAULT_UNITS, "case %s: the manifest's units are %s, the values reach from %g to %g",
                       hl_audit_of(a, which)->case_name, given == HL_UNITS_HU ? "HU" : "8bit", (double)c->least, (double)c->most);
    return status ? status : hl_faults_file(a->hl, &a->audit->faults, hl_audit_of(a, which)->image);
}

static hl_status find_units(hl_auditing *a) {
    enum { KINDS = HL_UNITS_8BIT + 1 };
    int counts[KINDS] = {0}, first[KINDS] = {0};
    hl_status status = HL_OK;
    for (int i = 0; i < a->audit->case_count && !status; i++) {
        hl_units units = units_of(&a->cases[i]);
        if (!counts[units]++) first[units] = i;
        status = check_units(a, i);
    }
    if (status || !counts[HL_UNITS_HU] || !counts[HL_UNITS_8BIT]) return status;
    const char *grey = hl_audit_of(a, first[HL_UNITS_8BIT])->case_name, *hounsfield = hl_audit_of(a, first[HL_UNITS_HU])->case_name;
    status = hl_audit_fault(a, first[HL_UNITS_8BIT], HL_FAULT_UNITS,
                            "%d cases hold values from 0 to 255 (first: %s), %d hold Hounsfield units (first: %s)", counts[HL_UNITS_8BIT],
                            grey, counts[HL_UNITS_HU], hounsfield);
    for (int i = 0; i < a->audit->case_count && !status; i++) {
        if (units_of(&a->cases[i]) != HL_UNITS_8BIT) continue;
        a->audit->cases[i].faulty = true;
        status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_of(a, i)->image);
    }
    return status;
}

hl_status hl_audit_patients(hl_auditing *a) {
    hl_status status = find_patients(a);
    return status ? status : find_units(a);
}

/* --- the fingerprint --------------------------------------------------------------------------------------------------------- */

/* Sums behind a fingerprint's shares. */
typedef struct sums {
    double lesion_in_lungs, lungs, lesion, pixels;
} sums;

static void add_slice(hl_fingerprint *f, sums *s, const hl_slice_facts *slice) {
    f->slices++;
    if (slice->has_mask)
        f->labelled++, f->lesion_slices += slice->lesion > 0, s->lesion += (double)slice->lesion,
            s->pixels += (double)slice->width * slice->height;
    if (slice->has_mask && slice->has_lung) s->lesion_in_lungs += (double)slice->lesion, s->lungs += (double)slice->lung;
    if (!slice->read) return;
    f->least = fmin(f->least, (double)slice->least), f->most = fmax(f->most, (double)slice->most); /* fmin passes over NaN */
    const int size[] = {slice->width, slice->height};
    int *const ranges[] = {f->width, f->height};
    for (int i = 0; i < 2; i++) {
        if (!ranges[i][0] || size[i] < ranges[i][0]) ranges[i][0] = size[i];
        if (size[i] > ranges[i][1]) ranges[i][1] = size[i];
    }
    for (int axis = 0; axis < 3; axis++) {
        if (slice->spacing[axis] <= 0) continue;
        f->spacing_least[axis] = fmin(f->spacing_least[axis], slice->spacing[axis]);
        f->spacing_most[axis] = fmax(f->spacing_most[axis], slice->spacing[axis]);
    }
}

/* The value that `share` of all are at or below. */
static double percentile(const hl_auditing *a, int first, int end, double share) {
    int64_t total = 0, sum = 0;
    for (int c = first; c < end; c++)
        for (int b = 0; b < HL_AUDIT_BINS; b++) total += a->bins[(size_t)c * HL_AUDIT_BINS + (size_t)b];
    for (int b = 0; b < HL_AUDIT_BINS && total; b++) {
        for (int c = first; c < end; c++) sum += a->bins[(size_t)c * HL_AUDIT_BINS + (size_t)b];
        if ((double)sum >= share * (double)total) return b + HL_AUDIT_LOWEST;
    }
    return NAN;
}

/* Of centres first .. end - 1. Cases of a patient stand together within a centre. */
static void take_fingerprint(const hl_auditing *a, int first, int end, hl_fingerprint *f) {
    *f = (hl_fingerprint){.name = f->name, .least = NAN, .most = NAN};
    for (int axis = 0; axis < 3; axis++) f->spacing_least[axis] = f->spacing_most[axis] = NAN;
    sums s = {0};
    const hl_row *before = NULL;
    for (int i = 0; i < a->audit->case_count; i++) {
        const hl_case_facts *c = &a->cases[i];
        if (c->centre < first || c->centre >= end) continue;
        const hl_row *of = hl_audit_of(a, i);
        f->cases++, f->patients += !before || strcmp(before->patient, of->patient) != 0;
        before = of;
        for (int row = c->first; row < c->end; row++) add_slice(f, &s, &a->slices[row]);
    }
    f->burden = s.lungs > 0 ? s.lesion_in_lungs / s.lungs : NAN;
    f->lesion_share = s.pixels > 0 ? s.lesion / s.pixels : NAN;
    bool coarse = !(f->most - f->least >= 10); /* values that steps of 1 do not tell apart */
    f->low = coarse ? NAN : percentile(a, first, end, 0.01);
    f->median = coarse ? NAN : percentile(a, first, end, 0.5);
    f->high = coarse ? NAN : percentile(a, first, end, 0.99);
}

/* The middle of the larger sides, to a multiple of 32 from 64 to 256: beyond, time grows faster than Dice. A batch of 8, or less where that
 * would leave fewer than eight steps an epoch. */
static hl_status suggest(hl_auditing *a) {
    int64_t *counts = hl_calloc(a->hl, 257, sizeof *counts), all = 0, sum = 0;
    if (!counts) return HL_NO_MEMORY;
    for (int row = 0; row < a->rows; row++) {
        const hl_slice_facts *f = &a->slices[row];
        int side = f->width > f->height ? f->width : f->height;
        if (f->read) counts[side < 256 ? side : 256]++, all++;
    }
    int middle = 0;
    while (middle < 256 && 2 * (sum += counts[middle]) < all) middle++;
    free(counts);
    hl_audit *audit = a->audit;
    audit->size = (middle + 31) / 32 * 32;
    if (audit->size < 64) audit->size = 64;
    for (audit->batch = 8; audit->batch > 1 && audit->all.lesion_slices < 8 * audit->batch;) audit->batch /= 2;
    return HL_OK;
}

hl_status hl_audit_fingerprints(hl_auditing *a) {
    hl_audit *audit = a->audit;
    for (int c = 0; c < audit->centre_count; c++) take_fingerprint(a, c, c + 1, &audit->centres[c]);
    take_fingerprint(a, 0, audit->centre_count, &audit->all);
    return suggest(a);
}
