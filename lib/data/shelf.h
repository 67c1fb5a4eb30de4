/* Volumes kept open while their slices are wanted: one of each of a slice's files. */
#ifndef HL_DATA_SHELF_H
#define HL_DATA_SHELF_H

#include <xxhash.h>

#include "base/base.h"
#include "hilum/data.h"

/* A slice's files. MASK is the truth: with the target lung it is the lung's file, under the lung's rules, and there is no second reader's.
 */
typedef enum hl_slice_file { HL_FILE_IMAGE, HL_FILE_MASK, HL_FILE_LUNG, HL_FILE_MASK2, HL_SLICE_FILES } hl_slice_file;

typedef struct hl_shelf {
    struct hl_shelf_slot {
        const char *path; /* borrowed; NULL: nothing is open */
        hl_units given;   /* of an image */
        hl_volume volume;
        hl_range range; /* of an image */
    } slots[HL_SLICE_FILES];
} hl_shelf;

/* The hash of a volume's bytes, of .hdr and .img both; read piece by piece. */
hl_status hl_shelf_hash(hl_context *hl, const char *path, XXH128_hash_t *hash);
/* Puts a volume into its slot unless it is there: a file of another hash than `hash` is HL_BAD_INPUT. `window` and `units` matter to
 * images; *opened says whether it was read now. The shelf keeps `path`. */
hl_status hl_shelf_open(hl_context *hl, hl_shelf *shelf, hl_slice_file file, const char *path, const XXH128_hash_t *hash,
                        const hl_window *window, hl_units units, bool *opened);
void hl_shelf_drop(hl_shelf *shelf, hl_slice_file file);
void hl_shelf_clear(hl_shelf *shelf);
/* Axial slice z of an open volume as a picture: an image through its window, 16 bits; labels as they are, up to 255 (others, and fractions,
 * are HL_BAD_INPUT). Owner of its pixels: the caller, free. */
hl_status hl_shelf_picture(hl_context *hl, const hl_shelf *shelf, hl_slice_file file, int64_t z, hl_picture *picture);

#endif
