/* Pictures, labels and probabilities between their own grid and the one that nets see. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/data.h"

/* One side of the picture, scaled to the longer fit of the other; to the nearest pixel, at least one. */
static int scaled_side(int side, int other, int grid_other, int limit) {
    int64_t scaled = (2 * (int64_t)side * grid_other + other) / (2 * (int64_t)other);
    return scaled < 1 ? 1 : scaled > limit ? limit : (int)scaled;
}

hl_placement hl_fit_picture(int height, int width, int grid_height, int grid_width) {
    hl_placement fit = {.height = grid_height, .width = grid_width};
    if ((int64_t)grid_height * width <= (int64_t)grid_width * height) fit.width = scaled_side(width, height, grid_height, grid_width);
    else fit.height = scaled_side(height, width, grid_width, grid_height);
    fit.top = (grid_height - fit.height) / 2;
    fit.left = (grid_width - fit.width) / 2;
    return fit;
}

/* What an output position reads: `count` inputs from `first` on, in units of 1 / denominator of the axis. */
typedef struct taps {
    int first, count;
    int64_t weight_first, weight_middle, weight_last; /* of the first input, of those between, of the last when count > 1 */
} taps;

/* Input j covers [j out, (j + 1) out) and output i covers [i in, (i + 1) in) of the same line of in x out units. */
static taps area_taps(int i, int in, int out) {
    int64_t from = (int64_t)i * in, to = from + in;
    int first = (int)(from / out), last = (int)((to - 1) / out);
    if (first == last) return (taps){first, 1, to - from, 0, 0};
    return (taps){first, last - first + 1, (int64_t)(first + 1) * out - from, out, to - (int64_t)last * out};
}

/* Where the centre of output i lies among the centres of the inputs, in units of 1 / (2 out) of an input. */
static taps bilinear_taps(int i, int in, int out) {
    int64_t unit = 2 * (int64_t)out, place = (2 * (int64_t)i + 1) * in - out;
    if (place <= 0) return (taps){0, 1, unit, 0, 0};
    if (place >= (in - 1) * unit) return (taps){in - 1, 1, unit, 0, 0};
    int first = (int)(place / unit);
    int64_t beyond = place - first * unit;
    return (taps){first, 2, unit - beyond, 0, beyond};
}

/* The taps of output i; the weights add up to *denominator. */
static taps axis_taps(int i, int in, int out, int64_t *denominator) {
    *denominator = out < in ? in : 2 * (int64_t)out;
    return out < in ? area_taps(i, in, out) : bilinear_taps(i, in, out);
}

static int64_t tap_weight(const taps *t, int k) { return k == 0 ? t->weight_first : k == t->count - 1 ? t->weight_last : t->weight_middle; }

/* sums[x] = the column's pixels by their weights, whole numbers. */
static void gather_rows(const hl_picture *picture, const taps *rows, uint64_t *sums) {
    size_t width = (size_t)picture->width;
    memset(sums, 0, width * sizeof *sums);
    for (int k = 0; k < rows->count; k++) {
        const uint16_t *pixels = picture->pixels + (size_t)(rows->first + k) * width;
        uint64_t weight = (uint64_t)tap_weight(rows, k);
        for (size_t x = 0; x < width; x++) sums[x] += weight * pixels[x];
    }
}

static double read_taps(const taps *columns, const uint64_t *sums) {
    uint64_t sum = 0;
    for (int k = 0; k < columns->count; k++) sum += (uint64_t)tap_weight(columns, k) * sums[columns->first + k];
    return (double)sum;
}

/* Weights are whole numbers and so are all sums: the one rounding is the division at the end. */
hl_status hl_resize_image(hl_context *hl, const hl_picture *picture, int grid_height, int grid_width, float *grid) {
    hl_placement fit = hl_fit_picture(picture->height, picture->width, grid_height, grid_width);
    uint64_t *sums = hl_calloc(hl, (size_t)picture->width, sizeof *sums);
    taps *columns = sums ? hl_calloc(hl, (size_t)fit.width, sizeof *columns) : NULL;
    if (!columns) return free(sums), HL_NO_MEMORY;
    int64_t across = 1, down;
    for (int x = 0; x < fit.width; x++) columns[x] = axis_taps(x, picture->width, fit.width, &across);
    memset(grid, 0, (size_t)grid_height * (size_t)grid_width * sizeof *grid);
    for (int y = 0; y < fit.height; y++) {
        float *to = grid + (size_t)(fit.top + y) * (size_t)grid_width + fit.left;
        taps rows = axis_taps(y, picture->height, fit.height, &down);
        gather_rows(picture, &rows, sums);
        double whole = (double)down * (double)across * picture->maximum;
        for (int x = 0; x < fit.width; x++) to[x] = (float)(read_taps(&columns[x], sums) / whole);
    }
    free(sums);
    free(columns);
    return HL_OK;
}

void hl_resize_labels(const uint8_t *labels, int height, int width, int grid_height, int grid_width, uint8_t *grid) {
    hl_placement fit = hl_fit_picture(height, width, grid_height, grid_width);
    memset(grid, 0, (size_t)grid_height * (size_t)grid_width);
    for (int y = 0; y < fit.height; y++) {
        size_t row = (size_t)((2 * (int64_t)y + 1) * height / (2 * (int64_t)fit.height));
        uint8_t *to = grid + (size_t)(fit.top + y) * (size_t)grid_width + fit.left;
        for (int x = 0; x < fit.width; x++)
            to[x] = labels[row * (size_t)width + (size_t)((2 * (int64_t)x + 1) * width / (2 * (int64_t)fit.width))];
    }
}

static double between(const float *row, const taps *columns, double unit) {
    double value = (double)columns->weight_first * row[columns->first];
    if (columns->count > 1) value += (double)columns->weight_last * row[columns->first + 1];
    return value / unit;
}

void hl_resize_back(const float *grid, int grid_height, int grid_width, int height, int width, float *native) {
    hl_placement fit = hl_fit_picture(height, width, grid_height, grid_width);
    const float *inside = grid + (size_t)fit.top * (size_t)grid_width + fit.left;
    for (int y = 0; y < height; y++) {
        taps rows = bilinear_taps(y, fit.height, height);
        const float *above = inside + (size_t)rows.first * (size_t)grid_width;
        const float *below = above + (rows.count > 1 ? grid_width : 0);
        double share = (double)rows.weight_last / (2.0 * height);
        for (int x = 0; x < width; x++) {
            taps columns = bilinear_taps(x, fit.width, width);
            double a = between(above, &columns, 2.0 * width), b = between(below, &columns, 2.0 * width);
            native[(size_t)y * (size_t)width + (size_t)x] = (float)(a + share * (b - a));
        }
    }
}
