/* Volumes: NIfTI-1 scans and masks, cut into axial slices whatever the order in which their voxels are stored. */
#ifndef HILUM_VOLUME_H
#define HILUM_VOLUME_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What says which way left is (NIfTI-1, "orientation and location in space"): the first that the file has. */
typedef enum hl_geometry {
    HL_GEOMETRY_SFORM,  /* sform_code > 0: the affine's rows */
    HL_GEOMETRY_QFORM,  /* qform_code > 0: the quaternion */
    HL_GEOMETRY_PIXDIM, /* neither: voxel sizes alone. The file does not say; the first axis is taken to run from right to left, the second
                         * from back to front, the third from feet to head, as FSL and nibabel have it. */
} hl_geometry;

/* One volume. A voxel at column x, row y of axial slice z is voxels[first + x step[0] + y step[1] + z step[2]]: columns run from the
 * patient's right to the left, rows from front to back, slices from feet to head, each along the storage axis that lies closest. */
typedef struct hl_volume {
    int width, height, slices; /* of the axial slices */
    double spacing[3];         /* of x, y and z in mm */
    int64_t first, step[3];    /* in voxels */
    int size[3];               /* of the storage axes i (fastest), j, k */
    double affine[3][4];       /* from i, j, k to mm towards the patient's right, front and head (RAS) */
    char axes[4];              /* where i, j and k run to, as letters of R L, A P, S I: "LPS" is stored as it is cut */
    hl_geometry geometry;
    const char *type;          /* of the stored voxels: "int16" and the like */
    float *voxels;             /* in storage order, scaled by scl_slope and scl_inter; NULL after hl_volume_probe */
    unsigned char header[348]; /* the file's own, in the machine's byte order, for hl_volume_write */
} hl_volume;

/* Most voxels that a volume may have: 2^29. */
enum { HL_VOLUME_MOST = 1 << 29 };

/* Whether a path's name is a volume's: it ends in .nii, .nii.gz or .hdr. */
bool hl_volume_named(const char *path);

/* Reads a volume: .nii, .nii.gz, or .hdr beside its .img (or .img.gz); any byte order; integers of 8 to 64 bits and float32 and float64,
 * which are scaled in double and rounded to float once. HL_BAD_INPUT in one sentence: not NIfTI-1, NIfTI-2, colour, complex or float128
 * voxels, a size below 1, more than HL_VOLUME_MOST voxels, several volumes in one file, a file that ends early or is broken, an affine
 * without directions, a voxel that is no finite number. Memory is four bytes a voxel, and none is taken that the file cannot fill. Owner of
 * volume->voxels: the caller, hl_volume_free, which may be called after a failure too. */
hl_status hl_volume_read(hl_context *hl, const char *path, hl_volume *volume);
/* The same of the header alone: all but the voxels is known and checked. */
hl_status hl_volume_probe(hl_context *hl, const char *path, hl_volume *volume);
/* A volume of zeros in another's geometry and storage order. Owner: the caller, hl_volume_free. */
hl_status hl_volume_like(hl_context *hl, const hl_volume *other, hl_volume *volume);
void hl_volume_free(hl_volume *volume);

/* Whether slices of one lie on the other's: as wide, as high, as many. */
bool hl_volume_same_size(const hl_volume *a, const hl_volume *b);
/* The farthest that a corner of one volume lies from the same corner of the other, in mm, corners taken in the axial order. */
double hl_volume_distance(const hl_volume *a, const hl_volume *b);

/* Axial slice z from 0, height x width row by row: the patient's right at the left, front up. */
void hl_volume_slice(const hl_volume *volume, int z, float *plane);
/* The way back: puts an axial slice where it belongs in storage. */
void hl_volume_put_slice(hl_volume *volume, int z, const float *plane);

typedef enum hl_voxel_type {
    HL_VOXEL_UINT8, /* masks: values are whole, 0 to 255 */
    HL_VOXEL_FLOAT32,
} hl_voxel_type;

/* Writes .nii or .nii.gz by the path's ending (another is HL_USAGE): geometry, affine, units and storage order are those of the file
 * that the volume, or the one it is like, came from. The file appears whole or not at all; the same voxels give the same bytes. */
hl_status hl_volume_write(hl_context *hl, const char *path, const hl_volume *volume, hl_voxel_type type);

/* --- windows --------------------------------------------------------------------------------------------------- */

typedef enum hl_window_kind {
    HL_WINDOW_RANGE,      /* low to high, of volumes in Hounsfield units; 8-bit ones are divided by 255 */
    HL_WINDOW_MINMAX,     /* a volume's least value to its greatest, whatever its units */
    HL_WINDOW_PERCENTILE, /* its 0.5th percentile to its 99.5th, by nearest rank */
} hl_window_kind;

/* Which values become 0 and 1. All zero: -1250 to 250. */
typedef struct hl_window {
    hl_window_kind kind;
    double low, high;
} hl_window;

/* What a volume's values are. */
typedef enum hl_units {
    HL_UNITS_UNKNOWN, /* to be recognised */
    HL_UNITS_HU,
    HL_UNITS_8BIT,
} hl_units;

/* The window that a text names: "LOW,HIGH", "lung" (level -600, width 1500: -1350 to 150), "minmax" or "percentile"; else HL_USAGE. */
hl_status hl_window_parse(hl_context *hl, const char *text, hl_window *window);
/* The other way round, as hl_window_parse reads it. */
const char *hl_window_text(const hl_window *window, char text[64]);

/* What a window comes to for one volume. */
typedef struct hl_range {
    double low, high;
    hl_units units;  /* HL_UNITS_HU or HL_UNITS_8BIT */
    bool recognised; /* units were not given; values all within 0 to 255, which no chest in Hounsfield units has, are 8-bit */
} hl_range;

/* Finds the range, going through all voxels. `name` stands in error texts. Units given as 8-bit with values beyond 0 to 255: HL_BAD_INPUT.
 */
hl_status hl_window_range(hl_context *hl, const char *name, const hl_volume *volume, const hl_window *window, hl_units units,
                          hl_range *range);
/* An axial slice through a window: height x width, 0 at and below low, 65535 at and above high, between them to the nearest (the even one
 * of two). A 16-bit PNG of these pixels is the same to everything that reads slices, and so is an 8-bit one of an 8-bit volume's. */
void hl_volume_window(const hl_volume *volume, int z, const hl_range *range, uint16_t *pixels);

#ifdef __cplusplus
}
#endif
#endif
