/* NIfTI-1 files read: the header through niftilib's terms, voxels piece by piece through zlib. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "data/nifti.h"

enum { HEADER = 348, NIFTI2_HEADER = 540, PIECE = 1 << 20, MOST_DEFLATED = 1032 /* bytes that deflate makes of one */ };

/* A file being read; zlib reads plain ones as they are. */
typedef struct source {
    hl_context *hl;
    const char *path;
    gzFile stream;
    int64_t bytes; /* of the file as it lies on disk */
} source;

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && !strcasecmp(path + length - tail, ending) && path[length - tail - 1] != '/';
}

bool hl_volume_named(const char *path) { return ends_in(path, ".nii") || ends_in(path, ".nii.gz") || ends_in(path, ".hdr"); }

static hl_status open_source(hl_context *hl, const char *path, source *from) {
    struct stat status;
    *from = (source){.hl = hl, .path = path};
    if (stat(path, &status)) return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: this is no file", path);
    from->bytes = status.st_size;
    errno = 0;
    from->stream = gzopen(path, "rb");
    if (!from->stream) return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, errno ? strerror(errno) : "no memory");
    (void)gzbuffer(from->stream, PIECE / 4);
    return HL_OK;
}

/* Why gzread gave `got` bytes and not what was asked for, `at` bytes into the `whole` of the file's header or voxels. */
static hl_status tell_short(const source *from, int got, int64_t at, int64_t whole, const char *what) {
    int code = Z_OK;
    const char *why = gzerror(from->stream, &code); /* zlib's text starts with the path */
    if (code == Z_ERRNO) return hl_fail(from->hl, HL_BAD_INPUT, "%s: cannot be read: %s", from->path, strerror(errno));
    if (code == Z_DATA_ERROR) return hl_fail(from->hl, HL_BAD_INPUT, "%s: the compressed data are broken", why);
    return hl_fail(from->hl, HL_BAD_INPUT, "%s: the file ends after %lld of the %lld bytes of its %s", from->path,
                   (long long)(at + (got > 0 ? got : 0)), (long long)whole, what);
}

/* The next `bytes` of the voxels. With the last of them one more is asked for, so that zlib goes on to the end of the compressed data, if
 * that is where the file ends, and compares their checksum; `to` has room for it. */
static hl_status read_piece(const source *from, void *to, size_t bytes, int64_t at, int64_t whole) {
    bool last = at + (int64_t)bytes == whole;
    int got = gzread(from->stream, to, (unsigned)bytes + last), code = Z_OK;
    if (got < (int)bytes) return tell_short(from, got, at, whole, "voxels");
    (void)gzerror(from->stream, &code);
    if (last && code) return hl_fail(from->hl, HL_BAD_INPUT, "%s: the compressed data end before their checksum", from->path);
    return HL_OK;
}

/* --- the header ------------------------------------------------------------------------------------------------------ */

static hl_status check_magic(const source *from, const nifti_1_header *h, bool paired) {
    const char *expected = paired ? "ni1" : "n+1";
    if (!memcmp(h->magic, expected, 4)) return HL_OK;
    const unsigned char *m = (const unsigned char *)h->magic;
    return hl_fail(from->hl, HL_BAD_INPUT, "%s: the magic is %02x %02x %02x %02x, expected that of NIfTI-1, \"%s\"", from->path, m[0], m[1],
                   m[2], m[3], expected);
}

static hl_status read_header(const source *from, bool paired, nifti_1_header *h, bool *swap) {
    int got = gzread(from->stream, h, HEADER);
    if (got != HEADER) return tell_short(from, got, 0, HEADER, "header");
    int32_t size = h->sizeof_hdr, turned = (int32_t)__builtin_bswap32((uint32_t)size);
    if (size == NIFTI2_HEADER || turned == NIFTI2_HEADER)
        return hl_fail(from->hl, HL_BAD_INPUT, "%s: this is a NIfTI-2 file, expected NIfTI-1", from->path);
    if (size != HEADER && turned != HEADER)
        return hl_fail(from->hl, HL_BAD_INPUT, "%s: this is no NIfTI file: it starts with %d, expected the header's size, %d", from->path,
                       size, HEADER);
    *swap = size != HEADER;
    if (*swap) swap_nifti_header(h, 1);
    return check_magic(from, h, paired);
}

char *hl_nifti_image_beside(hl_context *hl, const char *path) {
    int stem = (int)strlen(path) - 4;
    char *image = hl_format(hl, "%.*s%s", stem, path, ends_in(path, ".HDR") && path[stem + 1] == 'H' ? ".IMG" : ".img");
    if (!image || hl_file_exists(image)) return image;
    char *packed = hl_format(hl, "%s.gz", image);
    if (packed && hl_file_exists(packed)) return free(image), packed;
    free(packed);
    return image;
}

/* --- voxels ---------------------------------------------------------------------------------------------------------- */

static int64_t voxels_of(const hl_volume *volume) { return (int64_t)volume->size[0] * volume->size[1] * volume->size[2]; }

/* Whether the file can hold so many bytes at all, before memory is taken for them. */
static hl_status check_room(const source *from, int64_t offset, int64_t bytes) {
    bool packed = !gzdirect(from->stream);
    int64_t most = packed ? from->bytes * MOST_DEFLATED : from->bytes;
    if (offset + bytes <= most) return HL_OK;
    return hl_fail(from->hl, HL_BAD_INPUT,
                   "%s: the header promises %lld bytes of voxels from byte %lld on, and the file's %lld%s bytes cannot hold them",
                   from->path, (long long)bytes, (long long)offset, (long long)from->bytes, packed ? " compressed" : "");
}

static hl_status refuse_voxel(const source *from, const hl_volume *volume, int64_t at) {
    int i = (int)(at % volume->size[0]), j = (int)(at / volume->size[0] % volume->size[1]),
        k = (int)(at / volume->size[0] / volume->size[1]);
    return hl_fail(from->hl, HL_BAD_INPUT, "%s: the voxel at i %d, j %d, k %d is %s, expected a finite number", from->path, i, j, k,
                   isnan(volume->voxels[at]) ? "not a number (NaN)" : "infinite");
}

static hl_status read_pieces(const source *from, const nifti_1_header *h, bool swap, hl_volume *volume, unsigned char *raw) {
    int64_t count = voxels_of(volume), element = (int64_t)hl_nifti_element(h->datatype);
    for (int64_t at = 0; at < count; at += PIECE) {
        size_t held = (size_t)(count - at < PIECE ? count - at : PIECE);
        hl_status status = read_piece(from, raw, held * (size_t)element, at * element, count * element);
        if (status) return status;
        size_t good = hl_nifti_convert(h, swap, raw, held, volume->voxels + at);
        if (good < held) return refuse_voxel(from, volume, at + (int64_t)good);
    }
    return HL_OK;
}

/* `from` stands anywhere before the voxels. */
static hl_status read_voxels(const source *from, const nifti_1_header *h, bool swap, int64_t offset, hl_volume *volume) {
    int64_t count = voxels_of(volume), element = (int64_t)hl_nifti_element(h->datatype);
    hl_status status = check_room(from, offset, count * element);
    if (status) return status;
    if (gzseek(from->stream, (z_off_t)offset, SEEK_SET) < 0)
        return hl_fail(from->hl, HL_BAD_INPUT, "%s: the file ends before byte %lld, where its voxels start", from->path, (long long)offset);
    unsigned char *raw = hl_calloc(from->hl, 1, PIECE * (size_t)element + 1);
    volume->voxels = hl_calloc(from->hl, (size_t)count, sizeof *volume->voxels);
    status = raw && volume->voxels ? read_pieces(from, h, swap, volume, raw) : HL_NO_MEMORY;
    free(raw);
    return status;
}

static hl_status read_beside(hl_context *hl, const char *path, const nifti_1_header *h, bool swap, int64_t offset, hl_volume *volume) {
    char *image = hl_nifti_image_beside(hl, path);
    if (!image) return HL_NO_MEMORY;
    source from;
    hl_status status = open_source(hl, image, &from);
    if (!status) status = read_voxels(&from, h, swap, offset, volume);
    if (from.stream) gzclose(from.stream);
    free(image);
    return status;
}

static hl_status read_volume(hl_context *hl, const char *path, bool with_voxels, hl_volume *volume) {
    *volume = (hl_volume){0};
    if (!hl_volume_named(path)) return hl_fail(hl, HL_BAD_INPUT, "%s: expected a name that ends in .nii, .nii.gz or .hdr", path);
    bool paired = ends_in(path, ".hdr"), swap = false;
    source from;
    nifti_1_header h;
    int64_t offset = 0;
    hl_status status = open_source(hl, path, &from);
    if (!status) status = read_header(&from, paired, &h, &swap);
    if (!status) status = hl_nifti_take_header(hl, path, &h, volume);
    if (!status) status = hl_nifti_offset(hl, path, &h, paired, &offset);
    if (!status && with_voxels)
        status = paired ? read_beside(hl, path, &h, swap, offset, volume) : read_voxels(&from, &h, swap, offset, volume);
    if (from.stream) gzclose(from.stream);
    if (status) hl_volume_free(volume);
    return status;
}

hl_status hl_volume_read(hl_context *hl, const char *path, hl_volume *volume) { return read_volume(hl, path, true, volume); }
hl_status hl_volume_probe(hl_context *hl, const char *path, hl_volume *volume) { return read_volume(hl, path, false, volume); }
