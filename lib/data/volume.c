/* Volumes in memory: axial slices out of storage and back, two volumes compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/volume.h"

hl_status hl_volume_like(hl_context *hl, const hl_volume *other, hl_volume *volume) {
    *volume = *other;
    volume->type = "float32";
    volume->voxels = hl_calloc(hl, (size_t)other->width * (size_t)other->height * (size_t)other->slices, sizeof *volume->voxels);
    return volume->voxels ? HL_OK : HL_NO_MEMORY;
}

void hl_volume_free(hl_volume *volume) {
    if (!volume) return;
    free(volume->voxels);
    volume->voxels = NULL;
}

void hl_volume_slice(const hl_volume *volume, int z, float *plane) {
    for (int y = 0; y < volume->height; y++) {
        const float *row = volume->voxels + volume->first + y * volume->step[1] + z * volume->step[2];
        for (int x = 0; x < volume->width; x++) *plane++ = row[x * volume->step[0]];
    }
}

void hl_volume_put_slice(hl_volume *volume, int z, const float *plane) {
    for (int y = 0; y < volume->height; y++) {
        float *row = volume->voxels + volume->first + y * volume->step[1] + z * volume->step[2];
        for (int x = 0; x < volume->width; x++) row[x * volume->step[0]] = *plane++;
    }
}

bool hl_volume_same_size(const hl_volume *a, const hl_volume *b) {
    return a->width == b->width && a->height == b->height && a->slices == b->slices;
}

/* A corner in mm: of each axial axis the end with the low or the high index. */
static void corner_of(const hl_volume *v, const bool high[3], double place[3]) {
    const int extent[3] = {v->width, v->height, v->slices};
    int64_t at = v->first;
    for (int axis = 0; axis < 3; axis++) at += high[axis] ? v->step[axis] * (extent[axis] - 1) : 0;
    const double index[3] = {(double)(at % v->size[0]), (double)(at / v->size[0] % v->size[1]), (double)(at / v->size[0] / v->size[1])};
    for (int row = 0; row < 3; row++) {
        place[row] = v->affine[row][3];
        for (int axis = 0; axis < 3; axis++) place[row] += v->affine[row][axis] * index[axis];
    }
}

double hl_volume_distance(const hl_volume *a, const hl_volume *b) {
    double farthest = 0;
    for (int corner = 0; corner < 8; corner++) {
        const bool high[3] = {corner & 1, corner & 2, corner & 4};
        double p[3], q[3], sum = 0;
        corner_of(a, high, p), corner_of(b, high, q);
        for (int axis = 0; axis < 3; axis++) sum += (p[axis] - q[axis]) * (p[axis] - q[axis]);
        if (sqrt(sum) > farthest) farthest = sqrt(sum);
    }
    return farthest;
}
