/* How much of the lungs is lesion. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/file.h"
#include "data/csv.h"
#include "hilum/scan.h"
#include "report/text.h"
#include "study/clean.h"

static hl_status check_lungs(hl_context *hl, const char *name, const hl_volume *mask, const hl_volume *lungs) {
    if (!hl_volume_same_size(mask, lungs))
        return hl_fail(hl, HL_BAD_INPUT, "%s: the lungs are %dx%d of %d slices, their scan is %dx%d of %d", name, lungs->width,
                       lungs->height, lungs->slices, mask->width, mask->height, mask->slices);
    size_t voxels = (size_t)lungs->width * (size_t)lungs->height * (size_t)lungs->slices;
    for (size_t i = 0; i < voxels; i++) {
        float value = lungs->voxels[i];
        if (value != 0 && value != 1 && value != 2 && value != 255)
            return hl_fail(hl, HL_BAD_INPUT, "%s: the lungs hold the value %g, expected 0, 1, 2 or 255", name, (double)value);
    }
    return HL_OK;
}

/* What the measured burdens of left, right and both lungs become. Lungs are told apart where both occur, and none that is neither. */
static void take_burdens(const hl_severity *measured, hl_scan_severity *severity) {
    const hl_burden *of[] = {&measured->left, &measured->right, &measured->both};
    severity->divided = measured->left.lung > 0 && measured->right.lung > 0;
    for (int side = severity->divided ? HL_LEFT_LUNG : HL_BOTH_LUNGS; side <= HL_BOTH_LUNGS; side++)
        severity->lung[side] = of[side]->lung, severity->inside[side] = of[side]->lesion, severity->share[side] = of[side]->share;
}

/* The mask and the lungs may be stored differently: both are brought to the axial order. */
hl_status hl_scan_severity_measure(hl_context *hl, const hl_volume *mask, const hl_volume *lungs, const char *name,
                                   hl_scan_severity *severity) {
    *severity = (hl_scan_severity){.share = {NAN, NAN, NAN}};
    hl_status status = lungs ? check_lungs(hl, name, mask, lungs) : HL_OK;
    if (status) return status;
    hl_stack stack = hl_volume_stack(mask);
    hl_severity measured;
    uint8_t *lesion = hl_volume_bytes(hl, mask), *lung = lungs ? hl_volume_bytes(hl, lungs) : hl_calloc(hl, hl_stack_voxels(&stack), 1);
    status = lesion && lung ? hl_severity_measure(hl, &stack, lesion, lung, &measured) : HL_NO_MEMORY;
    if (!status) severity->lesion = measured.lesion;
    if (!status && lungs) take_burdens(&measured, severity);
    free(lesion), free(lung);
    return status;
}

/* --- the table ------------------------------------------------------------------------------------------------------- */

static void put_number(hl_text *text, double value, int decimals) {
    if (isfinite(value)) hl_text_number(text, value, decimals);
    hl_text_put(text, ",");
}

/* What lies between a row's first cell and its last. */
static hl_status put_numbers(hl_context *hl, FILE *stream, const hl_scan_severity *s) {
    hl_text text = {.hl = hl};
    bool lungs = s->lung[HL_BOTH_LUNGS] > 0;
    hl_text_put(&text, ",");
    put_number(&text, s->share[HL_BOTH_LUNGS], 5), put_number(&text, s->share[HL_LEFT_LUNG], 5),
        put_number(&text, s->share[HL_RIGHT_LUNG], 5);
    put_number(&text, s->lesion, 3);
    put_number(&text, lungs ? s->lung[HL_BOTH_LUNGS] : NAN, 3);
    for (int side = HL_LEFT_LUNG; side < HL_BOTH_LUNGS; side++) put_number(&text, s->divided ? s->lung[side] : NAN, 3);
    put_number(&text, lungs ? s->inside[HL_BOTH_LUNGS] : NAN, 3);
    if (!text.failed) fputs(text.data, stream);
    free(text.data);
    return text.failed ? HL_NO_MEMORY : HL_OK;
}

hl_status hl_scan_severity_write(hl_context *hl, const char *path, const hl_scan_severity_row *rows, int count) {
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    if (status) return status;
    fputs("scan,severity,severity_left,severity_right,lesion_ml,lung_ml,left_lung_ml,right_lung_ml,lesion_in_lung_ml,reason\n",
          file.stream);
    for (int i = 0; i < count && !status; i++) {
        hl_csv_put(file.stream, rows[i].scan);
        status = put_numbers(hl, file.stream, &rows[i].severity);
        hl_csv_put(file.stream, rows[i].reason);
        fputs("\n", file.stream);
    }
    if (!status) return hl_file_commit(hl, &file);
    hl_file_discard(&file);
    return status;
}
