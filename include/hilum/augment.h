/* Augmentation: what is changed at random in the slices that a net trains on. */
#ifndef HILUM_AUGMENT_H
#define HILUM_AUGMENT_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hl_placement; /* hilum/data.h */

/* One way of changing a slice. */
typedef struct hl_augment_kind {
    const char *name;
    const char *about;     /* what it does, and what its strength means, in one line */
    double standard, most; /* strength when none is said; the largest */
    double chance;         /* share of the samples it is applied to when none is said; 1 for a flip, whose strength is that share */
} hl_augment_kind;

enum { HL_AUGMENT_MOST = 16 };
int hl_augment_count(void);                           /* of kinds, at most HL_AUGMENT_MOST */
const hl_augment_kind *hl_augment_get_kind(int kind); /* kind 0 is flip */

/* Which kinds, how strong, how often. All zero: none. */
typedef struct hl_augmentation {
    double strength[HL_AUGMENT_MOST]; /* by kind, 0 to its `most`; 0: not applied */
    double chance[HL_AUGMENT_MOST];   /* share of the samples, 0 to 1 */
} hl_augmentation;

/* Kind by kind as --augment has them: "none", "all" (each as standard), or names with commas between, each with =STRENGTH and :CHANCE where
 * they are not to be the standard ones, as in "flip,rotate=20,gamma=0.5:0.8". An unknown name, one twice or a number out of bounds is
 * HL_USAGE. */
hl_status hl_augmentation_parse(hl_context *hl, const char *text, hl_augmentation *augmentation);
/* The text that says the same whatever the standards are: with all numbers, only that of flip=0.5 is "flip". Owner: the caller, free. */
char *hl_augmentation_text(hl_context *hl, const hl_augmentation *augmentation);
hl_status hl_augmentation_check(hl_context *hl, const hl_augmentation *augmentation); /* HL_USAGE: a number out of bounds */
bool hl_augmentation_any(const hl_augmentation *augmentation);

/* What changes slices of one size, with the memory that takes; for one thread. */
typedef struct hl_augmenter hl_augmenter;
/* planes: pictures that are changed alike, a slice and its neighbours. Owner: the caller, hl_augmenter_free. */
hl_augmenter *hl_augmenter_new(hl_context *hl, const hl_augmentation *augmentation, int height, int width, int planes);
void hl_augmenter_free(hl_augmenter *augmenter);
/* Changes a sample in place: images planes x height x width, 0..1, and labels height x width, below 128 (NULL: none). Flip, rotation,
 * scale, shift and bending are one map of the plane, by which images are resampled once, bilinearly, and labels by nearest; then come the
 * intensities, of images alone, which stay within 0..1. `inside` is where the slice lies: what is outside of it, or comes from outside the
 * grid, is 0 and stays 0. All draws are functions of `draw` and of the kind's name, so that a kind draws the same whichever others there
 * are. sided: the labels 1 and 2 are left and right, and change places in a mirrored sample. Where nothing is applied no bit changes.
 * Nothing is allocated. */
void hl_augment(hl_augmenter *augmenter, uint64_t draw, float *images, uint8_t *labels, bool sided, const struct hl_placement *inside);

#ifdef __cplusplus
}
#endif
#endif
