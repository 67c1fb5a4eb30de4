/* Rows of figures grouped by patient and centre. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/statistics.h"

typedef struct entry {
    const char *centre, *patient;
    int row;
} entry;

static int by_patient(const void *left, const void *right) {
    const entry *a = left, *b = right;
    int order = strcmp(a->patient, b->patient);
    return order ? order : strcmp(a->centre, b->centre);
}

static int by_centre(const void *left, const void *right) {
    const entry *a = left, *b = right;
    int order = strcmp(a->centre, b->centre);
    return order ? order : strcmp(a->patient, b->patient);
}

static hl_status check_one_centre(hl_context *hl, entry *entries, int rows) {
    qsort(entries, (size_t)rows, sizeof *entries, by_patient);
    for (int i = 1; i < rows; i++) {
        const entry *a = &entries[i - 1], *b = &entries[i];
        if (strcmp(a->patient, b->patient) || !strcmp(a->centre, b->centre)) continue;
        return hl_fail(hl, HL_BAD_INPUT, "the patient %s is of centre %s and of centre %s, expected one", a->patient, a->centre, b->centre);
    }
    return HL_OK;
}

/* Numbers the patients and notes where each centre starts. entries: by centre, then patient. */
static void number_patients(const entry *entries, hl_patients *groups) {
    for (int i = 0; i < groups->rows; i++) {
        const entry *a = &entries[i], *before = i ? a - 1 : NULL;
        bool new_centre = !before || strcmp(before->centre, a->centre);
        if (new_centre) groups->centre_first[groups->centres++] = groups->count;
        if (new_centre || strcmp(before->patient, a->patient)) groups->count++;
        groups->of_row[a->row] = groups->count - 1;
    }
    groups->centre_first[groups->centres] = groups->count;
}

hl_status hl_patients_group(hl_context *hl, const char *const *centres, const char *const *patients, int rows, hl_patients *groups) {
    *groups = (hl_patients){.rows = rows > 0 ? rows : 0};
    size_t room = (size_t)groups->rows + 1;
    entry *entries = hl_calloc(hl, room, sizeof *entries);
    groups->of_row = hl_calloc(hl, room, sizeof *groups->of_row);
    groups->centre_first = hl_calloc(hl, room, sizeof *groups->centre_first);
    hl_status status = entries && groups->of_row && groups->centre_first ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; !status && i < rows; i++) entries[i] = (entry){centres[i], patients[i], i};
    if (!status) status = check_one_centre(hl, entries, groups->rows);
    if (!status) {
        qsort(entries, (size_t)groups->rows, sizeof *entries, by_centre);
        number_patients(entries, groups);
    }
    free(entries);
    return status;
}

void hl_patients_free(hl_patients *groups) {
    free(groups->of_row), free(groups->centre_first);
    *groups = (hl_patients){0};
}

void hl_patients_means(const hl_patients *groups, const double *values, double *means) {
    for (int patient = 0; patient < groups->count; patient++) means[patient] = NAN;
    for (int i = 0; i < groups->rows; i++) { /* the sum, then divided by how many there were */
        double *sum = &means[groups->of_row[i]];
        if (!isnan(values[i])) *sum = isnan(*sum) ? values[i] : *sum + values[i];
    }
    for (int patient = 0; patient < groups->count; patient++) {
        int held = 0;
        for (int i = 0; i < groups->rows; i++) held += groups->of_row[i] == patient && !isnan(values[i]);
        if (held) means[patient] /= held;
    }
}
