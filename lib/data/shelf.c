/* Volumes kept open while their slices are wanted: read once, checked against their hash, cut into pictures. */
#include "data/shelf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/nifti.h"

enum { PIECE = 1 << 20 };

/* --- hashes ---------------------------------------------------------------------------------------------------------- */

static hl_status add_file(hl_context *hl, const char *path, XXH3_state_t *state) {
    FILE *stream = fopen(path, "rb");
    if (!stream) return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    char *piece = hl_calloc(hl, PIECE, 1);
    hl_status status = piece ? HL_OK : HL_NO_MEMORY;
    for (size_t got = 1; got && !status;) {
        got = fread(piece, 1, PIECE, stream);
        if (XXH3_128bits_update(state, piece, got) == XXH_ERROR) status = hl_fail(hl, HL_FAILED, "%s: cannot be hashed", path);
    }
    if (!status && ferror(stream)) status = hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    free(piece), fclose(stream);
    return status;
}

hl_status hl_shelf_hash(hl_context *hl, const char *path, XXH128_hash_t *hash) {
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_128bits_reset(state) == XXH_ERROR) return XXH3_freeState(state), hl_fail(hl, HL_NO_MEMORY, "no memory for a hash");
    hl_status status = add_file(hl, path, state);
    if (!status && !strcasecmp(path + strlen(path) - 4, ".hdr")) {
        char *image = hl_nifti_image_beside(hl, path);
        status = image ? add_file(hl, image, state) : HL_NO_MEMORY;
        free(image);
    }
    if (!status) *hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return status;
}

/* --- the shelf ------------------------------------------------------------------------------------------------------- */

void hl_shelf_drop(hl_shelf *shelf, hl_slice_file file) {
    hl_volume_free(&shelf->slots[file].volume);
    shelf->slots[file].path = NULL;
}

void hl_shelf_clear(hl_shelf *shelf) {
    for (int file = 0; file < HL_SLICE_FILES; file++) hl_shelf_drop(shelf, (hl_slice_file)file);
}

hl_status hl_shelf_open(hl_context *hl, hl_shelf *shelf, hl_slice_file file, const char *path, const XXH128_hash_t *hash,
                        const hl_window *window, hl_units units, bool *opened) {
    struct hl_shelf_slot *slot = &shelf->slots[file];
    *opened = !slot->path || strcmp(slot->path, path) || slot->given != units;
    if (!*opened) return HL_OK;
    hl_shelf_drop(shelf, file);
    XXH128_hash_t found;
    hl_status status = hl_shelf_hash(hl, path, &found);
    if (!status && !XXH128_isEqual(found, *hash))
        status = hl_fail(hl, HL_BAD_INPUT, "%s: the file has changed since it was first read", path);
    if (!status) status = hl_volume_read(hl, path, &slot->volume);
    if (!status && file == HL_FILE_IMAGE) status = hl_window_range(hl, path, &slot->volume, window, units, &slot->range);
    if (status) return hl_volume_free(&slot->volume), status;
    slot->path = path, slot->given = units;
    return HL_OK;
}

/* --- pictures -------------------------------------------------------------------------------------------------------- */

static hl_status take_labels(hl_context *hl, const struct hl_shelf_slot *slot, int z, hl_picture *picture) {
    const hl_volume *v = &slot->volume;
    uint16_t *to = picture->pixels;
    for (int y = 0; y < v->height; y++) {
        const float *row = v->voxels + v->first + y * v->step[1] + z * v->step[2];
        for (int x = 0; x < v->width; x++) {
            float value = row[x * v->step[0]];
            if (!(value >= 0 && value <= 255) || value != rintf(value))
                return hl_fail(hl, HL_BAD_INPUT, "%s: slice %d holds the value %g, expected labels: whole numbers from 0 to 255",
                               slot->path, z, (double)value);
            *to++ = (uint16_t)value;
        }
    }
    return HL_OK;
}

hl_status hl_shelf_picture(hl_context *hl, const hl_shelf *shelf, hl_slice_file file, int64_t z, hl_picture *picture) {
    const struct hl_shelf_slot *slot = &shelf->slots[file];
    const hl_volume *volume = &slot->volume;
    *picture = (hl_picture){.width = volume->width, .height = volume->height, .maximum = file == HL_FILE_IMAGE ? 65535 : 255};
    if (z < 0 || z >= volume->slices)
        return hl_fail(hl, HL_BAD_INPUT, "%s: slice %lld was asked for, the volume has slices 0 to %d", slot->path, (long long)z,
                       volume->slices - 1);
    picture->pixels = hl_calloc(hl, (size_t)volume->width * (size_t)volume->height, sizeof *picture->pixels);
    if (!picture->pixels) return HL_NO_MEMORY;
    if (file == HL_FILE_IMAGE) return hl_volume_window(volume, (int)z, &slot->range, picture->pixels), HL_OK;
    hl_status status = take_labels(hl, slot, (int)z, picture);
    if (status) free(picture->pixels), picture->pixels = NULL;
    return status;
}
