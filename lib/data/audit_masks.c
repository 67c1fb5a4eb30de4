/* The audit's look at masks: empty ones, ones out of place, the same one on two images, lungs with left and right exchanged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/audit.h"

/* Masks of which more lies outside of the lungs are out of place. On 1,245 real slices 3 % is the most. */
static const double outside_most = 0.2;

static hl_status find_empty(hl_auditing *a, int which) {
    const hl_case_facts *c = &a->cases[which];
    int labelled = 0;
    int64_t lesion = 0;
    for (int row = c->first; row < c->end; row++) labelled += a->slices[row].has_mask, lesion += a->slices[row].lesion;
    const hl_row *of = hl_audit_of(a, which);
    if (!labelled || lesion || of->healthy) return HL_OK;
    hl_status status =
        hl_audit_fault(a, which, HL_FAULT_EMPTY, "case %s: the lesion masks of all its %d slices are empty, and its group is not healthy",
                       of->case_name, labelled);
    for (int row = c->first; row < c->end && !status; row++)
        if (a->slices[row].has_mask) status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_row(a, row)->mask);
    return status;
}

static bool is_out_of_place(const hl_slice_facts *f) {
    return f->has_mask && f->has_lung && f->lesion >= HL_AUDIT_SPECK && (double)f->outside > outside_most * (double)f->lesion;
}

static hl_status find_out_of_place(hl_auditing *a, int which) {
    const hl_case_facts *c = &a->cases[which];
    int slices = 0;
    int64_t outside = 0, lesion = 0;
    for (int row = c->first; row < c->end; row++) {
        if (!is_out_of_place(&a->slices[row])) continue;
        slices++, outside += a->slices[row].outside, lesion += a->slices[row].lesion;
    }
    if (!slices) return HL_OK;
    hl_status status =
        hl_audit_fault(a, which, HL_FAULT_PLACE,
                       "case %s: %.0f %% of the lesion lies outside of the lungs on %d of its %d slices: is the mask another image's?",
                       hl_audit_of(a, which)->case_name, 100 * (double)outside / (double)lesion, slices, c->end - c->first);
    for (int row = c->first; row < c->end && !status; row++)
        if (is_out_of_place(&a->slices[row])) status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_row(a, row)->mask);
    return status;
}

/* --- the same mask on two images ------------------------------------------------------------------------------------ */

static hl_status find_same_masks(hl_auditing *a) {
    hl_hashed *all;
    int count;
    hl_status status = hl_audit_hashes(a, true, &all, &count);
    for (int i = 1; i < count && !status; i++) {
        const hl_hashed *x = &all[i - 1], *y = &all[i];
        bool same = XXH128_isEqual(x->hash, y->hash) && x->which != y->which;
        if (!same || XXH128_isEqual(a->slices[x->row].image, a->slices[y->row].image)) continue; /* the same slices: audit_same.c tells */
        const hl_row *one = hl_audit_row(a, x->row), *other = hl_audit_row(a, y->row);
        a->audit->cases[x->which].faulty = true;
        status = hl_audit_fault(a, y->which, HL_FAULT_PLACE, "cases %s and %s: the same lesion mask lies on two images, %s and %s",
                                one->case_name, other->case_name, one->image, other->image);
        if (!status) status = hl_faults_file(a->hl, &a->audit->faults, one->mask);
        if (!status) status = hl_faults_file(a->hl, &a->audit->faults, other->mask);
    }
    free(all);
    return status;
}

hl_status hl_audit_masks(hl_auditing *a) {
    hl_status status = HL_OK;
    for (int which = 0; which < a->audit->case_count && !status; which++) {
        status = find_empty(a, which);
        if (!status) status = find_out_of_place(a, which);
    }
    return status ? status : find_same_masks(a);
}

/* --- lungs ---------------------------------------------------------------------------------------------------------------- */

/* The left lung is at the right of the picture; of lungs that lie above one another nothing is said. */
static bool is_exchanged(const hl_slice_facts *f) {
    if (f->sided[0] < HL_AUDIT_SPECK || f->sided[1] < HL_AUDIT_SPECK) return false;
    double across = f->middle[0][0] - f->middle[1][0], along = f->middle[0][1] - f->middle[1][1];
    return across < 0 && fabs(across) > fabs(along);
}

/* A case that lies mirrored has its lungs where they should be. */
hl_status hl_audit_sides(hl_auditing *a) {
    hl_status status = HL_OK;
    for (int which = 0; which < a->audit->case_count && !status; which++) {
        const hl_case_facts *c = &a->cases[which];
        int exchanged = 0;
        for (int row = c->first; row < c->end; row++) exchanged += is_exchanged(&a->slices[row]);
        if (!exchanged || c->mirrored) continue;
        status = hl_audit_fault(a, which, HL_FAULT_SIDES,
                                "case %s: on %d of its %d slices the lung labelled 1 (left) lies at the left of the picture, which is the "
                                "patient's right: labels exchanged, or the case mirrored",
                                hl_audit_of(a, which)->case_name, exchanged, c->end - c->first);
        for (int row = c->first; row < c->end && !status; row++)
            if (is_exchanged(&a->slices[row])) status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_row(a, row)->lung);
    }
    return status;
}
