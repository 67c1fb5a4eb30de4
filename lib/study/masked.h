/* A cohort whose slices are masked to the lungs, as files on the study's grid. */
#ifndef HL_STUDY_MASKED_H
#define HL_STUDY_MASKED_H

#include "study/whole.h"

/* Writes data/masked-K (K = fold, or "given" with lung NULL): every slice of cohort 1 with all but the lungs at 0, the lungs that the model
 * of that fold predicts (or the given ones), and the readers' masks as they are, whole: a lesion outside the lungs is still a lesion. Rows
 * stand in the order of cohort 1's. What is there is kept. */
hl_status hl_masked_write(hl_session *s, hl_run *lung, int fold, hl_cohort *cohort);
/* data/masked-K/manifest.csv; fold -1: given. Owner: the caller, free. */
char *hl_masked_manifest(const hl_session *s, int fold);

#endif
