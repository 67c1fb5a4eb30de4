/* What scoring asks a model besides its predictions. */
#ifndef HL_EVAL_MODEL_H
#define HL_EVAL_MODEL_H

#include "hilum/predict.h"

hl_context *hl_model_context(const hl_model *model);
int hl_model_height(const hl_model *model);
int hl_model_width(const hl_model *model);
int hl_model_batch(const hl_model *model);

#endif
