/* Laying tensors into one block of memory by lifetime. */
#include <stdlib.h>

#include "graph/plan.h"

enum {
    ALIGNMENT = 64,
    BRIEF_BYTES = 4 << 20, /* of what lives for one moment and is no larger, the second cache still holds what was there at the moment before; */
    BRIEF_SHARE = 400,     /* nor larger than such a part of all there is, or little would be left to share */
};

int hl_arena_add(hl_context *hl, hl_arena *arena, size_t bytes, int first, int last) {
    hl_item *items = hl_grow(hl, arena->items, &arena->capacity, arena->count + 1, sizeof *items);
    if (!items) return -1;
    arena->items = items;
    items[arena->count] = (hl_item){.bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, .first = first, .last = last};
    return (int)arena->count++;
}

void hl_arena_extend(hl_arena *arena, int item, int at) {
    hl_item *it = &arena->items[item];
    if (at < it->first) it->first = at;
    if (at > it->last) it->last = at;
}

/* What is brief first, so that it lies at one place at all times; then larger first; of equals the older. */
static int by_size(const void *a, const void *b) {
    const hl_item *x = *(hl_item *const *)a, *y = *(hl_item *const *)b;
    if (x->brief != y->brief) return x->brief ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* Where `item` fits lowest among the `count` placed ones, which stand in order of offset. */
static size_t lowest_gap(hl_item *const *placed, size_t count, const hl_item *item) {
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const hl_item *p = placed[i];
        if (p->last < item->first || p->first > item->last) continue;
        if (p->offset >= offset + item->bytes) break;
        if (p->offset + p->bytes > offset) offset = p->offset + p->bytes;
    }
    return offset;
}

hl_status hl_arena_place(hl_context *hl, hl_arena *arena) {
    hl_item **order = hl_calloc(hl, arena->count, sizeof(hl_item *)), **placed = hl_calloc(hl, arena->count, sizeof(hl_item *));
    if (!order || !placed) return free(order), free(placed), HL_NO_MEMORY;
    arena->bytes = arena->unshared = 0;
    for (size_t i = 0; i < arena->count; i++) order[i] = &arena->items[i], arena->unshared += arena->items[i].bytes;
    for (size_t i = 0; i < arena->count; i++)
        order[i]->brief = order[i]->first == order[i]->last && order[i]->bytes <= BRIEF_BYTES && order[i]->bytes <= arena->unshared / BRIEF_SHARE;
    qsort(order, arena->count, sizeof(hl_item *), by_size);
    for (size_t i = 0; i < arena->count; i++) {
        hl_item *item = order[i];
        item->offset = lowest_gap(placed, i, item);
        size_t at = i;
        for (; at > 0 && placed[at - 1]->offset > item->offset; at--) placed[at] = placed[at - 1];
        placed[at] = item;
        if (item->offset + item->bytes > arena->bytes) arena->bytes = item->offset + item->bytes;
    }
    free(order);
    free(placed);
    return HL_OK;
}
