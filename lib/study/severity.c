/* How much of the lungs is lesion. */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "data/csv.h"
#include "hilum/scan.h"
#include "report/text.h"

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

/* Whether lungs are told apart: both 1 and 2 occur. */
static bool is_divided(const hl_volume *lungs) {
    bool left = false, right = false;
    size_t voxels = (size_t)lungs->width * (size_t)lungs->height * (size_t)lungs->slices;
    for (size_t i = 0; i < voxels && !(left && right); i++) {
        left = left || lungs->voxels[i] == 1;
        right = right || lungs->voxels[i] == 2;
    }
    return left && right;
}

/* The mask and the lungs may be stored differently: both are read in the axial order. */
static void count_lungs(const hl_volume *mask, const hl_volume *lungs, int64_t lung[3], int64_t inside[3]) {
    for (int z = 0; z < mask->slices; z++) {
        for (int y = 0; y < mask->height; y++) {
            const float *m = mask->voxels + mask->first + y * mask->step[1] + z * mask->step[2];
            const float *l = lungs->voxels + lungs->first + y * lungs->step[1] + z * lungs->step[2];
            for (int x = 0; x < mask->width; x++) {
                float label = l[x * lungs->step[0]];
                if (label == 0) continue;
                int side = label == 1 ? HL_LEFT_LUNG : label == 2 ? HL_RIGHT_LUNG : HL_BOTH_LUNGS;
                bool lesion = m[x * mask->step[0]] != 0;
                lung[side]++, inside[side] += lesion;
            }
        }
    }
    for (int side = 0; side < HL_BOTH_LUNGS; side++) lung[HL_BOTH_LUNGS] += lung[side], inside[HL_BOTH_LUNGS] += inside[side];
}

hl_status hl_scan_severity_measure(hl_context *hl, const hl_volume *mask, const hl_volume *lungs, const char *name, hl_scan_severity *severity) {
    *severity = (hl_scan_severity){.share = {NAN, NAN, NAN}};
    double ml = mask->spacing[0] * mask->spacing[1] * mask->spacing[2] / 1000;
    int64_t lesion = 0, lung[3] = {0}, inside[3] = {0};
    size_t voxels = (size_t)mask->width * (size_t)mask->height * (size_t)mask->slices;
    for (size_t i = 0; i < voxels; i++) lesion += mask->voxels[i] != 0;
    severity->lesion = (double)lesion * ml;
    if (!lungs) return HL_OK;
    hl_status status = check_lungs(hl, name, mask, lungs);
    if (status) return status;
    severity->divided = is_divided(lungs);
    count_lungs(mask, lungs, lung, inside);
    for (int side = severity->divided ? HL_LEFT_LUNG : HL_BOTH_LUNGS; side <= HL_BOTH_LUNGS; side++) {
        severity->lung[side] = (double)lung[side] * ml, severity->inside[side] = (double)inside[side] * ml;
        if (lung[side]) severity->share[side] = (double)inside[side] / (double)lung[side];
    }
    return HL_OK;
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
