/* A volume predicted: through the window to the run's grid, in batches through the models, back into the volume's own geometry. */
#include <stdlib.h>
#include <string.h>

#include "eval/model.h"
#include "hilum/scan.h"
#include "study/ensemble.h"

/* What predicting needs besides. */
typedef struct scanning {
    hl_run *run;
    const hl_scan_options *options;
    hl_scan *scan;
    float *planes;  /* all slices on the grid */
    size_t plane;   /* pixels of one */
    size_t written; /* numbers that a slice's probabilities are */
} scanning;

static hl_status open_scan(scanning *s, const char *path, hl_units units) {
    const hl_run_options *o = &s->run->options;
    hl_scan *scan = s->scan;
    hl_status status = hl_volume_read(s->run->hl, path, &scan->image);
    if (status) return status;
    double mm = s->options->mm > 0 ? s->options->mm : o->mm;
    scan->height = o->height, scan->width = o->width_pixels, scan->classes = o->net_options.classes;
    scan->place = mm > 0 ? hl_place_picture(scan->image.height, scan->image.width, scan->image.spacing, mm, scan->height, scan->width)
                         : hl_fit_picture(scan->image.height, scan->image.width, scan->height, scan->width);
    s->plane = (size_t)scan->height * (size_t)scan->width, s->written = s->plane * (size_t)scan->classes;
    return hl_window_range(s->run->hl, path, &scan->image, s->options->window ? s->options->window : &o->window, units, &scan->range);
}

/* All slices through the window to the grid. */
static hl_status make_planes(scanning *s) {
    hl_scan *scan = s->scan;
    const hl_volume *image = &scan->image;
    hl_picture picture = {.width = image->width, .height = image->height, .maximum = 65535};
    picture.pixels = hl_calloc(s->run->hl, (size_t)image->width * (size_t)image->height, sizeof *picture.pixels);
    s->planes = hl_calloc(s->run->hl, (size_t)image->slices * s->plane, sizeof *s->planes);
    scan->grid = hl_calloc(s->run->hl, (size_t)image->slices * s->written, sizeof *scan->grid);
    hl_status status = picture.pixels && s->planes && scan->grid ? HL_OK : HL_NO_MEMORY;
    for (int z = 0; z < image->slices && !status; z++) {
        hl_volume_window(image, z, &scan->range, picture.pixels);
        status = hl_image_to_grid(s->run->hl, &picture, &scan->place, scan->height, scan->width, s->planes + (size_t)z * s->plane);
    }
    free(picture.pixels);
    return status;
}

/* What the models read of `count` slices from z on, with neighbours: three planes a slice. */
static void gather_context(const scanning *s, int z, int count, float *images) {
    int last = s->scan->image.slices - 1;
    for (int i = 0; i < count; i++) {
        for (int step = -1; step <= 1; step++) {
            int from = z + i + step < 0 ? 0 : z + i + step > last ? last : z + i + step;
            memcpy(images, s->planes + (size_t)from * s->plane, s->plane * sizeof *images);
            images += s->plane;
        }
    }
}

static hl_status predict_slices(scanning *s) {
    const hl_scan_options *o = s->options;
    hl_scan *scan = s->scan;
    hl_ensemble models = {.models = o->models, .count = o->model_count, .flip = o->flip};
    int slices = scan->image.slices, batch = o->model_count > 0 ? hl_model_options_of(o->models[0])->batch : 1;
    bool context = s->run->options.context;
    float *images = context ? hl_calloc(s->run->hl, 3 * s->plane * (size_t)batch, sizeof *images) : NULL;
    hl_status status = images || !context ? HL_OK : HL_NO_MEMORY;
    for (int z = 0; z < slices && !status; z += batch) {
        int count = slices - z < batch ? slices - z : batch;
        if (o->stop && *o->stop) status = hl_fail(s->run->hl, HL_INTERRUPTED, "interrupted while predicting");
        if (!status && context) gather_context(s, z, count, images);
        if (!status)
            status = hl_ensemble_predict(s->run, &models, context ? images : s->planes + (size_t)z * s->plane, count,
                                         scan->grid + (size_t)z * s->written);
        if (!status && o->report) o->report(o->user, (double)(z + count) / slices);
    }
    free(images);
    return status;
}

/* Probabilities of one class of a slice on the image's own pixels. */
static void enlarge(const hl_scan *scan, int z, int class, float *native) {
    size_t plane = (size_t)scan->height * (size_t)scan->width;
    hl_grid_to_native(scan->grid + ((size_t)z * (size_t)scan->classes + (size_t) class) * plane, scan->height, scan->width, &scan->place,
                      scan->image.height, scan->image.width, native);
}

/* The mask of one slice. `native`: probabilities of all classes; `labels`: room for the slice. */
static void mask_slice(const hl_scan *scan, double threshold, const float *native, uint8_t *labels, float *mask) {
    size_t pixels = (size_t)scan->image.width * (size_t)scan->image.height;
    if (scan->classes > 1) hl_most_probable(native, scan->classes, pixels, labels);
    for (size_t i = 0; i < pixels; i++) mask[i] = scan->classes > 1 ? (float)labels[i] : native[i] > threshold ? 1 : 0;
}

static hl_status make_mask(scanning *s) {
    hl_scan *scan = s->scan;
    size_t pixels = (size_t)scan->image.width * (size_t)scan->image.height;
    hl_context *hl = s->run->hl;
    hl_status status = hl_volume_like(hl, &scan->image, &scan->mask);
    float *native = hl_calloc(hl, pixels * (size_t)scan->classes, sizeof *native), *mask = hl_calloc(hl, pixels, sizeof *mask);
    uint8_t *labels = hl_calloc(hl, pixels, 1);
    if (!status && (!native || !mask || !labels)) status = HL_NO_MEMORY;
    for (int z = 0; z < scan->image.slices && !status; z++) {
        for (int c = 0; c < scan->classes; c++) enlarge(scan, z, c, native + (size_t)c * pixels);
        mask_slice(scan, s->options->threshold, native, labels, mask);
        hl_volume_put_slice(&scan->mask, z, mask);
    }
    free(native), free(mask), free(labels);
    return status;
}

hl_status hl_run_predict_scan(hl_run *run, const char *path, hl_units units, const hl_scan_options *options, hl_scan *scan) {
    *scan = (hl_scan){0};
    scanning s = {.run = run, .options = options, .scan = scan};
    hl_status status = open_scan(&s, path, units);
    if (!status) status = make_planes(&s);
    if (!status) status = predict_slices(&s);
    if (!status) status = make_mask(&s);
    free(s.planes);
    if (status) hl_scan_free(scan);
    return status;
}

void hl_scan_free(hl_scan *scan) {
    if (!scan) return;
    hl_volume_free(&scan->image), hl_volume_free(&scan->mask);
    free(scan->grid);
    *scan = (hl_scan){0};
}

hl_status hl_scan_probability(hl_context *hl, const hl_scan *scan, int class, hl_volume *volume) {
    float *native = hl_calloc(hl, (size_t)scan->image.width * (size_t)scan->image.height, sizeof *native);
    *volume = (hl_volume){0};
    hl_status status = native ? hl_volume_like(hl, &scan->image, volume) : HL_NO_MEMORY;
    for (int z = 0; z < scan->image.slices && !status; z++) {
        enlarge(scan, z, class, native);
        hl_volume_put_slice(volume, z, native);
    }
    free(native);
    return status;
}
