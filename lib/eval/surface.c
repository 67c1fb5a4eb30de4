/* One mask's surface against another's: distances, their percentiles, surface Dice at a tolerance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/stack.h"

/* The part of a stack that holds both masks. */
typedef struct box {
    int first[3], size[3]; /* z, y, x */
} box;

/* An element of a surface. */
typedef struct element {
    double distance, area;
} element;

/* Both surfaces on one lattice: areas of the elements there, by the codes of each. */
typedef struct surfaces {
    hl_stack lattice;
    uint8_t *codes[2]; /* truth, prediction; 0: no element */
    double areas[256];
} surfaces;

static bool find_box(const hl_stack *stack, const uint8_t *a, const uint8_t *b, box *found) {
    int last[3] = {-1, -1, -1};
    *found = (box){{INT32_MAX, INT32_MAX, INT32_MAX}, {0}};
    size_t i = 0;
    for (int z = 0; z < stack->depth; z++) {
        for (int y = 0; y < stack->height; y++) {
            for (int x = 0; x < stack->width; x++, i++) {
                if (!a[i] && !b[i]) continue;
                const int at[3] = {z, y, x};
                for (int k = 0; k < 3; k++) {
                    if (at[k] < found->first[k]) found->first[k] = at[k];
                    if (at[k] > last[k]) last[k] = at[k];
                }
            }
        }
    }
    for (int k = 0; k < 3; k++) found->size[k] = last[k] - found->first[k] + 1;
    return last[0] >= 0;
}

/* codes at (z, y, x) = the bits of the voxels inside among those from z - 1, y - 1, x - 1 to z, y, x of the box; those of all eight (in a
 * plane four) become 0. */
static void mark_elements(const hl_stack *stack, const box *b, const uint8_t *mask, const hl_stack *lattice, bool planar, uint8_t *codes) {
    size_t width = (size_t)stack->width, slice = (size_t)stack->height * width;
    uint8_t full = planar ? 15 : 255;
    for (int z = 0; z < b->size[0]; z++) {
        for (int y = 0; y < b->size[1]; y++) {
            const uint8_t *row = mask + (size_t)(b->first[0] + z) * slice + (size_t)(b->first[1] + y) * width + b->first[2];
            for (int corner = 0; corner < (planar ? 4 : 8); corner++) {
                int dz = corner >> 2 & 1, dy = corner >> 1 & 1, dx = corner & 1; /* this voxel is the corner of the element there */
                size_t at = ((size_t)(planar ? 0 : z + 1 - dz) * (size_t)lattice->height + (size_t)(y + 1 - dy)) * (size_t)lattice->width;
                for (int x = 0; x < b->size[2]; x++) codes[at + (size_t)(x + 1 - dx)] |= (uint8_t)((row[x] != 0) << corner);
            }
        }
    }
    for (size_t i = 0; i < hl_stack_voxels(lattice); i++) codes[i] = codes[i] == full ? 0 : codes[i];
}

/* codes = 1 at voxels inside that have a face neighbour outside the mask or the box, which holds all of the mask. */
static void mark_voxels(const hl_stack *stack, const box *b, const uint8_t *mask, bool planar, uint8_t *codes) {
    ptrdiff_t width = stack->width, slice = stack->height * width;
    const ptrdiff_t steps[3] = {slice, width, 1};
    size_t at = 0;
    for (int z = 0; z < b->size[0]; z++) {
        for (int y = 0; y < b->size[1]; y++) {
            for (int x = 0; x < b->size[2]; x++, at++) {
                const int place[3] = {z, y, x};
                const uint8_t *voxel = mask + (b->first[0] + z) * slice + (b->first[1] + y) * width + b->first[2] + x;
                if (!*voxel) continue;
                for (int k = planar; k < 3; k++) {
                    if (place[k] == 0 || !voxel[-steps[k]] || place[k] == b->size[k] - 1 || !voxel[steps[k]]) codes[at] = 1;
                }
            }
        }
    }
}

static hl_status mark_surfaces(hl_context *hl, const hl_stack *stack, const box *b, const uint8_t *const masks[2], hl_surface_kind kind,
                               surfaces *s) {
    bool planar = stack->depth == 1, between = kind == HL_SURFACE_ELEMENTS;
    s->lattice = (hl_stack){b->size[0] + (between && !planar), b->size[1] + between, b->size[2] + between, {0}};
    memcpy(s->lattice.spacing, stack->spacing, sizeof stack->spacing);
    hl_status status = hl_stack_check(hl, &s->lattice);
    if (status) return status;
    for (int k = 0; k < 2; k++) {
        s->codes[k] = hl_calloc(hl, hl_stack_voxels(&s->lattice), 1);
        if (!s->codes[k]) return HL_NO_MEMORY;
        if (between) mark_elements(stack, b, masks[k], &s->lattice, planar, s->codes[k]);
        else mark_voxels(stack, b, masks[k], planar, s->codes[k]);
    }
    if (between) hl_surface_element_areas(stack->spacing, planar, s->areas);
    else s->areas[1] = 1;
    return HL_OK;
}

static int by_distance(const void *left, const void *right) {
    const element *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return (a->area > b->area) - (a->area < b->area);
}

/* Fills elements with those of one surface and their distances to the other, nearest first; returns how many. */
static size_t measure(const surfaces *s, int from, const double *distance, element *elements) {
    size_t n = 0;
    for (size_t i = 0; i < hl_stack_voxels(&s->lattice); i++) {
        if (s->codes[from][i]) elements[n++] = (element){distance[i], s->areas[s->codes[from][i]]};
    }
    qsort(elements, n, sizeof *elements, by_distance);
    return n;
}

/* Of elements: the first distance within which lie 95 % of the area. */
static double percentile_of_area(const element *elements, size_t count, double total) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += elements[i].area;
        if (sum / total >= 0.95) return elements[i].distance;
    }
    return elements[count - 1].distance;
}

/* Of voxels: R's type 7, in NumPy's linear interpolation. */
static double percentile_of_voxels(const element *elements, size_t count) {
    double h = (double)(count - 1) * 0.95;
    size_t low = (size_t)h;
    if (low + 1 >= count) return elements[count - 1].distance;
    return elements[low].distance + (h - (double)low) * (elements[low + 1].distance - elements[low].distance);
}

/* Sums over one surface, and what is known of it alone. */
typedef struct side {
    double area, within, weighted, percentile, farthest;
} side;

static side sum_side(const element *elements, size_t count, hl_surface_kind kind, double tolerance) {
    side s = {0};
    for (size_t i = 0; i < count; i++) {
        s.area += elements[i].area;
        s.weighted += elements[i].area * elements[i].distance;
        if (elements[i].distance <= tolerance) s.within += elements[i].area;
    }
    s.percentile = kind == HL_SURFACE_ELEMENTS ? percentile_of_area(elements, count, s.area) : percentile_of_voxels(elements, count);
    s.farthest = elements[count - 1].distance;
    return s;
}

static void set_figures(const side sides[2], double pooled95, hl_surface_figures *figures) {
    double area = sides[0].area + sides[1].area;
    figures->surface_dice = (sides[0].within + sides[1].within) / area;
    figures->average = (sides[0].weighted + sides[1].weighted) / area;
    figures->hd95 = fmax(sides[0].percentile, sides[1].percentile);
    figures->hd = fmax(sides[0].farthest, sides[1].farthest);
    figures->pooled95 = pooled95;
    for (int k = 0; k < 2; k++) {
        figures->directed95[k] = sides[k].percentile;
        figures->directed_average[k] = sides[k].weighted / sides[k].area;
    }
}

/* Room for the elements of both surfaces. Owner: the caller. */
static element *element_room(hl_context *hl, const surfaces *s) {
    size_t n = 0;
    for (size_t i = 0; i < hl_stack_voxels(&s->lattice); i++) n += (s->codes[0][i] != 0) + (s->codes[1][i] != 0);
    return hl_calloc(hl, n, sizeof(element));
}

static hl_status compare_surfaces(hl_context *hl, const surfaces *s, hl_surface_kind kind, double tolerance, hl_surface_figures *figures) {
    side sides[2];
    size_t count = 0;
    double *distance = hl_calloc(hl, hl_stack_voxels(&s->lattice), sizeof *distance);
    element *elements = distance ? element_room(hl, s) : NULL;
    hl_status status = elements ? HL_OK : HL_NO_MEMORY;
    for (int from = 0; from < 2 && !status; from++) {
        status = hl_distance_transform(hl, &s->lattice, s->codes[1 - from], distance);
        if (status) break;
        size_t more = measure(s, from, distance, elements + count);
        sides[from] = sum_side(elements + count, more, kind, tolerance);
        count += more;
    }
    if (!status) {
        qsort(elements, count, sizeof *elements, by_distance);
        set_figures(sides, sum_side(elements, count, kind, tolerance).percentile, figures);
    }
    free(distance), free(elements);
    return status;
}

static bool any_inside(const uint8_t *mask, size_t voxels) {
    for (size_t i = 0; i < voxels; i++) {
        if (mask[i]) return true;
    }
    return false;
}

static hl_surface_figures all_distances(double dice, double far) {
    return (hl_surface_figures){false, false, dice, far, far, far, {far, far}, {far, far}, far};
}

hl_status hl_surface_compare(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, hl_surface_kind kind,
                             double tolerance, hl_surface_figures *figures) {
    *figures = all_distances(NAN, NAN);
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    if (!hl_stack_has_spacing(stack)) return hl_fail(hl, HL_USAGE, "surface distances: the spacing of the slices is not known");
    if (!(tolerance >= 0)) return hl_fail(hl, HL_USAGE, "surface distances: a tolerance of %g mm, expected 0 or more", tolerance);
    box b;
    size_t voxels = hl_stack_voxels(stack);
    figures->empty = !find_box(stack, truth, predicted, &b);
    if (figures->empty) return HL_OK;
    figures->missed = !any_inside(truth, voxels) || !any_inside(predicted, voxels);
    if (figures->missed) {
        *figures = all_distances(0, hl_stack_diagonal_mm(stack));
        figures->missed = true;
        return HL_OK;
    }
    surfaces s = {.codes = {NULL, NULL}};
    status = mark_surfaces(hl, stack, &b, (const uint8_t *const[]){truth, predicted}, kind, &s);
    if (!status) status = compare_surfaces(hl, &s, kind, tolerance, figures);
    free(s.codes[0]), free(s.codes[1]);
    return status;
}
