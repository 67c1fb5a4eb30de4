/* Connected components of a mask: labelling, sizes, the largest ones, those that are large enough. */
#include <stdlib.h>
#include <string.h>

#include "eval/stack.h"

/* Neighbours that come before a voxel in the order of memory. */
typedef struct neighbours {
    int z[13], y[13], x[13], count;
} neighbours;

static bool list_neighbours(hl_connectivity connectivity, neighbours *list) {
    bool planar = connectivity == HL_CONNECT_4 || connectivity == HL_CONNECT_8;
    int farthest = connectivity == HL_CONNECT_4 || connectivity == HL_CONNECT_6    ? 1
                   : connectivity == HL_CONNECT_8 || connectivity == HL_CONNECT_18 ? 2
                   : connectivity == HL_CONNECT_26                                 ? 3
                                                                                   : 0;
    list->count = 0;
    for (int k = 0; k < 13; k++) { /* of the 27 offsets the first 13 come before the voxel itself */
        int z = k / 9 - 1, y = k / 3 % 3 - 1, x = k % 3 - 1;
        if ((planar && z) || abs(z) + abs(y) + abs(x) > farthest) continue;
        list->z[list->count] = z, list->y[list->count] = y, list->x[list->count++] = x;
    }
    return farthest > 0;
}

/* While components grow, labels[i] - 1 is a voxel of i's component that comes before i, or i itself; the paths there are halved. */
static int32_t find_root(int32_t *labels, int32_t i) {
    while (labels[i] != i + 1) {
        labels[i] = labels[labels[i] - 1];
        i = labels[i] - 1;
    }
    return i;
}

static void join(int32_t *labels, int32_t a, int32_t b) {
    a = find_root(labels, a), b = find_root(labels, b);
    if (a < b) labels[b] = a + 1;
    else labels[a] = b + 1;
}

static void join_row(const hl_stack *stack, const neighbours *list, int z, int y, int32_t *labels) {
    int height = stack->height, width = stack->width;
    int32_t row = (z * height + y) * width;
    for (int x = 0; x < width; x++) {
        if (!labels[row + x]) continue;
        for (int k = 0; k < list->count; k++) {
            int nz = z + list->z[k], ny = y + list->y[k], nx = x + list->x[k];
            if (nz < 0 || ny < 0 || ny >= height || nx < 0 || nx >= width) continue;
            int32_t there = (nz * height + ny) * width + nx;
            if (labels[there]) join(labels, row + x, there);
        }
    }
}

hl_status hl_components(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int32_t *labels,
                        int *count) {
    neighbours list;
    *count = 0;
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    if (!list_neighbours(connectivity, &list)) return hl_fail(hl, HL_USAGE, "%d neighbours: expected 4, 8, 6, 18 or 26", (int)connectivity);
    int32_t voxels = (int32_t)hl_stack_voxels(stack);
    for (int32_t i = 0; i < voxels; i++) labels[i] = mask[i] ? i + 1 : 0;
    for (int z = 0; z < stack->depth; z++) {
        for (int y = 0; y < stack->height; y++) join_row(stack, &list, z, y, labels);
    }
    for (int32_t i = 0; i < voxels; i++) { /* what labels[i] points to has its number already */
        if (labels[i]) labels[i] = labels[i] == i + 1 ? ++*count : labels[labels[i] - 1];
    }
    return HL_OK;
}

void hl_component_sizes(const int32_t *labels, size_t voxels, int count, int64_t *sizes) {
    memset(sizes, 0, ((size_t)count + 1) * sizeof *sizes);
    for (size_t i = 0; i < voxels; i++) sizes[labels[i]]++;
}

/* The components of a mask with their sizes. */
typedef struct parts {
    int32_t *labels;
    int64_t *sizes;
    int count;
} parts;

static hl_status find_parts(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, parts *p) {
    *p = (parts){0};
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    p->labels = hl_calloc(hl, hl_stack_voxels(stack), sizeof *p->labels);
    if (!p->labels) return HL_NO_MEMORY;
    status = hl_components(hl, stack, mask, connectivity, p->labels, &p->count);
    if (status) return status;
    p->sizes = hl_calloc(hl, (size_t)p->count + 1, sizeof *p->sizes);
    if (!p->sizes) return HL_NO_MEMORY;
    hl_component_sizes(p->labels, hl_stack_voxels(stack), p->count, p->sizes);
    return HL_OK;
}

/* Keeps the components of at least `least` voxels; of those of exactly `least` only the first `ties`. Frees the parts. */
static hl_status keep_parts(parts *p, hl_status status, size_t voxels, int64_t least, int ties, uint8_t *kept) {
    if (!status) {
        for (int k = 1; k <= p->count; k++) {
            bool stays = p->sizes[k] > least || (p->sizes[k] == least && ties-- > 0);
            p->sizes[k] = stays;
        }
        for (size_t i = 0; i < voxels; i++) kept[i] = p->labels[i] && p->sizes[p->labels[i]];
    }
    free(p->labels), free(p->sizes);
    return status;
}

static int falling(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a < b) - (a > b);
}

hl_status hl_keep_largest(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int most,
                          uint8_t *kept) {
    parts p;
    int64_t least = 0, *order = NULL;
    int ties = 0;
    if (most < 1) return hl_fail(hl, HL_USAGE, "the %d largest components: expected at least 1", most);
    hl_status status = find_parts(hl, stack, mask, connectivity, &p);
    if (!status && p.count > most) {
        order = hl_calloc(hl, (size_t)p.count, sizeof *order);
        if (!order) status = HL_NO_MEMORY;
    }
    if (order) {
        memcpy(order, p.sizes + 1, (size_t)p.count * sizeof *order);
        qsort(order, (size_t)p.count, sizeof *order, falling);
        least = order[most - 1];
        for (int k = 0; k < most; k++) ties += order[k] == least;
    }
    free(order);
    return keep_parts(&p, status, hl_stack_voxels(stack), least, ties, kept);
}

hl_status hl_drop_small(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int64_t least,
                        uint8_t *kept) {
    parts p;
    hl_status status = find_parts(hl, stack, mask, connectivity, &p);
    return keep_parts(&p, status, hl_stack_voxels(stack), least, p.count, kept);
}
