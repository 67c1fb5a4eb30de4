/* Decoded slices of a cohort in memory that a file may stand behind. */
#ifndef HL_DATA_CACHE_H
#define HL_DATA_CACHE_H

#include "hilum/data.h"

#include "base/base.h"

/* What the file holds of a slice. A part is there when its check is the hash of the part's bytes, so that a file cut off
 * at any moment, or half of it on disk, is found out. Several processes may use one file: all write the same bytes. */
typedef struct hl_cache_entry {
    int32_t width, height;                                  /* of the slice's own grid */
    int64_t lesion_pixels;                                  /* -1: unlabelled */
    int64_t class_pixels[HL_CLASSES_MOST];
    double spacing[2];                                      /* x, y in mm; 0: not known */
    int32_t units, recognised, geometry;                    /* of a volume; whether the units were found, not given */
    _Atomic uint64_t info_check, labels_check, image_check; /* 0: not there */
} hl_cache_entry;

/* What a cache is for. */
typedef struct hl_cache_shape {
    int rows, height, width;
    bool mask2, lung; /* whether any row has them */
} hl_cache_shape;

typedef struct hl_cache {
    hl_cache_shape shape;
    unsigned char *memory;
    size_t bytes, slots, slot_bytes; /* of it all; where the first slot starts; of one slot */
} hl_cache;

/* Maps folder/NAME.cache, made anew when it is missing or not of this shape. Where that cannot be (folder NULL, not
 * writable, disk full) plain memory takes its place: a cache saves time, and its want must not end a run. */
hl_status hl_cache_open(hl_context *hl, hl_cache *cache, const char *folder, const char *name, const hl_cache_shape *shape);
void hl_cache_close(hl_cache *cache);

hl_cache_entry *hl_cache_entry_of(const hl_cache *cache, int row);
/* The planes of a slot, height x width each; NULL for one that the cache does not have. */
float *hl_cache_image(const hl_cache *cache, int row);
uint8_t *hl_cache_mask(const hl_cache *cache, int row);
uint8_t *hl_cache_mask2(const hl_cache *cache, int row);
uint8_t *hl_cache_lung(const hl_cache *cache, int row);

/* Whether a part is there and whole. */
bool hl_cache_has_info(const hl_cache *cache, int row);
bool hl_cache_has_labels(const hl_cache *cache, int row);
bool hl_cache_has_image(const hl_cache *cache, int row);
/* Says that a part has been filled. */
void hl_cache_seal_info(hl_cache *cache, int row);
void hl_cache_seal_labels(hl_cache *cache, int row);
void hl_cache_seal_image(hl_cache *cache, int row);

#endif
