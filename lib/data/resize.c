/* Pictures, labels and probabilities between their own grid and the one that nets see. */
#include <math.h>
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

/* A length in pixels of the grid, at least one. A size beyond any picture's stands for all that are larger. */
static int length_at(int side, double spacing, double mm) { return (int)fmin(fmax(rint(side * (spacing / mm)), 1), 1 << 20); }

/* Half of what is left over, the smaller half before; negative too. */
static int before(int grid, int side) { return grid >= side ? (grid - side) / 2 : -((side - grid) / 2); }

hl_placement hl_place_picture(int height, int width, const double spacing[2], double mm, int grid_height, int grid_width) {
    hl_placement place = {.height = length_at(height, spacing[1], mm), .width = length_at(width, spacing[0], mm)};
    place.top = before(grid_height, place.height), place.left = before(grid_width, place.width);
    return place;
}

/* The stretch of a placed side that the grid holds: from *first to before *end of it. */
static void visible(int start, int side, int grid, int *first, int *end) {
    *first = start < 0 ? -start : 0;
    *end = side < grid - start ? side : grid - start;
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
hl_status hl_image_to_grid(hl_context *hl, const hl_picture *picture, const hl_placement *place, int grid_height, int grid_width,
                           float *grid) {
    int first_x, end_x, first_y, end_y;
    visible(place->left, place->width, grid_width, &first_x, &end_x);
    visible(place->top, place->height, grid_height, &first_y, &end_y);
    uint64_t *sums = hl_calloc(hl, (size_t)picture->width, sizeof *sums);
    taps *columns = sums ? hl_calloc(hl, (size_t)place->width, sizeof *columns) : NULL;
    if (!columns) return free(sums), HL_NO_MEMORY;
    int64_t across = 1, down;
    for (int x = first_x; x < end_x; x++) columns[x] = axis_taps(x, picture->width, place->width, &across);
    memset(grid, 0, (size_t)grid_height * (size_t)grid_width * sizeof *grid);
    for (int y = first_y; y < end_y; y++) {
        float *to = grid + (int64_t)(place->top + y) * grid_width + place->left;
        taps rows = axis_taps(y, picture->height, place->height, &down);
        gather_rows(picture, &rows, sums);
        double whole = (double)down * (double)across * picture->maximum;
        for (int x = first_x; x < end_x; x++) to[x] = (float)(read_taps(&columns[x], sums) / whole);
    }
    free(sums);
    free(columns);
    return HL_OK;
}

hl_status hl_resize_image(hl_context *hl, const hl_picture *picture, int grid_height, int grid_width, float *grid) {
    hl_placement fit = hl_fit_picture(picture->height, picture->width, grid_height, grid_width);
    return hl_image_to_grid(hl, picture, &fit, grid_height, grid_width, grid);
}

void hl_labels_to_grid(const uint8_t *labels, int height, int width, const hl_placement *place, int grid_height, int grid_width,
                       uint8_t *grid) {
    int first_x, end_x, first_y, end_y;
    visible(place->left, place->width, grid_width, &first_x, &end_x);
    visible(place->top, place->height, grid_height, &first_y, &end_y);
    memset(grid, 0, (size_t)grid_height * (size_t)grid_width);
    for (int y = first_y; y < end_y; y++) {
        size_t row = (size_t)((2 * (int64_t)y + 1) * height / (2 * (int64_t)place->height));
        uint8_t *to = grid + (int64_t)(place->top + y) * grid_width + place->left;
        for (int x = first_x; x < end_x; x++)
            to[x] = labels[row * (size_t)width + (size_t)((2 * (int64_t)x + 1) * width / (2 * (int64_t)place->width))];
    }
}

void hl_resize_labels(const uint8_t *labels, int height, int width, int grid_height, int grid_width, uint8_t *grid) {
    hl_placement fit = hl_fit_picture(height, width, grid_height, grid_width);
    hl_labels_to_grid(labels, height, width, &fit, grid_height, grid_width, grid);
}

/* A placed picture's row of the grid; beyond the grid there is nothing. */
typedef struct grid_row {
    const float *pixels; /* of the grid's row; NULL: beyond it */
    int left, width;     /* of the placement, of the grid */
} grid_row;

static double pixel_of(const grid_row *row, int x) {
    return row->pixels && row->left + x >= 0 && row->left + x < row->width ? (double)row->pixels[row->left + x] : 0;
}

static double between(const grid_row *row, const taps *columns, double unit) {
    double value = (double)columns->weight_first * pixel_of(row, columns->first);
    if (columns->count > 1) value += (double)columns->weight_last * pixel_of(row, columns->first + 1);
    return value / unit;
}

void hl_grid_to_native(const float *grid, int grid_height, int grid_width, const hl_placement *place, int height, int width,
                       float *native) {
    for (int y = 0; y < height; y++) {
        taps rows = bilinear_taps(y, place->height, height);
        grid_row around[2];
        for (int k = 0; k < 2; k++) {
            int row = place->top + rows.first + (rows.count > 1 ? k : 0);
            bool inside = row >= 0 && row < grid_height;
            around[k] = (grid_row){inside ? grid + (size_t)row * (size_t)grid_width : NULL, place->left, grid_width};
        }
        double share = (double)rows.weight_last / (2.0 * height);
        for (int x = 0; x < width; x++) {
            taps columns = bilinear_taps(x, place->width, width);
            double a = between(&around[0], &columns, 2.0 * width), b = between(&around[1], &columns, 2.0 * width);
            native[(size_t)y * (size_t)width + (size_t)x] = (float)(a + share * (b - a));
        }
    }
}

void hl_resize_back(const float *grid, int grid_height, int grid_width, int height, int width, float *native) {
    hl_placement fit = hl_fit_picture(height, width, grid_height, grid_width);
    hl_grid_to_native(grid, grid_height, grid_width, &fit, height, width, native);
}
