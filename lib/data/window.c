/* Windows: which of a volume's values become black and white. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/csv.h"
#include "hilum/volume.h"

static const hl_window standard = {HL_WINDOW_RANGE, -1250, 250}, lung = {HL_WINDOW_RANGE, -1350, 150};
static const double lowest_share = 0.005, highest_share = 0.995;

static bool unset(const hl_window *window) { return window->kind == HL_WINDOW_RANGE && window->low == 0 && window->high == 0; }

/* "LOW,HIGH" */
static bool parse_range(const char *text, hl_window *window) {
    char low[32];
    const char *comma = strchr(text, ',');
    if (!comma || comma - text >= (int)sizeof low) return false;
    snprintf(low, sizeof low, "%.*s", (int)(comma - text), text);
    window->kind = HL_WINDOW_RANGE;
    return hl_csv_number(low, &window->low) && hl_csv_number(comma + 1, &window->high) && window->low < window->high;
}

hl_status hl_window_parse(hl_context *hl, const char *text, hl_window *window) {
    *window = (hl_window){0};
    if (!strcmp(text, "lung")) *window = lung;
    else if (!strcmp(text, "minmax")) window->kind = HL_WINDOW_MINMAX;
    else if (!strcmp(text, "percentile")) window->kind = HL_WINDOW_PERCENTILE;
    else if (!parse_range(text, window))
        return hl_fail(hl, HL_USAGE, "the window is \"%s\", expected LOW,HIGH with LOW below HIGH, lung, minmax or percentile", text);
    return HL_OK;
}

const char *hl_window_text(const hl_window *window, char text[64]) {
    const hl_window *w = unset(window) ? &standard : window;
    if (w->kind == HL_WINDOW_RANGE) snprintf(text, 64, "%.12g,%.12g", w->low, w->high);
    else strcpy(text, w->kind == HL_WINDOW_MINMAX ? "minmax" : "percentile");
    return text;
}

/* --- ranges ---------------------------------------------------------------------------------------------------------- */

static size_t count_of(const hl_volume *volume) { return (size_t)volume->width * (size_t)volume->height * (size_t)volume->slices; }

static void find_extremes(const hl_volume *volume, double *least, double *greatest) {
    float low = volume->voxels[0], high = low;
    for (size_t i = 1; i < count_of(volume); i++) {
        low = fminf(low, volume->voxels[i]);
        high = fmaxf(high, volume->voxels[i]);
    }
    *least = (double)low, *greatest = (double)high;
}

/* Whole numbers in the order of the floats. */
static uint32_t order_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
static float value_of(uint32_t order) {
    uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bin in which the voxel of a rank lies; *rank becomes its rank inside. */
static uint32_t find_bin(const uint64_t *counts, uint64_t *rank) {
    uint32_t bin = 0;
    while (*rank >= counts[bin]) *rank -= counts[bin++];
    return bin;
}

/* The voxel of a rank from 0 in ascending order: by the upper half of its bits, then by the lower. `counts` has room for 65536. */
static double select_rank(const hl_volume *volume, uint64_t rank, uint64_t *counts) {
    memset(counts, 0, 65536 * sizeof *counts);
    for (size_t i = 0; i < count_of(volume); i++) counts[order_of(volume->voxels[i]) >> 16]++;
    uint32_t upper = find_bin(counts, &rank);
    memset(counts, 0, 65536 * sizeof *counts);
    for (size_t i = 0; i < count_of(volume); i++) {
        uint32_t order = order_of(volume->voxels[i]);
        if (order >> 16 == upper) counts[order & 0xffff]++;
    }
    return (double)value_of(upper << 16 | find_bin(counts, &rank));
}

static hl_status find_percentiles(hl_context *hl, const hl_volume *volume, hl_range *range) {
    uint64_t *counts = hl_calloc(hl, 65536, sizeof *counts);
    if (!counts) return HL_NO_MEMORY;
    double last = (double)(count_of(volume) - 1);
    range->low = select_rank(volume, (uint64_t)llrint(lowest_share * last), counts);
    range->high = select_rank(volume, (uint64_t)llrint(highest_share * last), counts);
    free(counts);
    return HL_OK;
}

hl_status hl_window_range(hl_context *hl, const char *name, const hl_volume *volume, const hl_window *window, hl_units units,
                          hl_range *range) {
    const hl_window *w = unset(window) ? &standard : window;
    double least, greatest;
    find_extremes(volume, &least, &greatest);
    bool bytes = least >= 0 && greatest <= 255;
    if (units == HL_UNITS_8BIT && !bytes)
        return hl_fail(hl, HL_BAD_INPUT, "%s: values run from %g to %g, expected 0 to 255 of a volume whose units are 8bit", name, least,
                       greatest);
    *range = (hl_range){.low = w->low, .high = w->high, .units = units, .recognised = units == HL_UNITS_UNKNOWN};
    if (range->recognised) range->units = bytes ? HL_UNITS_8BIT : HL_UNITS_HU;
    if (w->kind == HL_WINDOW_RANGE && range->units == HL_UNITS_8BIT) range->low = 0, range->high = 255;
    if (w->kind == HL_WINDOW_MINMAX) range->low = least, range->high = greatest;
    return w->kind == HL_WINDOW_PERCENTILE ? find_percentiles(hl, volume, range) : HL_OK;
}

void hl_volume_window(const hl_volume *volume, int z, const hl_range *range, uint16_t *pixels) {
    double width = range->high > range->low ? range->high - range->low : 1; /* a volume of one value is black */
    for (int y = 0; y < volume->height; y++) {
        const float *row = volume->voxels + volume->first + y * volume->step[1] + z * volume->step[2];
        for (int x = 0; x < volume->width; x++)
            *pixels++ = (uint16_t)rint(fmin(fmax(((double)row[x * volume->step[0]] - range->low) * 65535 / width, 0), 65535));
    }
}
