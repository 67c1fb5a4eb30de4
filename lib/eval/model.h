/* What scoring asks a model besides its predictions. */
#ifndef HL_EVAL_MODEL_H
#define HL_EVAL_MODEL_H

#include "hilum/predict.h"

hl_context *hl_model_context(const hl_model *model);
const hl_model_options *hl_model_options_of(const hl_model *model);
int hl_model_classes(const hl_model *model);
/* Of its plan, and what goes in and out; not of the weights. */
size_t hl_model_bytes(const hl_model *model);
/* height x width. */
size_t hl_model_plane(const hl_model *model);
/* Slices that it reads to predict one: with context 3, the middle one's neighbours among them; else 1. */
int hl_model_slices(const hl_model *model);

#endif
