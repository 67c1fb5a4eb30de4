/* Prediction on a cohort's slices and scoring of its cases. */
#ifndef HILUM_PREDICT_H
#define HILUM_PREDICT_H

#include "hilum/data.h"
#include "hilum/eval.h"
#include "hilum/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A net with trained weights, ready to predict in inference mode. */
typedef struct hl_model hl_model;

/* Builds `net` at `width`, loads weights, compiles for images of height x width. Owner: the caller, hl_model_free. */
hl_model *hl_model_open(hl_context *hl, const char *net, double width, const char *weights, int height, int width_pixels, int batch);
/* The same over parameters that live elsewhere (a validation pass in training). */
hl_model *hl_model_over(hl_graph *graph, hl_params *params, int height, int width_pixels, int batch);
void hl_model_free(hl_model *model);

/* Lesion probabilities, height x width each, of `count` grey slices of 0..1, height x width each. */
hl_status hl_model_predict(hl_model *model, const float *slices, int count, float *probabilities);

/* Grids on which pixels are scored. */
typedef enum hl_grid {
    HL_GRID_TRAINING, /* the net's own grid, masks by nearest */
    HL_GRID_NATIVE,   /* the mask's own pixels, probabilities bilinearly enlarged */
} hl_grid;

/* Called for each slice after prediction: probabilities on the cohort's grid, height x width. For overlays. May be NULL. */
typedef void hl_slice_visitor(void *user, int row, const float *image, const uint8_t *mask, const float *probabilities);

/* Scores the cases to which the labelled rows among `rows` belong (rows of a case stand together, as in the manifest): one
 * hl_score a case and grid, model number `model`, counted at `threshold`. training and native may each be NULL; both arrays
 * hold as many scores as there are cases. *count: cases. Owner of the arrays: the caller, free. */
hl_status hl_score_cases(hl_model *model, hl_cohort *cohort, const int *rows, int row_count, int model_number, double threshold,
                         hl_score **training, hl_score **native, int *count, hl_slice_visitor *visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
