/* What the rest of the room needs of a cohort besides the public interface. */
#ifndef HL_DATA_COHORT_H
#define HL_DATA_COHORT_H

#include "hilum/data.h"

hl_context *hl_cohort_context(const hl_cohort *cohort);

#endif
