/* Small volumes for tests, in any orientation. */
#ifndef HL_TEST_VOLUMES_H
#define HL_TEST_VOLUMES_H

#include <string.h>

#include "../harness.h"
#include "data/nifti.h"
#include "hilum/volume.h"

/* Zeros, of width x height x slices axially and stored along `axes` ("LPS" and the like), whichever they are in one place. Owner: the
 * caller, hl_volume_free. */
static inline hl_volume make_volume(hl_context *hl, int width, int height, int slices, const char *axes) {
    static const char letters[] = "LPSRAI";
    const int size[3] = {width, height, slices};
    const double spacing[3] = {0.75, 0.5, 5}, start[3] = {100, 120, -40};
    nifti_1_header h = {
        .sizeof_hdr = 348, .dim = {3}, .datatype = DT_INT16, .bitpix = 16, .vox_offset = 352, .sform_code = 1, .pixdim = {1}};
    memcpy(h.magic, "n+1", 4);
    float *rows[3] = {h.srow_x, h.srow_y, h.srow_z};
    for (int i = 0; i < 3; i++) {
        int letter = (int)(strchr(letters, axes[i]) - letters), axis = letter % 3;
        double towards = axis == 2 ? 1 : -1; /* of the axial axis in RAS */
        bool along = letter < 3;
        h.dim[i + 1] = (short)size[axis];
        h.pixdim[i + 1] = (float)spacing[axis];
        rows[axis][i] = (float)((along ? towards : -towards) * spacing[axis]);
        rows[axis][3] = (float)(start[axis] + (along ? 0 : towards * spacing[axis] * (size[axis] - 1)));
    }
    hl_volume made, volume;
    ck_ok(hl, hl_nifti_take_header(hl, "made", &h, &made));
    ck_ok(hl, hl_volume_like(hl, &made, &volume));
    return volume;
}

static inline float *voxel(hl_volume *v, int x, int y, int z) {
    return &v->voxels[v->first + x * v->step[0] + y * v->step[1] + z * v->step[2]];
}

#endif
