/* The audit's reading: pictures and volumes slice by slice, and what is wrong with single files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/audit.h"

const char *const hl_audit_file_names[HL_FILES] = {"image", "lesion mask", "lung mask", "second mask"};

static void volume_range(const hl_volume *volume, float *least, float *most) {
    size_t voxels = (size_t)volume->size[0] * (size_t)volume->size[1] * (size_t)volume->size[2];
    *least = INFINITY, *most = -INFINITY;
    for (size_t i = 0; i < voxels; i++) *least = fminf(*least, volume->voxels[i]), *most = fmaxf(*most, volume->voxels[i]);
}

/* Opens a volume unless it is open; a failure is kept too, so that a broken file is read once. */
static hl_status open_volume(hl_audit_reader *reader, int file, const char *path) {
    if (reader->open[file].path && !strcmp(reader->open[file].path, path)) {
        hl_status status = reader->open[file].status;
        return status ? hl_fail(reader->hl, status, "%s", reader->open[file].error) : HL_OK;
    }
    hl_volume *volume = &reader->open[file].volume;
    hl_volume_free(volume);
    reader->open[file].path = path;
    hl_status status = reader->open[file].status = hl_volume_read(reader->hl, path, volume);
    if (status) snprintf(reader->open[file].error, sizeof reader->open[file].error, "%s", hl_error(reader->hl));
    else volume_range(volume, &reader->open[file].least, &reader->open[file].most);
    return status;
}

void hl_audit_reader_close(hl_audit_reader *reader) {
    for (int file = 0; file < HL_FILES; file++) hl_volume_free(&reader->open[file].volume);
}

static hl_status volume_plane(hl_audit_reader *reader, int file, const char *path, int64_t slice, hl_plane *plane) {
    hl_status status = open_volume(reader, file, path);
    if (status) return status;
    const hl_volume *volume = &reader->open[file].volume;
    if (slice < 0 || slice >= volume->slices)
        return hl_fail(reader->hl, HL_BAD_INPUT, "%s: slice %lld is asked for, the volume has slices 0 to %d", path, (long long)slice,
                       volume->slices - 1);
    float least = reader->open[file].least, most = reader->open[file].most;
    *plane = (hl_plane){.width = volume->width, .height = volume->height, .low = least, .high = most, .slices = volume->slices};
    if (least < -100) plane->low = -1000, plane->high = 400; /* from air to dense tissue, in Hounsfield units */
    else if (least >= 0 && most <= 255) plane->low = 0, plane->high = 255;
    plane->values = hl_calloc(reader->hl, (size_t)plane->width * (size_t)plane->height, sizeof *plane->values);
    if (!plane->values) return HL_NO_MEMORY;
    hl_volume_slice(volume, (int)slice, plane->values);
    return HL_OK;
}

static hl_status picture_plane(hl_audit_reader *reader, const char *path, hl_plane *plane) {
    hl_picture picture;
    hl_status status = hl_png_read(reader->hl, path, &picture);
    if (status) return status;
    size_t pixels = (size_t)picture.width * (size_t)picture.height;
    *plane = (hl_plane){.width = picture.width, .height = picture.height, .high = (float)picture.maximum};
    plane->values = hl_calloc(reader->hl, pixels, sizeof *plane->values);
    for (size_t i = 0; plane->values && i < pixels; i++) plane->values[i] = picture.pixels[i];
    free(picture.pixels);
    return plane->values ? HL_OK : HL_NO_MEMORY;
}

hl_status hl_audit_plane(hl_audit_reader *reader, int file, const char *path, int64_t slice, hl_plane *plane) {
    *plane = (hl_plane){0};
    return hl_volume_named(path) ? volume_plane(reader, file, path, slice, plane) : picture_plane(reader, path, plane);
}
