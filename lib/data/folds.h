/* The table of roles behind hl_folds, as the rest of the room fills it. */
#ifndef HL_DATA_FOLDS_H
#define HL_DATA_FOLDS_H

#include "hilum/data.h"

/* An empty table of so many folds. Owner: the caller, hl_folds_free. */
hl_folds *hl_folds_new(hl_context *hl, int folds);
/* The patient's place, a new one with no role when the patient is not there. */
hl_status hl_folds_add(hl_context *hl, hl_folds *folds, const char *patient, int *place);
void hl_folds_set(hl_folds *folds, int place, int fold, hl_role role);

#endif
