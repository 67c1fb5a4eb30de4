/* The mean of several models, and of slices with their mirror images. */
#include "study/ensemble.h"

#include <stdlib.h>
#include <string.h>

static void mirror(const float *planes, size_t rows, size_t width, float *mirrored) {
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < width; x++) mirrored[y * width + x] = planes[y * width + width - 1 - x];
}

/* Adds what a model says, one of `parts` of the mean. Of mirrored slices it is turned back, and what was the left lung is the right one. */
static void add(const hl_run *run, const float *said, int count, bool mirrored, float parts, float *mean) {
    const hl_run_options *o = &run->options;
    size_t height = (size_t)o->height, width = (size_t)o->width_pixels, classes = (size_t)o->net_options.classes;
    bool sided = mirrored && o->target == HL_TARGET_LUNG && classes == 3;
    for (size_t p = 0; p < (size_t)count * classes; p++) {
        size_t class = p % classes, from = sided && class ? p - class + 3 - class : p;
        for (size_t row = 0; row < height; row++) {
            const float *source = said + (from * height + row) * width;
            float *to = mean + (p * height + row) * width;
            for (size_t x = 0; x < width; x++) to[x] += source[mirrored ? width - 1 - x : x] / parts;
        }
    }
}

hl_status hl_ensemble_predict(hl_run *run, const hl_ensemble *models, const float *images, int count, float *mean) {
    const hl_run_options *o = &run->options;
    size_t plane = (size_t)o->height * (size_t)o->width_pixels, read = (size_t)count * plane * (o->context ? 3 : 1);
    size_t written = (size_t)count * plane * (size_t)o->net_options.classes;
    if (models->count < 1) return hl_fail(run->hl, HL_USAGE, "%s: no model to predict with", run->folder);
    float *said = hl_calloc(run->hl, written, sizeof *said), *mirrored = models->flip ? hl_calloc(run->hl, read, sizeof *mirrored) : NULL;
    hl_status status = said && (mirrored || !models->flip) ? HL_OK : HL_NO_MEMORY;
    if (!status && mirrored) mirror(images, read / (size_t)o->width_pixels, (size_t)o->width_pixels, mirrored);
    memset(mean, 0, written * sizeof *mean);
    float parts = (float)(models->count * (models->flip ? 2 : 1));
    for (int m = 0; m < models->count && !status; m++) {
        status = hl_model_predict(models->models[m], images, count, said);
        if (!status) add(run, said, count, false, parts, mean);
        if (!status && mirrored) status = hl_model_predict(models->models[m], mirrored, count, said);
        if (!status && mirrored) add(run, said, count, true, parts, mean);
    }
    free(said), free(mirrored);
    return status;
}
