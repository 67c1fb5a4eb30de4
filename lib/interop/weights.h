/* Parameter stores to and from safetensors files, with room for a training run's state beside the weights. */
#ifndef HL_WEIGHTS_H
#define HL_WEIGHTS_H

#include "graph/store.h"
#include "interop/safetensors.h"

/* Saves the weights and, when adam is given, its moments as adam/m/NAME and adam/v/NAME; `extra` metadata goes in too. */
hl_status hl_weights_save(const hl_params *params, const hl_adam *adam, const char *path, const hl_metadata *extra, int extra_count);
/* Fills params and, when given, adam; tensors other than theirs are refused but for adam's when adam is NULL. All or nothing. */
hl_status hl_weights_load(hl_params *params, hl_adam *adam, const hl_safetensors *file, const char *path);

#endif
