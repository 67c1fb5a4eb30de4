/* A net with trained weights: opened from a file or laid over parameters in training, and run on slices. */
#include <stdlib.h>
#include <string.h>

#include "eval/model.h"
#include "graph/plan.h"

struct hl_model {
    hl_context *hl;
    hl_graph *graph;   /* NULL when it belongs to somebody else */
    hl_params *params; /* the same */
    hl_plan *plan;
    hl_model_options options;
    int channels, classes; /* of the image, of the logits */
    float *images;         /* batch x height x width x channels */
    float *probabilities;  /* batch x height x width x classes; NULL for one class */
};

hl_context *hl_model_context(const hl_model *model) { return model->hl; }
const hl_model_options *hl_model_options_of(const hl_model *model) { return &model->options; }
size_t hl_model_plane(const hl_model *model) { return (size_t)model->options.height * (size_t)model->options.width; }
size_t hl_model_bytes(const hl_model *model) {
    size_t a_pixel = (size_t)model->channels + (model->classes > 1 ? (size_t)model->classes : 0);
    return hl_plan_bytes(model->plan) + (size_t)model->options.batch * hl_model_plane(model) * a_pixel * sizeof(float);
}
int hl_model_classes(const hl_model *model) { return model->classes; }
int hl_model_slices(const hl_model *model) { return model->options.context ? 3 : 1; }

static hl_model *compile(hl_graph *graph, hl_params *params, bool keep, const hl_model_options *options) {
    const hl_model_options *o = options;
    hl_context *hl = hl_graph_context(graph);
    hl_plan *plan = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = o->batch, .height = o->height, .width = o->width, .keep_kernels = keep});
    if (!plan) return NULL;
    int channels = graph->nodes[graph->input]->channels, classes = graph->nodes[graph->output]->channels;
    hl_model *model = NULL;
    if (o->context && channels != 3) hl_fail(hl, HL_USAGE, "neighbouring slices fill 3 channels, the net's image has %d", channels);
    else model = hl_calloc(hl, 1, sizeof *model);
    if (!model) return hl_plan_free(plan), NULL;
    *model = (hl_model){.hl = hl, .plan = plan, .options = *o, .channels = channels, .classes = classes};
    size_t pixels = (size_t)o->batch * hl_model_plane(model);
    model->images = hl_calloc(hl, pixels * (size_t)channels, sizeof(float));
    if (classes > 1) model->probabilities = hl_calloc(hl, pixels * (size_t)classes, sizeof(float));
    if (!model->images || (classes > 1 && !model->probabilities)) return hl_model_free(model), NULL;
    return model;
}

hl_model *hl_model_over(hl_graph *graph, hl_params *params, const hl_model_options *options) { return compile(graph, params, false, options); }

hl_model *hl_model_open(hl_context *hl, const char *net, const hl_net_options *net_options, const char *weights, const hl_model_options *options) {
    hl_graph *graph = hl_net(hl, net, net_options);
    if (!graph) return NULL;
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
    hl_model *model = NULL;
    if (params && hl_params_load(params, weights) == HL_OK) model = compile(graph, params, true, options);
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
    free(model->probabilities);
    free(model);
}

/* Planes of slices, one after another, become the channels of one image. */
static void interleave(const hl_model *model, const float *planes, float *image) {
    size_t plane = hl_model_plane(model), next = model->options.context ? plane : 0, channels = (size_t)model->channels;
    for (size_t i = 0; i < plane; i++) {
        for (size_t c = 0; c < channels; c++) image[i * channels + c] = planes[c * next + i];
    }
}

/* A pixel's classes side by side become planes, one after another. */
static void separate(const hl_model *model, const float *pixels, float *planes) {
    size_t plane = hl_model_plane(model), classes = (size_t)model->classes;
    for (size_t i = 0; i < plane; i++) {
        for (size_t c = 0; c < classes; c++) planes[c * plane + i] = pixels[i * classes + c];
    }
}

hl_status hl_model_predict(hl_model *model, const float *images, int count, float *probabilities) {
    size_t plane = hl_model_plane(model), read = plane * (size_t)hl_model_slices(model), written = plane * (size_t)model->classes;
    int batch = model->options.batch;
    for (int first = 0; first < count; first += batch) {
        int held = count - first < batch ? count - first : batch;
        for (int i = 0; i < held; i++)
            interleave(model, images + (size_t)(first + i) * read, model->images + (size_t)i * plane * (size_t)model->channels);
        float *to = probabilities + (size_t)first * written;
        hl_status status = hl_predict(model->plan, model->images, held, model->probabilities ? model->probabilities : to);
        if (status) return status;
        for (int i = 0; model->probabilities && i < held; i++)
            separate(model, model->probabilities + (size_t)i * written, to + (size_t)i * written);
    }
    return HL_OK;
}
