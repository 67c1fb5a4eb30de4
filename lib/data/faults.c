/* Faults of a data set: their kinds and the list of those found. */
#include "data/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[][2] = {
    {HL_FAULT_ORPHAN, "a mask whose image is not there"},
    {HL_FAULT_MISSING, "a file that the manifest names and that is not there"},
    {HL_FAULT_UNREADABLE, "a file that is broken or holds something else"},
    {HL_FAULT_SHAPE, "a mask that is not as large as its image, or has fewer slices"},
    {HL_FAULT_AFFINE, "a mask that lies elsewhere in space than its image"},
    {HL_FAULT_LABELS, "values in a mask that are no label"},
    {HL_FAULT_EMPTY, "a labelled case of a patient who is not healthy, without one lesion pixel"},
    {HL_FAULT_PLACE, "a lesion mask that lies outside of the lungs or belongs to another image"},
    {HL_FAULT_PATIENT, "a patient of two centres"},
    {HL_FAULT_SAME, "the same slices in two cases, pixel by pixel"},
    {HL_FAULT_ALIKE, "nearly the same slices in two patients"},
    {HL_FAULT_TURNED, "a case or a centre that lies flipped or turned against the others"},
    {HL_FAULT_UNITS, "Hounsfield units in some cases and 8-bit values in others"},
    {HL_FAULT_SIDES, "lung labels with left and right exchanged"},
};

bool hl_fault_kind(int index, const char **kind, const char **meaning) {
    if (index < 0 || index >= (int)(sizeof kinds / sizeof *kinds)) return false;
    *kind = kinds[index][0], *meaning = kinds[index][1];
    return true;
}

hl_status hl_faults_add(hl_context *hl, hl_faults *faults, const char *kind, const char *format, ...) {
    hl_fault *wider = hl_grow(hl, faults->items, &faults->capacity, (size_t)faults->count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    faults->items = wider;
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    wider[faults->count] = (hl_fault){.kind = kind, .text = hl_strdup(hl, text)};
    if (!wider[faults->count].text) return HL_NO_MEMORY;
    faults->count++;
    return HL_OK;
}

hl_status hl_faults_file(hl_context *hl, hl_faults *faults, const char *path) {
    hl_fault *fault = &faults->items[faults->count - 1];
    if (fault->file_count && !strcmp(fault->files[fault->file_count - 1], path)) return HL_OK;
    size_t room = (size_t)fault->file_count; /* powers of two are full */
    char **wider = fault->files;
    if ((room & (room - 1)) == 0) wider = realloc(fault->files, (room ? room * 2 : 1) * sizeof *wider);
    if (wider) fault->files = wider;
    char *copy = wider ? hl_strdup(hl, path) : NULL;
    if (!copy) return hl_fail(hl, HL_NO_MEMORY, "no memory for a list of %zu files", room + 1);
    wider[fault->file_count++] = copy;
    return HL_OK;
}

hl_status hl_faults_move(hl_context *hl, hl_faults *from, hl_faults *to) {
    hl_fault *wider = hl_grow(hl, to->items, &to->capacity, (size_t)(to->count + from->count), sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    to->items = wider;
    if (from->count) memcpy(wider + to->count, from->items, (size_t)from->count * sizeof *wider);
    to->count += from->count;
    free(from->items);
    *from = (hl_faults){0};
    return HL_OK;
}

void hl_faults_free(hl_faults *faults) {
    for (int i = 0; i < faults->count; i++) {
        for (int f = 0; f < faults->items[i].file_count; f++) free(faults->items[i].files[f]);
        free(faults->items[i].files);
        free(faults->items[i].text);
    }
    free(faults->items);
    *faults = (hl_faults){0};
}
