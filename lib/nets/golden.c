/* Golden vectors: a net with deterministic parameters on a deterministic input, its outputs and gradients as figures.
 *
 * For a tensor NAME and a seed, u_i = SplitMix64 (state FNV-1a-64(NAME) XOR seed) >> 40 times 2^-24. Kernels are
 * sqrt(6 / (in kH kW)) (2u - 1); gamma and moving_variance 1 + 0.1 (2u - 1); the rest 0.1 (2u - 1); rounded to float. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "graph/plan.h"
#include "hilum/nets.h"

typedef struct stream {
    uint64_t state;
} stream;

static stream stream_start(const char *name, uint64_t seed) {
    return (stream){hl_name_hash(name) ^ seed};
}

static double stream_next(stream *s) {
    uint64_t z = s->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 40) * 0x1p-24;
}

static hl_status fill_params(hl_params *params, uint64_t seed) {
    for (int i = 0; i < params->count; i++) {
        const hl_param *p = &params->list[i];
        const hl_param_spec *spec = &p->spec;
        double *values = hl_calloc(params->hl, (size_t)p->count, sizeof *values);
        if (!values) return HL_NO_MEMORY;
        double scale = spec->kind == HL_KERNEL ? sqrt(6 / ((double)spec->shape[1] * spec->shape[2] * spec->shape[3])) : 0.1;
        double base = spec->kind == HL_GAMMA || spec->kind == HL_MOVING_VARIANCE ? 1 : 0;
        stream s = stream_start(spec->name, seed);
        for (int64_t k = 0; k < p->count; k++) values[k] = (float)(base + scale * (2 * stream_next(&s) - 1));
        hl_param_write(params, i, values);
        free(values);
    }
    return HL_OK;
}

/* The input (N, C, H, W; classes 0) or target (N, 1, H, W) stream as an NHWC array of the dtype: of one class 1 from 0.7 on, of
 * more the class floor(classes u). Owner: the caller, free. */
static void *make_map(hl_context *hl, hl_dtype dtype, int n, int c, int h, int w, int classes, uint64_t seed) {
    void *map = hl_calloc(hl, (size_t)n * (size_t)c * (size_t)h * (size_t)w, hl_dtype_bytes(dtype));
    if (!map) return NULL;
    stream s = stream_start(classes ? "target" : "input", seed);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++)
            for (int64_t at = 0; at < (int64_t)h * w; at++) {
                double u = stream_next(&s), value = classes > 1 ? floor(classes * u) : classes ? u >= 0.7 : u;
                int64_t to = ((int64_t)i * h * w + at) * c + k;
                if (dtype == HL_F64) ((double *)map)[to] = value;
                else ((float *)map)[to] = (float)value;
            }
    return map;
}

/* Sum, L2 norm and `shown` elements of `count` values given by get(i); returns the object. */
static cJSON *brief(const hl_params *dtype_of, const void *data, int64_t count, const hl_param_spec *spec) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double v = hl_param_get(dtype_of, data, i);
        sum += v, squares += v * v;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, spec ? "grad_sum" : "sum", sum);
    cJSON_AddNumberToObject(object, spec ? "grad_l2" : "l2", sqrt(squares));
    return object;
}

/* Which elements are shown is counted in the order (N, C, H, W). */
static void add_logits(cJSON *root, const char *key, const hl_params *params, const hl_view *logits) {
    int64_t count = hl_view_pixels(logits) * logits->c, area = (int64_t)logits->h * logits->w;
    cJSON *object = brief(params, logits->data, count, NULL), *at = cJSON_AddArrayToObject(object, "at");
    cJSON_AddNumberToObject(object, "n", (double)count);
    for (int i = 0; i < 32; i++) {
        int64_t flat = i * count / 32, pixel = flat % area, channel = flat / area % logits->c, image = flat / area / logits->c;
        cJSON_AddItemToArray(at, cJSON_CreateNumber(hl_param_get(params, logits->data, (image * area + pixel) * logits->c + channel)));
    }
    cJSON_AddItemToObject(root, key, object);
}

static void add_parameters(cJSON *root, const hl_plan *plan, const hl_params *params) {
    cJSON *gradients = cJSON_AddObjectToObject(root, "parameters"), *moving = cJSON_AddObjectToObject(root, "moving");
    for (int i = 0; i < params->count; i++) {
        const hl_param *p = &params->list[i];
        const void *gradient = hl_plan_param_gradient(plan, i);
        if (!gradient) {
            cJSON_AddItemToObject(moving, p->spec.name, brief(params, p->data, p->count, NULL));
            continue;
        }
        cJSON *object = brief(params, gradient, p->count, &p->spec), *first = cJSON_AddArrayToObject(object, "grad_first");
        cJSON_AddNumberToObject(object, "n", (double)p->count);
        for (int k = 0; k < 4 && k < p->count; k++)
            cJSON_AddItemToArray(first, cJSON_CreateNumber(hl_param_get(params, gradient, hl_param_memory_index(&p->spec, k))));
        cJSON_AddItemToObject(gradients, p->spec.name, object);
    }
}

/* One pass in each mode; adds the figures to `root`. */
static hl_status run(cJSON *root, hl_graph *graph, hl_params *params, const hl_plan_options *sizes, const void *input, const void *target) {
    hl_plan_options o = *sizes;
    o.mode = HL_INFER, o.keep_kernels = true;
    hl_plan *plan = hl_compile(graph, params, &o);
    if (!plan) return hl_error_status(graph->hl);
    hl_plan_forward(plan, input, o.batch);
    hl_view logits = hl_plan_logits(plan);
    add_logits(root, "eval_logits", params, &logits);
    hl_plan_free(plan);
    o.mode = HL_TRAIN, o.keep_gradients = true;
    plan = hl_compile(graph, params, &o);
    if (!plan) return hl_error_status(graph->hl);
    hl_plan_forward(plan, input, o.batch);
    logits = hl_plan_logits(plan);
    add_logits(root, "train_logits", params, &logits);
    cJSON_AddNumberToObject(root, "loss", hl_plan_loss(plan, target));
    hl_plan_backward(plan, NULL, 0);
    add_parameters(root, plan, params);
    hl_plan_free(plan);
    return HL_OK;
}

hl_status hl_golden(hl_context *hl, const char *net, const hl_net_options *options, hl_dtype dtype, int batch, int height, int width, uint64_t seed,
                    char **json) {
    *json = NULL;
    hl_graph *graph = hl_net(hl, net, options);
    if (!graph) return hl_error_status(hl);
    hl_params *params = hl_params_init_as(graph, dtype, HL_INIT_HE, 0);
    int channels = options && options->channels ? options->channels : 3, classes = options ? options->classes : 1;
    void *input = make_map(hl, dtype, batch, channels, height, width, 0, seed), *target = make_map(hl, dtype, batch, 1, height, width, classes > 1 ? classes : 1, seed);
    cJSON *root = cJSON_CreateObject();
    hl_status status = params && input && target && root ? fill_params(params, seed) : HL_NO_MEMORY;
    if (!status) {
        cJSON_AddStringToObject(root, "network", net);
        cJSON_AddNumberToObject(root, "batch", batch);
        cJSON_AddNumberToObject(root, "height", height);
        cJSON_AddNumberToObject(root, "width", width);
        cJSON_AddNumberToObject(root, "seed", (double)seed);
        status = run(root, graph, params, &(hl_plan_options){.batch = batch, .height = height, .width = width, .no_drop = true}, input, target);
    }
    if (!status && !(*json = cJSON_PrintUnformatted(root))) status = hl_fail(hl, HL_NO_MEMORY, "no memory for the golden vectors");
    cJSON_Delete(root);
    free(input);
    free(target);
    hl_params_free(params);
    hl_graph_free(graph);
    return status;
}
