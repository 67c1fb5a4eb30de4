/* A net with trained weights: opened from a file or laid over parameters in training, and run on grey slices. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "eval/model.h"
#include "hilum/nets.h"
#include "hilum/plan.h"
#include "hilum/predict.h"

enum { image_channels = 3 }; /* a grey slice is repeated */

struct hl_model {
    hl_context *hl;
    hl_graph *graph;   /* NULL when it belongs to somebody else */
    hl_params *params; /* the same */
    hl_plan *plan;
    int height, width, batch;
    float *images; /* batch x height x width x image_channels */
};

hl_context *hl_model_context(const hl_model *model) { return model->hl; }
int hl_model_height(const hl_model *model) { return model->height; }
int hl_model_width(const hl_model *model) { return model->width; }
int hl_model_batch(const hl_model *model) { return model->batch; }

/* Compiles over `graph` and `params`, which stay the caller's. */
static hl_model *compile(hl_graph *graph, hl_params *params, int height, int width, int batch) {
    hl_context *hl = hl_graph_context(graph);
    hl_model *model = hl_calloc(hl, 1, sizeof *model);
    if (!model) return NULL;
    *model = (hl_model){.hl = hl, .height = height, .width = width, .batch = batch};
    model->plan = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = batch, .height = height, .width = width});
    if (model->plan) model->images = hl_calloc(hl, (size_t)batch * (size_t)height * (size_t)width * image_channels, sizeof(float));
    if (!model->images) return hl_model_free(model), NULL;
    return model;
}

hl_model *hl_model_over(hl_graph *graph, hl_params *params, int height, int width_pixels, int batch) {
    return compile(graph, params, height, width_pixels, batch);
}

hl_model *hl_model_open(hl_context *hl, const char *net, double width, const char *weights, int height, int width_pixels, int batch) {
    hl_graph *graph = hl_net(hl, net, &(hl_net_options){.classes = 1, .channels = image_channels, .width = width});
    if (!graph) return NULL;
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
    hl_model *model = NULL;
    if (params && hl_params_load(params, weights) == HL_OK) model = compile(graph, params, height, width_pixels, batch);
    if (!model) return hl_params_free(params), hl_graph_free(graph), NULL;
    model->graph = graph, model->params = params;
    return model;
}

void hl_model_free(hl_model *model) {
    if (!model) return;
    hl_plan_free(model->plan);
    if (model->params) hl_params_free(model->params);
    if (model->graph) hl_graph_free(model->graph);
    free(model->images);
    free(model);
}

hl_status hl_model_predict(hl_model *model, const float *slices, int count, float *probabilities) {
    size_t plane = (size_t)model->height * (size_t)model->width;
    for (int first = 0; first < count; first += model->batch) {
        int held = count - first < model->batch ? count - first : model->batch;
        const float *from = slices + (size_t)first * plane;
        for (size_t i = 0; i < (size_t)held * plane; i++) {
            for (int c = 0; c < image_channels; c++) model->images[i * image_channels + (size_t)c] = from[i];
        }
        hl_status status = hl_predict(model->plan, model->images, held, probabilities + (size_t)first * plane);
        if (status) return status;
    }
    return HL_OK;
}
