/* NIfTI-1 files written: another file's header around new voxels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "data/nifti.h"

enum { PIECE = 1 << 18, OFFSET = 352 };

/* The header of the file that the volume came from, made that of a single file of these voxels. */
static void make_header(const hl_volume *volume, hl_voxel_type type, nifti_1_header *h) {
    memcpy(h, volume->header, sizeof *h);
    h->dim[0] = 3;
    for (int axis = 4; axis < 8; axis++) h->dim[axis] = 1;
    h->dim[3] = (short)volume->size[2];
    h->datatype = type == HL_VOXEL_UINT8 ? DT_UINT8 : DT_FLOAT32;
    h->bitpix = type == HL_VOXEL_UINT8 ? 8 : 32;
    h->vox_offset = OFFSET;
    h->scl_slope = 1, h->scl_inter = 0;
    h->cal_min = 0, h->cal_max = 0;
    h->intent_code = 0, h->intent_p1 = 0, h->intent_p2 = 0, h->intent_p3 = 0;
    memset(h->intent_name, 0, sizeof h->intent_name);
    memset(h->descrip, 0, sizeof h->descrip), memset(h->aux_file, 0, sizeof h->aux_file); /* said of the scan */
    memcpy(h->magic, "n+1", 4);
}

/* The whole of it to a stream that packs, or to one that does not. */
static bool write_all(gzFile to, const hl_volume *volume, hl_voxel_type type, unsigned char *bytes) {
    nifti_1_header h;
    static const unsigned char no_extension[OFFSET - sizeof h] = {0};
    make_header(volume, type, &h);
    if (gzwrite(to, &h, sizeof h) != (int)sizeof h || gzwrite(to, no_extension, sizeof no_extension) <= 0) return false;
    int64_t count = (int64_t)volume->size[0] * volume->size[1] * volume->size[2];
    for (int64_t at = 0; at < count; at += PIECE) {
        int held = (int)(count - at < PIECE ? count - at : PIECE);
        const void *piece = volume->voxels + at;
        if (type == HL_VOXEL_UINT8) {
            for (int i = 0; i < held; i++) bytes[i] = (unsigned char)volume->voxels[at + i];
            piece = bytes;
        }
        int wanted = held * h.bitpix / 8;
        if (gzwrite(to, piece, (unsigned)wanted) != wanted) return false;
    }
    return true;
}

hl_status hl_volume_write(hl_context *hl, const char *path, const hl_volume *volume, hl_voxel_type type) {
    size_t length = strlen(path);
    bool packed = length > 7 && !strcasecmp(path + length - 7, ".nii.gz");
    if (!packed && (length < 5 || strcasecmp(path + length - 4, ".nii")))
        return hl_fail(hl, HL_USAGE, "%s: expected a name that ends in .nii or .nii.gz", path);
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    unsigned char *bytes = status ? NULL : hl_calloc(hl, PIECE, 1);
    if (!bytes) return hl_file_discard(&file), status ? status : HL_NO_MEMORY;
    errno = 0;
    int fd = dup(fileno(file.stream));
    gzFile to = fd < 0 ? NULL : gzdopen(fd, !packed ? "wbT" : type == HL_VOXEL_UINT8 ? "wb6" : "wb1");
    bool written = to && write_all(to, volume, type, bytes);
    if (!to && fd >= 0) close(fd);
    if (to && gzclose(to) != Z_OK) written = false;
    free(bytes);
    if (written) return hl_file_commit(hl, &file);
    int why = errno;
    hl_file_discard(&file);
    return hl_fail(hl, HL_FAILED, "%s: cannot be written: %s", path, why ? strerror(why) : "no memory");
}
