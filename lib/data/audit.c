/* The audit of a manifest: every file read once, then what slices, cases and centres have to do with one another. */
#include "data/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- faults of cases ------------------------------------------------------------------------------------------------ */

hl_status hl_audit_fault(hl_auditing *a, int which, const char *kind, const char *format, ...) {
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    a->audit->cases[which].faulty = true;
    return hl_faults_add(a->hl, &a->audit->faults, kind, "%s", text);
}

/* Faults of a case stand together while it is read, so the last ones are looked at. */
hl_status hl_audit_file_fault(hl_auditing *a, int which, const char *kind, const char *path, const char *format, ...) {
    hl_faults *faults = &a->audit->faults;
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const char *name = hl_audit_of(a, which)->case_name;
    for (int i = faults->count - 1; i >= a->cases[which].first_fault; i--) {
        if (strcmp(faults->items[i].kind, kind)) continue;
        hl_fault swap = faults->items[i]; /* to the end, where files are added */
        faults->items[i] = faults->items[faults->count - 1];
        faults->items[faults->count - 1] = swap;
        return hl_faults_file(a->hl, faults, path);
    }
    hl_status status = hl_audit_fault(a, which, kind, "case %s: %s", name, text);
    return status ? status : hl_faults_file(a->hl, faults, path);
}

hl_status hl_audit_name_images(hl_auditing *a, int which) {
    hl_status status = HL_OK;
    for (int row = a->cases[which].first; row < a->cases[which].end && !status; row++)
        status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_row(a, row)->image);
    return status;
}

/* --- cases and centres ------------------------------------------------------------------------------------------------ */

static bool starts_case(const hl_auditing *a, int row) {
    if (row == 0) return true;
    const hl_row *x = hl_audit_row(a, row - 1), *y = hl_audit_row(a, row);
    return strcmp(x->centre, y->centre) || strcmp(x->patient, y->patient) || strcmp(x->case_name, y->case_name);
}

static bool starts_centre(const hl_auditing *a, int row) {
    return row == 0 || strcmp(hl_audit_row(a, row - 1)->centre, hl_audit_row(a, row)->centre) != 0;
}

/* Rows are sorted by centre, patient, case, slice. */
static hl_status divide(hl_auditing *a) {
    hl_audit *audit = a->audit;
    for (int row = 0; row < a->rows; row++) audit->case_count += starts_case(a, row), audit->centre_count += starts_centre(a, row);
    a->slices = hl_calloc(a->hl, (size_t)a->rows, sizeof *a->slices);
    a->cases = hl_calloc(a->hl, (size_t)audit->case_count, sizeof *a->cases);
    a->bins = hl_calloc(a->hl, (size_t)audit->centre_count * HL_AUDIT_BINS, sizeof *a->bins);
    audit->cases = hl_calloc(a->hl, (size_t)audit->case_count, sizeof *audit->cases);
    audit->centres = hl_calloc(a->hl, (size_t)audit->centre_count, sizeof *audit->centres);
    if (!a->slices || !a->cases || !a->bins || !audit->cases || !audit->centres) return HL_NO_MEMORY;
    int which = -1, centre = -1;
    for (int row = 0; row < a->rows; row++) {
        if (starts_centre(a, row)) audit->centres[++centre].name = hl_audit_row(a, row)->centre;
        if (starts_case(a, row)) {
            a->cases[++which] = (hl_case_facts){.first = row, .centre = centre};
            audit->cases[which].row = hl_audit_row(a, row);
        }
        a->cases[which].end = row + 1;
    }
    return HL_OK;
}

static hl_status read_cases(hl_auditing *a) {
    hl_audit_reader reader = {.hl = a->hl};
    hl_status status = HL_OK;
    for (int which = 0; which < a->audit->case_count && !status; which++) {
        if (a->options->stop && *a->options->stop)
            status = hl_fail(a->hl, HL_INTERRUPTED, "interrupted after %d of %d cases", which, a->audit->case_count);
        a->cases[which].first_fault = a->audit->faults.count;
        if (!status) status = hl_audit_read_case(a, &reader, which);
        if (!status && a->options->report) a->options->report(a->options->user, (which + 1.0) / a->audit->case_count);
    }
    hl_audit_reader_close(&reader);
    return status;
}

hl_status hl_audit_run(hl_context *hl, const hl_manifest *manifest, const hl_audit_options *options, hl_audit *audit) {
    *audit = (hl_audit){0};
    hl_auditing a = {.hl = hl,
                     .manifest = manifest,
                     .options = options ? options : &(hl_audit_options){0},
                     .rows = hl_manifest_count(manifest),
                     .audit = audit};
    hl_status status = divide(&a);
    if (!status) status = read_cases(&a);
    static hl_status (*const steps[])(hl_auditing *) = {hl_audit_masks, hl_audit_turned,   hl_audit_sides,
                                                        hl_audit_same,  hl_audit_patients, hl_audit_fingerprints};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++) status = steps[i](&a);
    free(a.slices), free(a.cases), free(a.bins);
    if (status) hl_audit_free(audit);
    return status;
}

void hl_audit_free(hl_audit *audit) {
    for (int i = 0; audit->cases && i < audit->case_count; i++) free(audit->cases[i].image), free(audit->cases[i].mask);
    free(audit->cases);
    free(audit->centres);
    hl_faults_free(&audit->faults);
    *audit = (hl_audit){0};
}
