/* Left and right lung from a mask that does not tell them apart. */
#include <stdlib.h>
#include <string.h>

#include "eval/stack.h"

/* Two components count as the two lungs of a slice when the smaller has this share of the slice's lung, */
static const double second_share = 0.15;
/* and their middles lie this share of the lungs' width apart. */
static const double apart_share = 0.25;
/* A component lies on a side when no more than this share of it reaches over the midline. */
static const double over_share = 0.1;
/* Where a component is cut: this share of the lungs' width to either side of the midline at most. */
static const double waist_share = 0.08;

typedef struct splitting {
    const hl_stack *stack;
    const uint8_t *lung;
    uint8_t *sides;
    int32_t *solid, *flat; /* components in 3-D and of each slice */
    int solid_count;
    double *midline; /* of each slice: columns below it are right, NaN before it is known */
    bool *known;     /* whether the slice's own components gave it */
    int left, right; /* columns of the lungs' box */
} splitting;

/* A component of a slice. */
typedef struct patch {
    int64_t size, sum_x;
    int64_t right;   /* of `size`, before the midline */
    int first, last; /* columns */
    int border;      /* 1 + the first column that is left; 0: not known yet */
} patch;

static size_t slice_voxels(const hl_stack *stack) { return (size_t)stack->height * (size_t)stack->width; }

/* Collects a slice's components, whose numbers are a run from *least on. Returns how many. */
static int collect_patches(const splitting *s, int z, patch *patches, int32_t *least) {
    size_t voxels = slice_voxels(s->stack), width = (size_t)s->stack->width;
    const int32_t *labels = s->flat + (size_t)z * voxels;
    int count = 0;
    *least = 0;
    for (size_t i = 0; i < voxels; i++) {
        if (!labels[i]) continue;
        if (!count) *least = labels[i]; /* they are numbered in the order of their first pixels */
        if (labels[i] - *least == count) patches[count++] = (patch){.first = INT32_MAX};
        patch *p = &patches[labels[i] - *least];
        int x = (int)(i % width);
        p->size++, p->sum_x += x, p->right += x + 0.5 < s->midline[z];
        if (x < p->first) p->first = x;
        if (x > p->last) p->last = x;
    }
    return count;
}

/* Halfway between the two largest components where they lie side by side; false where they do not, or are not two. */
static bool midline_of(const splitting *s, const patch *patches, int count, double *midline) {
    const patch *one = NULL, *two = NULL;
    int64_t all = 0;
    for (int k = 0; k < count; k++) {
        const patch *p = &patches[k];
        all += p->size;
        if (!one || p->size > one->size) two = one, one = p;
        else if (!two || p->size > two->size) two = p;
    }
    if (!two || (double)two->size < second_share * (double)all) return false;
    double a = (double)one->sum_x / (double)one->size, b = (double)two->sum_x / (double)two->size;
    const patch *right = a < b ? one : two, *left = a < b ? two : one; /* the patient's */
    if ((a < b ? b - a : a - b) < apart_share * (s->right - s->left + 1)) return false;
    *midline = (right->last + left->first + 1) / 2.0;
    return true;
}

/* The columns of the lungs' box; false where there is no lung. */
static bool find_columns(splitting *s) {
    size_t width = (size_t)s->stack->width, voxels = hl_stack_voxels(s->stack);
    s->left = INT32_MAX, s->right = -1;
    for (size_t i = 0; i < voxels; i++) {
        if (!s->lung[i]) continue;
        int x = (int)(i % width);
        if (x < s->left) s->left = x;
        if (x > s->right) s->right = x;
    }
    return s->right >= 0;
}

/* Slices without a midline of their own take it from the nearest that have one, linearly between two. */
static void carry_midlines(splitting *s) {
    int depth = s->stack->depth, above = -1;
    for (int z = 0; z < depth; z++) {
        if (s->known[z]) above = z;
        if (s->known[z]) continue;
        int below = z;
        while (below < depth && !s->known[below]) below++;
        if (above < 0 && below == depth) s->midline[z] = (s->left + s->right + 1) / 2.0;
        else if (above < 0) s->midline[z] = s->midline[below];
        else if (below == depth) s->midline[z] = s->midline[above];
        else s->midline[z] = s->midline[above] + (s->midline[below] - s->midline[above]) * (z - above) / (below - above);
    }
}

static hl_status find_midlines(hl_context *hl, splitting *s) {
    patch *patches = hl_calloc(hl, slice_voxels(s->stack) / 2 + 1, sizeof *patches); /* 4-connected: no more than half the pixels */
    if (!patches) return HL_NO_MEMORY;
    for (int z = 0; z < s->stack->depth; z++) {
        int32_t least;
        int count = collect_patches(s, z, patches, &least);
        s->known[z] = midline_of(s, patches, count, &s->midline[z]);
    }
    free(patches);
    carry_midlines(s);
    return HL_OK;
}

/* Gives the 3-D components that lie on one side of the midlines to that side; those that reach over keep 0. */
static hl_status divide_solids(hl_context *hl, const splitting *s) {
    int64_t *right = hl_calloc(hl, (size_t)s->solid_count + 1, 2 * sizeof *right), *all = right ? right + s->solid_count + 1 : NULL;
    if (!right) return HL_NO_MEMORY;
    size_t voxels = slice_voxels(s->stack), width = (size_t)s->stack->width;
    for (size_t i = 0; i < hl_stack_voxels(s->stack); i++) {
        if (!s->solid[i]) continue;
        all[s->solid[i]]++;
        right[s->solid[i]] += (double)(i % width) + 0.5 < s->midline[i / voxels];
    }
    for (size_t i = 0; i < hl_stack_voxels(s->stack); i++) {
        int32_t k = s->solid[i];
        if (!k) continue;
        double share = (double)right[k] / (double)all[k];
        s->sides[i] = share >= 1 - over_share ? HL_LUNG_RIGHT : share <= over_share ? HL_LUNG_LEFT : 0;
    }
    free(right);
    return HL_OK;
}

/* The column near the midline at which the component is narrowest (of equals the one nearest the midline): what lies before it is right. */
static int find_waist(const splitting *s, int z, int32_t label, const patch *p) {
    size_t voxels = slice_voxels(s->stack);
    const int32_t *labels = s->flat + (size_t)z * voxels;
    double reach = waist_share * (s->right - s->left + 1), middle = s->midline[z];
    int best = (int)(middle + 0.5), fewest = INT32_MAX;
    for (int x = p->first; x <= p->last + 1; x++) {
        double off = x < middle ? middle - x : x - middle, best_off = best < middle ? middle - best : best - middle;
        int pixels = 0;
        if (off > reach) continue;
        for (int y = 0; y < s->stack->height; y++) pixels += x <= p->last && labels[y * s->stack->width + x] == label;
        if (pixels < fewest || (pixels == fewest && off < best_off)) fewest = pixels, best = x;
    }
    return best;
}

/* Divides what is left of a slice, component by component; sets *cut when one was cut. False where there is no lung. */
static bool divide_slice(const splitting *s, int z, patch *patches, bool *cut) {
    size_t voxels = slice_voxels(s->stack), width = (size_t)s->stack->width;
    const int32_t *labels = s->flat + (size_t)z * voxels;
    uint8_t *sides = s->sides + (size_t)z * voxels;
    int32_t least;
    int count = collect_patches(s, z, patches, &least);
    for (size_t i = 0; i < voxels; i++) {
        if (!labels[i] || sides[i]) continue;
        patch *p = &patches[labels[i] - least];
        double share = (double)p->right / (double)p->size;
        bool over = share > over_share && share < 1 - over_share;
        if (!p->border) p->border = 1 + (over ? find_waist(s, z, labels[i], p) : share > 0.5 ? s->stack->width : 0);
        sides[i] = (int)(i % width) + 1 < p->border ? HL_LUNG_RIGHT : HL_LUNG_LEFT;
        *cut = *cut || over;
    }
    return count > 0;
}

static hl_status divide_slices(hl_context *hl, const splitting *s, hl_lung_split *how) {
    patch *patches = hl_calloc(hl, slice_voxels(s->stack) / 2 + 1, sizeof *patches);
    if (!patches) return HL_NO_MEMORY;
    for (int z = 0; z < s->stack->depth; z++) {
        bool cut = false;
        if (!divide_slice(s, z, patches, &cut)) continue;
        how->slices++, how->cut += cut, how->apart += !cut, how->carried += !s->known[z];
    }
    free(patches);
    return HL_OK;
}

static hl_status allocate(hl_context *hl, splitting *s) {
    size_t voxels = hl_stack_voxels(s->stack), depth = (size_t)s->stack->depth;
    s->solid = hl_calloc(hl, voxels, sizeof *s->solid);
    s->flat = hl_calloc(hl, voxels, sizeof *s->flat);
    s->midline = hl_calloc(hl, depth, sizeof *s->midline);
    s->known = hl_calloc(hl, depth, sizeof *s->known);
    return s->solid && s->flat && s->midline && s->known ? HL_OK : HL_NO_MEMORY;
}

hl_status hl_split_lungs(hl_context *hl, const hl_stack *stack, const uint8_t *lung, uint8_t *sides, hl_lung_split *how) {
    splitting s = {.stack = stack, .lung = lung, .sides = sides};
    hl_lung_split counts = {0};
    int flat_count;
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    memset(sides, 0, hl_stack_voxels(stack));
    if (find_columns(&s)) {
        status = allocate(hl, &s);
        if (!status) status = hl_components(hl, stack, lung, HL_CONNECT_6, s.solid, &s.solid_count);
        if (!status) status = hl_components(hl, stack, lung, HL_CONNECT_4, s.flat, &flat_count);
        if (!status) status = find_midlines(hl, &s);
        if (!status) status = divide_solids(hl, &s);
        if (!status) status = divide_slices(hl, &s, &counts);
    }
    free(s.solid), free(s.flat), free(s.midline), free(s.known);
    if (how) *how = counts;
    return status;
}
