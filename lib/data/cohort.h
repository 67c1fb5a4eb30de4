/* What the rest of the room needs of a cohort besides the public interface. */
#ifndef HL_DATA_COHORT_H
#define HL_DATA_COHORT_H

#include "hilum/data.h"

hl_context *hl_cohort_context(const hl_cohort *cohort);
/* Whether the classes 1 and 2 are the left and the right one of a pair. */
bool hl_cohort_sided(const hl_cohort *cohort);

#endif
