/* Predicting one picture: to the grid, through the models, back to the picture's own pixels. */
#include <math.h>
#include <stdlib.h>

#include "study/ensemble.h"

static double mm_of(const hl_run *run, const hl_prediction *what) { return what->mm > 0 ? what->mm : run->options.mm; }

/* Where the picture lies on the run's grid. */
static hl_placement place_picture(const hl_run *run, const hl_prediction *what, const hl_picture *picture) {
    const hl_run_options *o = &run->options;
    double mm = mm_of(run, what);
    if (mm > 0) return hl_place_picture(picture->height, picture->width, what->spacing, mm, o->height, o->width_pixels);
    return hl_fit_picture(picture->height, picture->width, o->height, o->width_pixels);
}

/* Reads a picture and brings it to the run's grid. Owner of its pixels: the caller. */
static hl_status read_plane(hl_run *run, const hl_prediction *what, const char *path, hl_picture *picture, float *plane) {
    hl_status status = hl_png_read(run->hl, path, picture);
    if (status) return status;
    hl_placement place = place_picture(run, what, picture);
    return hl_image_to_grid(run->hl, picture, &place, run->options.height, run->options.width_pixels, plane);
}

/* The planes that a model reads, on the run's grid: the picture's, with context between its neighbours'. */
static hl_status read_planes(hl_run *run, const hl_prediction *what, hl_picture *picture, float *planes) {
    size_t plane = (size_t)run->options.height * (size_t)run->options.width_pixels;
    if (!run->options.context) return read_plane(run, what, what->image, picture, planes);
    hl_picture others[2] = {{0}};
    hl_status status = read_plane(run, what, what->before, &others[0], planes);
    if (!status) status = read_plane(run, what, what->image, picture, planes + plane);
    if (!status) status = read_plane(run, what, what->after, &others[1], planes + 2 * plane);
    free(others[0].pixels), free(others[1].pixels);
    return status;
}

/* The mean of the models' probabilities on the run's grid, a plane a class. Owner: the caller, free. */
static float *predict_grid(hl_run *run, hl_model *const *models, int model_count, const hl_prediction *what, hl_picture *picture) {
    size_t plane = (size_t)run->options.height * (size_t)run->options.width_pixels, size = plane * (size_t)run->options.net_options.classes;
    float *planes = hl_calloc(run->hl, plane * (run->options.context ? 3 : 1), sizeof *planes),
          *mean = hl_calloc(run->hl, size, sizeof *mean);
    hl_ensemble ensemble = {.models = models, .count = model_count, .flip = what->flip};
    hl_status status = planes && mean ? HL_OK : HL_NO_MEMORY;
    if (!status) status = read_planes(run, what, picture, planes);
    if (!status) status = hl_ensemble_predict(run, &ensemble, planes, 1, mean);
    free(planes);
    if (status) return free(mean), NULL;
    return mean;
}

static size_t pixels_of(const hl_picture *picture) { return (size_t)picture->width * (size_t)picture->height; }

/* The grid's planes on the picture's own pixels. Owner: the caller, free. */
static float *enlarge(const hl_run *run, const hl_prediction *what, const hl_picture *picture, const float *grid) {
    const hl_run_options *o = &run->options;
    size_t plane = (size_t)o->height * (size_t)o->width_pixels, pixels = pixels_of(picture);
    hl_placement place = place_picture(run, what, picture);
    float *native = hl_calloc(run->hl, pixels * (size_t)o->net_options.classes, sizeof *native);
    for (int c = 0; native && c < o->net_options.classes; c++)
        hl_grid_to_native(grid + (size_t)c * plane, o->height, o->width_pixels, &place, picture->height, picture->width,
                          native + (size_t)c * pixels);
    return native;
}

static hl_status write_mask(const hl_run *run, const hl_prediction *what, const hl_picture *picture, const float *probabilities) {
    size_t pixels = pixels_of(picture);
    uint8_t *mask = hl_calloc(run->hl, pixels, 1);
    if (!mask) return HL_NO_MEMORY;
    int classes = run->options.net_options.classes;
    if (classes > 1) hl_most_probable(probabilities, classes, pixels, mask);
    for (size_t i = 0; classes == 1 && i < pixels; i++) mask[i] = probabilities[i] > what->threshold ? 255 : 0;
    hl_status status = hl_png_write(run->hl, what->mask, picture->width, picture->height, 1, 8, mask);
    free(mask);
    return status;
}

static hl_status write_plane(hl_context *hl, const char *path, const hl_picture *picture, const float *probabilities) {
    size_t pixels = pixels_of(picture);
    uint16_t *map = hl_calloc(hl, pixels, sizeof *map);
    if (!map) return HL_NO_MEMORY;
    for (size_t i = 0; i < pixels; i++) map[i] = (uint16_t)lrint(fmin(fmax(probabilities[i], 0), 1) * 65535);
    hl_status status = hl_png_write(hl, path, picture->width, picture->height, 1, 16, map);
    free(map);
    return status;
}

/* The one class's map, or those of all but the background. */
static hl_status write_probabilities(const hl_run *run, const hl_prediction *what, const hl_picture *picture, const float *probabilities) {
    int classes = run->options.net_options.classes, first = classes > 1;
    hl_status status = HL_OK;
    for (int c = first; c < classes && !status; c++)
        status = write_plane(run->hl, what->probabilities[c - first], picture, probabilities + (size_t)c * pixels_of(picture));
    return status;
}

hl_status hl_run_predict(hl_run *run, hl_model *const *models, int model_count, const hl_prediction *what) {
    if (run->options.context && (!what->before || !what->after))
        return hl_fail(run->hl, HL_USAGE, "%s: the run in %s reads each slice with its neighbours, which were not given", what->image,
                       run->folder);
    if (mm_of(run, what) > 0 && !(what->spacing[0] > 0 && what->spacing[1] > 0))
        return hl_fail(run->hl, HL_BAD_INPUT, "%s: the spacing is not known, and slices are wanted at %g mm a pixel", what->image,
                       mm_of(run, what));
    hl_picture picture = {0};
    float *grid = predict_grid(run, models, model_count, what, &picture), *native = grid ? enlarge(run, what, &picture, grid) : NULL;
    hl_status status = native ? HL_OK : hl_error_status(run->hl);
    if (!status && what->mask) status = write_mask(run, what, &picture, native);
    if (!status && what->probabilities) status = write_probabilities(run, what, &picture, native);
    free(grid), free(native), free(picture.pixels);
    return status;
}
