/* Predicted masks cleaned: clipped to the lungs, without small lesions, without holes. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/scan.h"

/* Voxels that wait to be looked at. */
typedef struct stack {
    hl_context *hl;
    int64_t *items;
    size_t count, capacity;
} stack;

static hl_status push(stack *s, int64_t item) {
    int64_t *wider = hl_grow(s->hl, s->items, &s->capacity, s->count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    s->items = wider;
    wider[s->count++] = item;
    return HL_OK;
}

/* --- small lesions --------------------------------------------------------------------------------------------------- */

enum { SEEN = 2 }; /* stands in the mask for a 1 that belongs to the component at hand or one that is kept */

/* Marks the neighbours of a voxel, edges and corners too, and puts them on the stack. */
static hl_status spread(hl_volume *mask, stack *s, int64_t at) {
    const int *n = mask->size;
    int i = (int)(at % n[0]), j = (int)(at / n[0] % n[1]), k = (int)(at / n[0] / n[1]);
    for (int step = 0; step < 27; step++) {
        int x = i + step % 3 - 1, y = j + step / 3 % 3 - 1, z = k + step / 9 - 1;
        if (x < 0 || y < 0 || z < 0 || x >= n[0] || y >= n[1] || z >= n[2]) continue;
        int64_t to = x + (int64_t)n[0] * (y + (int64_t)n[1] * z);
        if (mask->voxels[to] != 1) continue;
        mask->voxels[to] = SEEN;
        if (push(s, to)) return HL_NO_MEMORY;
    }
    return HL_OK;
}

/* Everything that hangs together with a voxel, as the stack's items from 0 on. */
static hl_status collect(hl_volume *mask, stack *s, int64_t from) {
    s->count = 0;
    mask->voxels[from] = SEEN;
    hl_status status = push(s, from);
    for (size_t next = 0; next < s->count && !status; next++) status = spread(mask, s, s->items[next]);
    return status;
}

static hl_status drop_small(hl_context *hl, hl_volume *mask, double smallest) {
    stack s = {.hl = hl};
    int64_t voxels = (int64_t)mask->size[0] * mask->size[1] * mask->size[2];
    double ml = mask->spacing[0] * mask->spacing[1] * mask->spacing[2] / 1000;
    hl_status status = HL_OK;
    for (int64_t at = 0; at < voxels && !status; at++) {
        if (mask->voxels[at] != 1) continue;
        status = collect(mask, &s, at);
        bool small = (double)s.count * ml < smallest;
        for (size_t i = 0; i < s.count && small; i++) mask->voxels[s.items[i]] = 0;
    }
    for (int64_t at = 0; at < voxels; at++) mask->voxels[at] = mask->voxels[at] != 0;
    free(s.items);
    return status;
}

/* --- holes ----------------------------------------------------------------------------------------------------------- */

/* Marks background that hangs together with the slice's border, side by side. */
static hl_status flood(float *plane, int width, int height, stack *s) {
    hl_status status = HL_OK;
    s->count = 0;
    for (int i = 0; i < width * height && !status; i++) {
        int x = i % width, y = i / width;
        if (plane[i] == 0 && (x == 0 || y == 0 || x == width - 1 || y == height - 1)) plane[i] = SEEN, status = push(s, i);
    }
    for (size_t next = 0; next < s->count && !status; next++) {
        int x = (int)(s->items[next] % width), y = (int)(s->items[next] / width);
        const int around[4][2] = {{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}};
        for (int n = 0; n < 4 && !status; n++) {
            int u = around[n][0], v = around[n][1];
            if (u < 0 || v < 0 || u >= width || v >= height || plane[v * width + u] != 0) continue;
            plane[v * width + u] = SEEN;
            status = push(s, v * width + u);
        }
    }
    return status;
}

static hl_status fill_holes(hl_context *hl, hl_volume *mask) {
    stack s = {.hl = hl};
    int pixels = mask->width * mask->height;
    float *plane = hl_calloc(hl, (size_t)pixels, sizeof *plane);
    hl_status status = plane ? HL_OK : HL_NO_MEMORY;
    for (int z = 0; z < mask->slices && !status; z++) {
        hl_volume_slice(mask, z, plane);
        status = flood(plane, mask->width, mask->height, &s);
        for (int i = 0; i < pixels; i++) plane[i] = plane[i] != SEEN;
        if (!status) hl_volume_put_slice(mask, z, plane);
    }
    free(plane), free(s.items);
    return status;
}

/* --- lungs ----------------------------------------------------------------------------------------------------------- */

/* Both are read in the axial order: they may be stored differently. */
static void clip(hl_volume *mask, const hl_volume *lungs) {
    for (int z = 0; z < mask->slices; z++) {
        for (int y = 0; y < mask->height; y++) {
            float *m = mask->voxels + mask->first + y * mask->step[1] + z * mask->step[2];
            const float *l = lungs->voxels + lungs->first + y * lungs->step[1] + z * lungs->step[2];
            for (int x = 0; x < mask->width; x++)
                if (l[x * lungs->step[0]] == 0) m[x * mask->step[0]] = 0;
        }
    }
}

hl_status hl_mask_clean(hl_context *hl, hl_volume *mask, const hl_volume *lungs, const hl_cleaning *cleaning) {
    if (cleaning->clip && (!lungs || !hl_volume_same_size(mask, lungs)))
        return hl_fail(hl, HL_BAD_INPUT, "a mask of %dx%d and %d slices cannot be clipped: there are no lungs of that size", mask->width,
                       mask->height, mask->slices);
    if (cleaning->clip) clip(mask, lungs);
    hl_status status = cleaning->smallest > 0 ? drop_small(hl, mask, cleaning->smallest) : HL_OK;
    return !status && cleaning->fill ? fill_holes(hl, mask) : status;
}
