/* The geometry of two folders of masks on stdout. */
#ifndef HL_APPS_MASKS_H
#define HL_APPS_MASKS_H

#include <cJSON.h>

/* Surfaces, lesions and conventions of hl_masks_json's object: of the only shape, or of each class. */
void print_masks(const cJSON *figures);

#endif
