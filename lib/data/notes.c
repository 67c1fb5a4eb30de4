/* What a user should be told of a cohort's volumes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/cohort.h"

typedef struct counts {
    int bytes, hounsfield,
        unoriented; /* volumes taken for 8-bit and for HU without being told, and those that do not say which way left is */
} counts;

static counts count_volumes(const hl_cohort *cohort) {
    counts found = {0};
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    const char *last = "";
    for (int row = 0; row < hl_manifest_count(manifest); row++) {
        const char *path = hl_manifest_row(manifest, row)->image;
        const hl_slice_info *info = hl_cohort_info(cohort, row);
        if (info->units == HL_UNITS_UNKNOWN || !strcmp(path, last)) continue;
        last = path;
        found.bytes += info->recognised && info->units == HL_UNITS_8BIT;
        found.hounsfield += info->recognised && info->units == HL_UNITS_HU;
        found.unoriented += info->geometry == HL_GEOMETRY_PIXDIM;
    }
    return found;
}

char *hl_cohort_notes(const hl_cohort *cohort) {
    counts found = count_volumes(cohort);
    if (!found.bytes && !found.unoriented) return NULL;
    char units[160] = "", sides[160] = "";
    if (found.bytes)
        snprintf(units, sizeof units, "%d of %d volumes hold values from 0 to 255 and are taken for 8-bit ones%s.", found.bytes,
                 found.bytes + found.hounsfield, found.hounsfield ? ", the others for Hounsfield units" : "");
    if (found.unoriented)
        snprintf(sides, sizeof sides, "%d volumes have neither sform nor qform: their first axis is taken to run from right to left.",
                 found.unoriented);
    return hl_format(hl_cohort_context(cohort), "%s%s%s", units, *units && *sides ? " " : "", sides);
}
