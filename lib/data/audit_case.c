/* The audit of one case: its files read one slice after another, what is known of each, and what is wrong with single files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/audit.h"

/* A row being read. */
typedef struct reading {
    hl_auditing *a;
    hl_audit_reader *reader;
    int which, row;
    hl_slice_facts *facts;
    hl_plane planes[HL_FILES]; /* values NULL: not there or not usable */
} reading;

static const char *path_of(const hl_row *row, int file) {
    return file == HL_FILE_IMAGE ? row->image : file == HL_FILE_MASK ? row->mask : file == HL_FILE_LUNG ? row->lung : row->mask2;
}

/* A failure of the data's becomes a fault; what is the machine's goes on. */
static hl_status tell(reading *r, hl_status status, const char *kind, const char *path) {
    if (status != HL_BAD_INPUT) return status;
    char text[1024];
    snprintf(text, sizeof text, "%s", hl_error(r->a->hl));
    return hl_audit_file_fault(r->a, r->which, kind, path, "%s", text);
}

static hl_status tell_missing(reading *r, const hl_row *row, int file) {
    const char *path = path_of(row, file);
    if (file == HL_FILE_IMAGE && *row->mask && hl_file_exists(row->mask))
        return hl_audit_file_fault(r->a, r->which, HL_FAULT_ORPHAN, row->mask, "lesion mask %s is there, its image %s is not", row->mask,
                                   path);
    return hl_audit_file_fault(r->a, r->which, HL_FAULT_MISSING, path, "%s %s is not there", hl_audit_file_names[file], path);
}

static hl_status read_plane(reading *r, int file) {
    const hl_row *row = hl_audit_row(r->a, r->row);
    const char *path = path_of(row, file);
    if (!*path) return HL_OK;
    if (!hl_file_exists(path)) return tell_missing(r, row, file);
    return tell(r, hl_audit_plane(r->reader, file, path, row->slice, &r->planes[file]), HL_FAULT_UNREADABLE, path);
}

static void drop_plane(reading *r, int file) {
    free(r->planes[file].values);
    r->planes[file].values = NULL;
}

/* A mask must be as large as its image, and lie where it lies: half a voxel is allowed. */
static hl_status check_mask(reading *r, int file) {
    const hl_plane *image = &r->planes[HL_FILE_IMAGE], *mask = &r->planes[file];
    const char *path = path_of(hl_audit_row(r->a, r->row), file), *name = hl_audit_file_names[file];
    if (mask->width != image->width || mask->height != image->height || mask->slices != image->slices) {
        hl_status status = hl_audit_file_fault(r->a, r->which, HL_FAULT_SHAPE, path, "%s %s is %dx%dx%d, its image is %dx%dx%d", name, path,
                                               mask->width, mask->height, mask->slices ? mask->slices : 1, image->width, image->height,
                                               image->slices ? image->slices : 1);
        drop_plane(r, file);
        return status;
    }
    if (!mask->slices) return HL_OK;
    const hl_volume *of = &r->reader->open[HL_FILE_IMAGE].volume, *its = &r->reader->open[file].volume;
    double apart = hl_volume_distance(of, its), allowed = 0.5 * fmin(of->spacing[0], fmin(of->spacing[1], of->spacing[2]));
    if (apart <= allowed) return HL_OK;
    return hl_audit_file_fault(r->a, r->which, HL_FAULT_AFFINE, path, "%s %s lies up to %.1f mm away from its image, axes %s and %s", name,
                               path, apart, its->axes, of->axes);
}

/* --- labels -------------------------------------------------------------------------------------------------------------- */

static bool is_label(const reading *r, int file, float value) {
    float top = r->planes[file].slices ? 255 : r->planes[file].high;
    if (file == HL_FILE_LUNG) return value == 0 || value == 1 || value == 2 || value == 255 || value == top;
    if (r->a->options->classes > 1) return value >= 0 && value < (float)r->a->options->classes && value == floorf(value);
    return value == 0 || value == 1 || value == 255 || value == top;
}

static hl_status check_labels(reading *r, int file) {
    const hl_plane *mask = &r->planes[file];
    const char *path = path_of(hl_audit_row(r->a, r->row), file);
    size_t pixels = (size_t)mask->width * (size_t)mask->height, i = 0;
    while (i < pixels && is_label(r, file, mask->values[i])) i++;
    if (i == pixels) return HL_OK;
    char expected[64] = "0, 1, 2 or 255";
    if (file != HL_FILE_LUNG && r->a->options->classes > 1)
        snprintf(expected, sizeof expected, "a class from 0 to %d", r->a->options->classes - 1);
    else if (file != HL_FILE_LUNG) snprintf(expected, sizeof expected, "0 and 1, or 0 and 255");
    return hl_audit_file_fault(r->a, r->which, HL_FAULT_LABELS, path, "%s %s holds the value %g, expected %s", hl_audit_file_names[file],
                               path, (double)mask->values[i], expected);
}

/* --- what is known of a slice ---------------------------------------------------------------------------------------------- */

static void count_values(reading *r) {
    const hl_plane *image = &r->planes[HL_FILE_IMAGE];
    hl_slice_facts *f = r->facts;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    int64_t *bins = r->a->bins + (size_t)r->a->cases[r->which].centre * HL_AUDIT_BINS;
    f->width = image->width, f->height = image->height, f->least = INFINITY, f->most = -INFINITY;
    for (size_t i = 0; i < pixels; i++) {
        float value = image->values[i];
        f->least = fminf(f->least, value), f->most = fmaxf(f->most, value);
        float bin = rintf(value) - (float)HL_AUDIT_LOWEST;
        bins[bin < 0 ? 0 : bin >= HL_AUDIT_BINS ? HL_AUDIT_BINS - 1 : (int)bin]++;
    }
    f->flat = f->least == f->most;
    f->image = XXH3_128bits_withSeed(image->values, pixels * sizeof *image->values, (XXH64_hash_t)image->width);
    const double *given = hl_audit_row(r->a, r->row)->spacing;
    memcpy(f->spacing, image->slices ? r->reader->open[HL_FILE_IMAGE].volume.spacing : given, sizeof f->spacing);
}

static void count_lungs(reading *r) {
    const hl_plane *lung = &r->planes[HL_FILE_LUNG], *mask = &r->planes[HL_FILE_MASK];
    hl_slice_facts *f = r->facts;
    f->has_lung = true;
    for (int i = 0; i < lung->width * lung->height; i++) {
        float label = lung->values[i];
        f->lung += label != 0;
        f->outside += mask->values && mask->values[i] != 0 && label == 0;
        if (label != 1 && label != 2) continue;
        int side = label == 2;
        f->sided[side]++;
        f->middle[side][0] += i % lung->width, f->middle[side][1] += i / lung->width;
    }
    for (int side = 0; side < 2; side++)
        for (int axis = 0; axis < 2 && f->sided[side]; axis++) f->middle[side][axis] /= (double)f->sided[side];
}

static void count_lesion(reading *r) {
    const hl_plane *mask = &r->planes[HL_FILE_MASK];
    size_t pixels = (size_t)mask->width * (size_t)mask->height;
    r->facts->has_mask = true;
    for (size_t i = 0; i < pixels; i++) r->facts->lesion += mask->values[i] != 0;
    r->facts->mask = XXH3_128bits_withSeed(mask->values, pixels * sizeof *mask->values, (XXH64_hash_t)mask->width);
}

/* --- pictures of a slice ----------------------------------------------------------------------------------------------------- */

/* The slice as a 16-bit picture from black to white. Owner of view->pixels: the caller, free. */
static hl_status make_view(const reading *r, hl_picture *view) {
    const hl_plane *image = &r->planes[HL_FILE_IMAGE];
    size_t pixels = (size_t)image->width * (size_t)image->height;
    *view = (hl_picture){
        .width = image->width, .height = image->height, .maximum = 65535, .pixels = hl_calloc(r->a->hl, pixels, sizeof *view->pixels)};
    if (!view->pixels) return HL_NO_MEMORY;
    float range = image->high > image->low ? image->high - image->low : 1;
    for (size_t i = 0; i < pixels; i++)
        view->pixels[i] = (uint16_t)lrintf(fminf(fmaxf((image->values[i] - image->low) / range, 0), 1) * 65535);
    return HL_OK;
}

static hl_status keep_small(reading *r, const hl_picture *view) {
    enum { SIDE = HL_AUDIT_GRID, SMALL = HL_AUDIT_SMALL, STEP = SIDE / SMALL };
    float grid[SIDE * SIDE], sums[SMALL * SMALL] = {0};
    hl_status status = hl_resize_image(r->a->hl, view, SIDE, SIDE, grid);
    if (status) return status;
    double *mean = r->a->cases[r->which].mean;
    for (int i = 0; i < SIDE * SIDE; i++) mean[i] += (double)grid[i], sums[i / SIDE / STEP * SMALL + i % SIDE / STEP] += grid[i];
    for (int i = 0; i < SMALL * SMALL; i++) r->facts->small[i] = (uint8_t)lrintf(sums[i] / (STEP * STEP) * 255);
    return HL_OK;
}

/* The slice with the most lesion is shown; where there is none, the middle one. */
static hl_status keep_thumbnail(reading *r, const hl_picture *view) {
    enum { PIXELS = HL_THUMBNAIL * HL_THUMBNAIL };
    hl_case_facts *c = &r->a->cases[r->which];
    hl_audit_case *shown = &r->a->audit->cases[r->which];
    bool middle = r->row == c->first + (c->end - c->first) / 2;
    if (shown->image && r->facts->lesion <= c->shown_lesion && !(middle && c->shown_lesion == 0)) return HL_OK;
    c->shown_lesion = r->facts->lesion;
    float grid[PIXELS];
    if (!shown->image) shown->image = hl_calloc(r->a->hl, PIXELS, 1), shown->mask = hl_calloc(r->a->hl, PIXELS, 1);
    if (!shown->image || !shown->mask) return HL_NO_MEMORY;
    hl_status status = hl_resize_image(r->a->hl, view, HL_THUMBNAIL, HL_THUMBNAIL, grid);
    if (status) return status;
    for (int i = 0; i < PIXELS; i++) shown->image[i] = (uint8_t)lrintf(grid[i] * 255);
    shown->row = hl_audit_row(r->a, r->row);
    shown->labelled = r->facts->has_mask;
    memset(shown->mask, 0, PIXELS);
    const hl_plane *mask = &r->planes[HL_FILE_MASK];
    if (!mask->values) return HL_OK;
    size_t pixels = (size_t)mask->width * (size_t)mask->height;
    uint8_t *labels = hl_calloc(r->a->hl, pixels, 1);
    if (!labels) return HL_NO_MEMORY;
    for (size_t i = 0; i < pixels; i++) labels[i] = mask->values[i] != 0;
    hl_resize_labels(labels, mask->height, mask->width, HL_THUMBNAIL, HL_THUMBNAIL, shown->mask);
    free(labels);
    return HL_OK;
}

/* --- a row, a case ------------------------------------------------------------------------------------------------------------- */

static hl_status read_masks(reading *r) {
    hl_status status = HL_OK;
    for (int file = HL_FILE_MASK; file < HL_FILES && !status; file++) {
        status = read_plane(r, file);
        if (!status && r->planes[file].values) status = check_mask(r, file);
        if (!status && r->planes[file].values) status = check_labels(r, file);
    }
    return status;
}

static hl_status read_row(reading *r) {
    hl_case_facts *c = &r->a->cases[r->which];
    hl_status status = read_plane(r, HL_FILE_IMAGE);
    if (status || !r->planes[HL_FILE_IMAGE].values) return status;
    status = read_masks(r);
    if (status) return status;
    r->facts->read = true;
    count_values(r);
    if (r->planes[HL_FILE_MASK].values) count_lesion(r);
    if (r->planes[HL_FILE_LUNG].values) count_lungs(r);
    c->volumes = r->planes[HL_FILE_IMAGE].slices > 0;
    c->least = fminf(c->least, r->facts->least), c->most = fmaxf(c->most, r->facts->most);
    c->read++;
    hl_picture view;
    status = make_view(r, &view);
    if (!status) status = keep_small(r, &view);
    if (!status) status = keep_thumbnail(r, &view);
    free(view.pixels);
    return status;
}

hl_status hl_audit_read_case(hl_auditing *a, hl_audit_reader *reader, int which) {
    hl_case_facts *c = &a->cases[which];
    c->least = INFINITY, c->most = -INFINITY;
    hl_status status = HL_OK;
    for (int row = c->first; row < c->end && !status; row++) {
        reading r = {.a = a, .reader = reader, .which = which, .row = row, .facts = &a->slices[row]};
        status = read_row(&r);
        for (int file = 0; file < HL_FILES; file++) drop_plane(&r, file);
    }
    for (int i = 0; i < HL_AUDIT_GRID * HL_AUDIT_GRID && c->read; i++) c->mean[i] /= c->read;
    return status;
}
