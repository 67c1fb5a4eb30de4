/* Prediction on a cohort's slices and scoring of its cases. */
#ifndef HILUM_PREDICT_H
#define HILUM_PREDICT_H

#include "hilum/data.h"
#include "hilum/eval.h"
#include "hilum/nets.h"
#include "hilum/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A net with trained weights, ready to predict in inference mode. */
typedef struct hl_model hl_model;

typedef struct hl_model_options {
    int height, width; /* of the slices */
    int batch;         /* slices that go through together */
    bool context;      /* the image's 3 channels are the slices -1, 0, +1; otherwise a slice is repeated on all channels */
} hl_model_options;

/* Builds `net`, loads weights, compiles. A net whose image has not 3 channels, with context: HL_USAGE. Owner: the caller,
 * hl_model_free. */
hl_model *hl_model_open(hl_context *hl, const char *net, const hl_net_options *net_options, const char *weights, const hl_model_options *options);
/* The same over parameters that live elsewhere (a validation pass in training). */
hl_model *hl_model_over(hl_graph *graph, hl_params *params, const hl_model_options *options);
void hl_model_free(hl_model *model);

/* Probabilities of `count` slices, for each classes x height x width: of the lesion, or with more than one class of each of them.
 * `images`: what hl_cohort_image gives of each, one after another. */
hl_status hl_model_predict(hl_model *model, const float *images, int count, float *probabilities);

/* Grids on which pixels are scored. */
typedef enum hl_grid {
    HL_GRID_TRAINING, /* the net's own grid, masks by nearest */
    HL_GRID_NATIVE,   /* the mask's own pixels, probabilities bilinearly enlarged */
} hl_grid;

/* Called for each slice after prediction: image and mask on the cohort's grid, height x width, and probabilities as hl_model_predict
 * gives them. For overlays. May be NULL. */
typedef void hl_slice_visitor(void *user, int row, const float *image, const uint8_t *mask, const float *probabilities);

/* Scores the cases to which the labelled rows among `rows` belong (rows of a case stand together, as in the manifest): one
 * hl_score a case and grid, model number `model`, counted at `threshold` or, with more than one class, by the most probable. The cohort's
 * classes are the model's, else HL_USAGE. training and native may each be NULL; both arrays
 * hold as many scores as there are cases. *count: cases. Owner of the arrays: the caller, free. */
hl_status hl_score_cases(hl_model *model, hl_cohort *cohort, const int *rows, int row_count, int model_number, double threshold,
                         hl_score **training, hl_score **native, int *count, hl_slice_visitor *visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
