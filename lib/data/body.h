/* The body on a picture of the chest, and pictures of it that can be compared whatever the field of view. */
#ifndef HL_DATA_BODY_H
#define HL_DATA_BODY_H

#include "base/base.h"

enum { HL_BODY_SIDE = 64, HL_BODY_CROP = 32 };

/* The smallest rectangle around the body: what is not air that the border reaches (Otsu's threshold; lungs are inside), opened with a
 * diamond of 7 pixels, so that a couch or a blanket comes off, and of what is left the largest piece. False where that leaves less than a
 * quarter of the picture's width or height. */
typedef struct hl_body_box {
    int top, bottom, left, right; /* bottom and right are the first outside */
} hl_body_box;
bool hl_body_find(const double *picture, hl_body_box *box);
/* The rectangle stretched to a square by area average, its mean taken away, length 1. */
void hl_body_crop(const double *picture, const hl_body_box *box, float *crop);

#endif
