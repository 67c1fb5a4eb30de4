/* What a killed process leaves behind. */
#ifndef HL_STUDY_SWEEP_H
#define HL_STUDY_SWEEP_H

#include "base/base.h"

/* Removes from a folder, and those in it, the half-written files (NAME.partPID, lib/base/file.c) of processes that are no more. */
hl_status hl_sweep(hl_context *hl, const char *folder);

#endif
