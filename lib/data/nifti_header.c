/* What a NIfTI-1 header says: sizes, spacing, which way left is, how elements become numbers. */
#include <math.h>
#include <string.h>

#include "data/nifti.h"

static const struct {
    int type;
    size_t bytes;
    const char *name;
} types[] = {{DT_UINT8, 1, "uint8"},     {DT_INT8, 1, "int8"},      {DT_INT16, 2, "int16"}, {DT_UINT16, 2, "uint16"},
             {DT_INT32, 4, "int32"},     {DT_UINT32, 4, "uint32"},  {DT_INT64, 8, "int64"}, {DT_UINT64, 8, "uint64"},
             {DT_FLOAT32, 4, "float32"}, {DT_FLOAT64, 8, "float64"}};
enum { TYPES = sizeof types / sizeof *types, FARTHEST_OFFSET = 1 << 28 };

size_t hl_nifti_element(int type) {
    for (int i = 0; i < TYPES; i++)
        if (types[i].type == type) return types[i].bytes;
    return 0;
}

/* --- size and type --------------------------------------------------------------------------------------------------- */

static hl_status take_size(hl_context *hl, const char *name, const nifti_1_header *h, hl_volume *volume) {
    if (h->dim[0] < 2 || h->dim[0] > 7) return hl_fail(hl, HL_BAD_INPUT, "%s: the header says %d dimensions, expected 3", name, h->dim[0]);
    int64_t voxels = 1;
    for (int axis = 1; axis <= h->dim[0]; axis++) {
        if (h->dim[axis] < 1)
            return hl_fail(hl, HL_BAD_INPUT, "%s: the header says a size of %d along axis %d, expected at least 1", name, h->dim[axis],
                           axis);
        if (axis > 3 && h->dim[axis] > 1)
            return hl_fail(hl, HL_BAD_INPUT, "%s: the file holds %d volumes along axis %d, expected one", name, h->dim[axis], axis);
        if (axis <= 3) volume->size[axis - 1] = h->dim[axis], voxels *= h->dim[axis];
    }
    if (h->dim[0] == 2) volume->size[2] = 1;
    if (voxels > HL_VOLUME_MOST)
        return hl_fail(hl, HL_BAD_INPUT, "%s: the header says %dx%dx%d, which is %lld voxels, expected at most %d", name, volume->size[0],
                       volume->size[1], volume->size[2], (long long)voxels, HL_VOLUME_MOST);
    for (int i = 0; i < TYPES; i++)
        if (types[i].type == h->datatype) volume->type = types[i].name;
    if (!volume->type)
        return hl_fail(hl, HL_BAD_INPUT,
                       "%s: the voxels are of NIfTI type %d (%s), expected integers of 8 to 64 bits or floats of 32 or 64", name,
                       h->datatype, nifti_datatype_to_string(h->datatype));
    if (isinf(h->scl_slope) || (isfinite(h->scl_slope) && h->scl_slope != 0 && isinf(h->scl_inter)))
        return hl_fail(hl, HL_BAD_INPUT, "%s: the header scales voxels by %g and %g, expected finite numbers", name, (double)h->scl_slope,
                       (double)h->scl_inter);
    return HL_OK;
}

hl_status hl_nifti_offset(hl_context *hl, const char *name, const nifti_1_header *h, bool paired, int64_t *offset) {
    float given = h->vox_offset;
    if (!paired && given == 0) given = 352; /* after the header and four bytes that say no extension follows */
    if (!(given >= (paired ? 0 : 348)) || given > FARTHEST_OFFSET)
        return hl_fail(hl, HL_BAD_INPUT, "%s: the header says voxels start at byte %g, expected %d to %d", name, (double)given,
                       paired ? 0 : 348, FARTHEST_OFFSET);
    *offset = (int64_t)given;
    return HL_OK;
}

/* --- directions ------------------------------------------------------------------------------------------------------ */

static mat44 from_quaternion(const nifti_1_header *h) {
    float side[3];
    for (int axis = 0; axis < 3; axis++) side[axis] = h->pixdim[axis + 1] == 0 ? 1 : fabsf(h->pixdim[axis + 1]);
    return nifti_quatern_to_mat44(h->quatern_b, h->quatern_c, h->quatern_d, h->qoffset_x, h->qoffset_y, h->qoffset_z, side[0], side[1],
                                  side[2], h->pixdim[0] < 0 ? -1 : 1);
}

/* Voxel sizes alone: the middle of the volume at 0, the first axis from right to left. */
static mat44 from_sides(const nifti_1_header *h, const int size[3]) {
    mat44 m = {.m = {[3][3] = 1}};
    for (int axis = 0; axis < 3; axis++) {
        float side = h->pixdim[axis + 1] == 0 ? 1 : fabsf(h->pixdim[axis + 1]);
        m.m[axis][axis] = axis ? side : -side;
        m.m[axis][3] = -m.m[axis][axis] * (float)(size[axis] - 1) / 2;
    }
    return m;
}

static mat44 choose_affine(const nifti_1_header *h, hl_volume *volume) {
    volume->geometry = h->sform_code > 0 ? HL_GEOMETRY_SFORM : h->qform_code > 0 ? HL_GEOMETRY_QFORM : HL_GEOMETRY_PIXDIM;
    if (volume->geometry == HL_GEOMETRY_QFORM) return from_quaternion(h);
    if (volume->geometry == HL_GEOMETRY_PIXDIM) return from_sides(h, volume->size);
    mat44 m = {.m = {[3][3] = 1}};
    memcpy(m.m[0], h->srow_x, sizeof m.m[0]), memcpy(m.m[1], h->srow_y, sizeof m.m[1]), memcpy(m.m[2], h->srow_z, sizeof m.m[2]);
    return m;
}

static double millimetres(const nifti_1_header *h) {
    int unit = XYZT_TO_SPACE(h->xyzt_units);
    return unit == NIFTI_UNITS_METER ? 1000 : unit == NIFTI_UNITS_MICRON ? 0.001 : 1;
}

/* Lays the axial axes along the storage axes: code[i] is where storage axis i runs to. */
static void lay_axes(const int code[3], hl_volume *volume) {
    static const char letters[] = " RLAPSI";
    int64_t stride = 1;
    volume->first = 0;
    for (int i = 0; i < 3; i++) {
        int axial = (code[i] - NIFTI_L2R) / 2;
        bool along = code[i] == NIFTI_R2L || code[i] == NIFTI_A2P || code[i] == NIFTI_I2S;
        volume->axes[i] = letters[code[i]];
        volume->step[axial] = along ? stride : -stride;
        if (!along) volume->first += stride * (volume->size[i] - 1);
        *(axial == 0 ? &volume->width : axial == 1 ? &volume->height : &volume->slices) = volume->size[i];
        double sum = 0;
        for (int row = 0; row < 3; row++) sum += volume->affine[row][i] * volume->affine[row][i];
        volume->spacing[axial] = sqrt(sum);
        stride *= volume->size[i];
    }
}

static hl_status take_directions(hl_context *hl, const char *name, const nifti_1_header *h, hl_volume *volume) {
    static const char *const sources[] = {"sform", "qform", "pixdim"};
    mat44 m = choose_affine(h, volume);
    bool finite = true;
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 4; column++) {
            volume->affine[row][column] = m.m[row][column] * millimetres(h);
            finite = finite && isfinite(m.m[row][column]);
        }
    }
    int code[3] = {0};
    if (finite) nifti_mat44_to_orientation(m, &code[0], &code[1], &code[2]);
    if (!code[0] || !code[1] || !code[2])
        return hl_fail(hl, HL_BAD_INPUT, "%s: the header's %s gives no three directions, expected an affine that can be inverted", name,
                       sources[volume->geometry]);
    lay_axes(code, volume);
    return HL_OK;
}

hl_status hl_nifti_take_header(hl_context *hl, const char *name, const nifti_1_header *header, hl_volume *volume) {
    *volume = (hl_volume){0};
    _Static_assert(sizeof *header == sizeof volume->header, "a NIfTI-1 header has 348 bytes");
    memcpy(volume->header, header, sizeof *header);
    hl_status status = take_size(hl, name, header, volume);
    return status ? status : take_directions(hl, name, header, volume);
}

/* --- elements -------------------------------------------------------------------------------------------------------- */

static double element(int type, const unsigned char *at) {
    union {
        int8_t i8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        float f32;
        double f64;
    } v;
    switch (type) {
    case DT_UINT8:
        return *at;
    case DT_INT8:
        return memcpy(&v.i8, at, 1), v.i8;
    case DT_INT16:
        return memcpy(&v.i16, at, 2), v.i16;
    case DT_UINT16:
        return memcpy(&v.u16, at, 2), v.u16;
    case DT_INT32:
        return memcpy(&v.i32, at, 4), v.i32;
    case DT_UINT32:
        return memcpy(&v.u32, at, 4), v.u32;
    case DT_INT64:
        return memcpy(&v.i64, at, 8), (double)v.i64;
    case DT_UINT64:
        return memcpy(&v.u64, at, 8), (double)v.u64;
    case DT_FLOAT32:
        return memcpy(&v.f32, at, 4), (double)v.f32;
    default:
        return memcpy(&v.f64, at, 8), v.f64;
    }
}

size_t hl_nifti_convert(const nifti_1_header *h, bool swap, unsigned char *raw, size_t count, float *voxels) {
    size_t bytes = hl_nifti_element(h->datatype);
    bool scaled = isfinite(h->scl_slope) && h->scl_slope != 0;
    double slope = scaled ? (double)h->scl_slope : 1, intercept = scaled && isfinite(h->scl_inter) ? (double)h->scl_inter : 0;
    if (swap && bytes > 1) nifti_swap_Nbytes(count, (int)bytes, raw);
    for (size_t i = 0; i < count; i++) {
        voxels[i] = (float)(element(h->datatype, raw + i * bytes) * slope + intercept);
        if (!isfinite(voxels[i])) return i;
    }
    return count;
}
