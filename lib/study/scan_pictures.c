/* Pictures of a predicted scan: a slice with its outline, a sheet of slices. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/report.h"
#include "hilum/scan.h"

enum { SHEET_SLICES = 24, SHEET_COLUMNS = 6, TILE = 192 };

int hl_scan_next(const hl_scan *scan, int z) {
    const hl_volume *mask = &scan->mask;
    for (; z < mask->slices; z++) {
        for (int y = 0; y < mask->height; y++) {
            const float *row = mask->voxels + mask->first + y * mask->step[1] + z * mask->step[2];
            for (int x = 0; x < mask->width; x++)
                if (row[x * mask->step[0]] != 0) return z;
        }
    }
    return -1;
}

/* A slice on a grid of height x width, as large or smaller, with its prediction. NULL: no memory. Owner: the caller, free. */
static unsigned char *draw_slice(hl_context *hl, const hl_scan *scan, int z, int height, int width) {
    const hl_volume *v = &scan->image;
    size_t pixels = (size_t)v->width * (size_t)v->height, drawn = (size_t)height * (size_t)width;
    hl_picture picture = {.width = v->width, .height = v->height, .maximum = 65535};
    picture.pixels = hl_calloc(hl, pixels, sizeof *picture.pixels);
    float *mask = hl_calloc(hl, pixels, sizeof *mask), *grey = hl_calloc(hl, drawn, sizeof *grey), *one = hl_calloc(hl, drawn, sizeof *one);
    uint8_t *labels = hl_calloc(hl, pixels, 1), *small = hl_calloc(hl, drawn, 1);
    unsigned char *rgb = NULL;
    if (picture.pixels && mask && grey && one && labels && small) {
        hl_volume_window(v, z, &scan->range, picture.pixels);
        hl_volume_slice(&scan->mask, z, mask);
        for (size_t i = 0; i < pixels; i++) labels[i] = (uint8_t)mask[i];
        hl_resize_labels(labels, v->height, v->width, height, width, small);
        for (size_t i = 0; i < drawn; i++) one[i] = small[i];
        if (!hl_resize_image(hl, &picture, height, width, grey))
            rgb = scan->classes > 1 ? hl_overlay_classes(hl, height, width, grey, small, 1)
                                    : hl_overlay(hl, height, width, grey, NULL, one, 0.5, false, 1);
    }
    free(picture.pixels), free(mask), free(grey), free(one), free(labels), free(small);
    return rgb;
}

hl_status hl_scan_overlay(hl_context *hl, const hl_scan *scan, int z, const char *path) {
    const hl_volume *v = &scan->image;
    unsigned char *rgb = draw_slice(hl, scan, z, v->height, v->width);
    if (!rgb) return hl_error_status(hl);
    hl_status status = hl_png_write(hl, path, v->width, v->height, 3, 8, rgb);
    free(rgb);
    return status;
}

/* Of `shown` slices the one at place i, from the lowest to the highest. */
static int slice_at(int i, int shown, int slices) { return shown > 1 ? (int)((int64_t)i * (slices - 1) / (shown - 1)) : 0; }

hl_status hl_scan_sheet(hl_context *hl, const hl_scan *scan, const char *path) {
    int slices = scan->image.slices, shown = slices < SHEET_SLICES ? slices : SHEET_SLICES;
    int columns = shown < SHEET_COLUMNS ? shown : SHEET_COLUMNS, rows = (shown + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    size_t line = (size_t)columns * TILE * 3;
    unsigned char *sheet = hl_calloc(hl, line * TILE, (size_t)rows);
    hl_status status = sheet ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < shown && !status; i++) {
        unsigned char *tile = draw_slice(hl, scan, slice_at(i, shown, slices), TILE, TILE);
        if (!tile) status = hl_error_status(hl);
        unsigned char *to = sheet + (size_t)(i / SHEET_COLUMNS) * TILE * line + (size_t)(i % SHEET_COLUMNS) * TILE * 3;
        for (size_t y = 0; y < TILE && !status; y++) memcpy(to + y * line, tile + y * TILE * 3, TILE * 3);
        free(tile);
    }
    if (!status) status = hl_png_write(hl, path, columns * TILE, rows * TILE, 3, 8, sheet);
    free(sheet);
    return status;
}
