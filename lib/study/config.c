/* config.json, on which a run's bits depend, and timing.json, on which none do. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "graph/plan.h"
#include "hilum/nets.h"
#include "study/run.h"

static const char *const slices_names[] = {"lesion+healthy", "lesion", "all"}, *const target_names[] = {"mask", "lung"};
static const char *const block_names[] = {"upsampling", "transpose"};
static const double largest_exact = 9007199254740992.0; /* 2^53: beyond it a JSON number may be read inexactly */

const char *hl_train_slices_name(hl_train_slices slices) { return slices_names[slices]; }

const char *hl_class_name(const hl_run_options *options, int index) {
    static const char *const lungs[] = {"background", "left lung", "right lung"};
    return options->target == HL_TARGET_LUNG && options->net_options.classes == 3 ? lungs[index] : NULL;
}

hl_cohort_options hl_run_cohort_options(const hl_run_options *options, const char *cache_folder) {
    return (hl_cohort_options){.height = options->height,
                               .width = options->width_pixels,
                               .cache_folder = cache_folder,
                               .target = options->target,
                               .window = options->window,
                               .mm = options->mm,
                               .classes = options->net_options.classes};
}

hl_run_options hl_run_defaults(void) {
    return (hl_run_options){.net = "unet-vgg16",
                            .net_options = {.classes = 1, .channels = 3, .width = 1},
                            .init = HL_INIT_HE,
                            .height = 256,
                            .width_pixels = 256,
                            .window = {HL_WINDOW_RANGE, -1250, 250},
                            .epochs = 50,
                            .batch = 8,
                            .rate = 3e-4,
                            .patience = 20,
                            .augmentation = {.strength = {0.5}, .chance = {1}}, /* flip */
                            .folds = 5,
                            .by_centre = true,
                            .by_burden = true,
                            .validation = 0.25,
                            .slices = HL_SLICES_LESION_HEALTHY};
}

hl_status hl_run_options_check(hl_context *hl, const hl_run_options *options) {
    const hl_run_options *o = options;
    const hl_net_options *n = &o->net_options;
    int multiple = hl_net_multiple();
    if (!o->net || !o->manifest) return hl_fail(hl, HL_USAGE, "a run needs a net and a manifest");
    if (o->height < multiple || o->width_pixels < multiple || o->height % multiple || o->width_pixels % multiple)
        return hl_fail(hl, HL_USAGE, "size %dx%d: expected multiples of %d", o->height, o->width_pixels, multiple);
    if (!(o->mm >= 0 && o->mm <= 100))
        return hl_fail(hl, HL_USAGE, "%g mm a pixel: expected up to 100, or 0 for slices scaled to fit", o->mm);
    if (o->epochs < 1) return hl_fail(hl, HL_USAGE, "epochs %d: expected at least 1", o->epochs);
    if (o->batch < 1) return hl_fail(hl, HL_USAGE, "batch %d: expected at least 1", o->batch);
    if (o->patience < 0) return hl_fail(hl, HL_USAGE, "patience %d: expected 0 (never stop early) or more", o->patience);
    if (!(o->rate > 0) || isinf(o->rate)) return hl_fail(hl, HL_USAGE, "learning rate %g: expected a positive number", o->rate);
    if (!(n->width > 0) || isinf(n->width)) return hl_fail(hl, HL_USAGE, "width %g: expected a positive number", n->width);
    if (n->channels != 1 && n->channels != 3) return hl_fail(hl, HL_USAGE, "channels %d: expected 1 or 3", n->channels);
    if (n->classes < 1 || n->classes > HL_CLASSES_MOST)
        return hl_fail(hl, HL_USAGE, "classes %d: expected 1 to %d", n->classes, HL_CLASSES_MOST);
    if (o->target == HL_TARGET_LUNG && n->classes != 1 && n->classes != 3)
        return hl_fail(hl, HL_USAGE, "target lung with %d classes: expected 1 (any lung) or 3 (none, left, right)", n->classes);
    if (o->context && n->channels != 3) return hl_fail(hl, HL_USAGE, "neighbouring slices fill 3 channels, the image has %d", n->channels);
    if (!(o->validation >= 0 && o->validation < 1))
        return hl_fail(hl, HL_USAGE, "validation share %g: expected 0 to below 1", o->validation);
    if (!o->folds_file && o->folds < 1) return hl_fail(hl, HL_USAGE, "folds %d: expected at least 1", o->folds);
    if (o->postprocess && n->classes > 1) return hl_fail(hl, HL_USAGE, "post-processing goes with one class, the net has %d", n->classes);
    if (o->postprocess && !o->folds_file && o->validation == 0)
        return hl_fail(hl, HL_USAGE, "post-processing is tuned on validation patients: expected a validation share above 0");
    return hl_augmentation_check(hl, &o->augmentation);
}

static void put_seed(hl_json *json, cJSON *to, uint64_t seed) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    hl_json_put(json, to, "seed", (double)seed < largest_exact ? cJSON_CreateRaw(text) : cJSON_CreateString(text));
}

/* filters is null where they are the usual ones. */
static void put_decoder(hl_json *json, cJSON *to, const hl_net_options *options) {
    double filters[5];
    for (int i = 0; i < 5; i++) filters[i] = options->filters[i];
    if (options->filters[0]) hl_json_numbers(json, to, "filters", filters, 5);
    else hl_json_text(json, to, "filters", NULL);
    hl_json_text(json, to, "decoder_block", block_names[options->transpose]);
    hl_json_bool(json, to, "batch_norm", !options->no_batch_norm);
}

/* mm is null where slices are scaled to fit. */
static void put_window(hl_json *json, cJSON *to, const hl_run_options *options) {
    char text[64];
    hl_json_text(json, to, "window", hl_window_text(&options->window, text));
    if (options->mm > 0) hl_json_number(json, to, "mm", options->mm);
    else hl_json_text(json, to, "mm", NULL);
}

static void put_augmentation(hl_json *json, cJSON *to, const hl_augmentation *augmentation) {
    char *text = hl_augmentation_text(json->hl, augmentation);
    if (text) hl_json_text(json, to, "augment", text);
    else json->failed = true;
    free(text);
}

void hl_run_options_put(hl_json *json, cJSON *to, const hl_run_options *options) {
    const hl_run_options *o = options;
    hl_json_text(json, to, "network", o->net);
    hl_json_number(json, to, "width", o->net_options.width);
    hl_json_number(json, to, "classes", o->net_options.classes);
    hl_json_number(json, to, "channels", o->net_options.channels);
    put_decoder(json, to, &o->net_options);
    hl_json_bool(json, to, "context", o->context);
    hl_json_text(json, to, "target", target_names[o->target]);
    hl_json_text(json, to, "init", o->init == HL_INIT_KERAS ? "keras" : "he");
    hl_json_numbers(json, to, "size", (double[]){o->height, o->width_pixels}, 2);
    put_window(json, to, o);
    hl_json_number(json, to, "epochs", o->epochs);
    hl_json_number(json, to, "batch", o->batch);
    hl_json_number(json, to, "lr", o->rate);
    hl_json_number(json, to, "patience", o->patience);
    put_augmentation(json, to, &o->augmentation);
    hl_json_text(json, to, "precision", hl_precision_name(o->precision));
    put_seed(json, to, o->seed);
    hl_json_number(json, to, "folds", o->folds);
    hl_json_bool(json, to, "folds_given", o->folds_file != NULL);
    cJSON *stratify = hl_json_array(json, to, "stratify");
    if (o->by_centre) hl_json_text(json, stratify, NULL, "centre");
    if (o->by_burden) hl_json_text(json, stratify, NULL, "burden");
    hl_json_number(json, to, "val", o->validation);
    hl_json_text(json, to, "train_slices", hl_train_slices_name(o->slices));
    if (o->centre_count < 1 || !o->centres) hl_json_text(json, to, "centres", NULL);
    else {
        cJSON *centres = hl_json_array(json, to, "centres");
        for (int i = 0; i < o->centre_count; i++) hl_json_text(json, centres, NULL, o->centres[i]);
    }
    hl_json_bool(json, to, "allow_outside", o->allow_outside);
    if (o->postprocess) hl_json_bool(json, to, "postprocess", true);
}

hl_status hl_hash_file(hl_context *hl, const char *path, char text[33]) {
    char *data;
    size_t bytes;
    hl_status status = hl_file_read(hl, path, &data, &bytes);
    if (status) return status;
    XXH128_hash_t hash = XXH3_128bits(data, bytes);
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    free(data);
    return HL_OK;
}

hl_status hl_weights_check(hl_context *hl, const hl_run_options *options) {
    if (!options->weights) return HL_OK;
    hl_graph *graph = hl_net(hl, options->net, &options->net_options);
    hl_params *params = graph ? hl_params_init(graph, options->init, 0) : NULL;
    hl_status status = params ? hl_params_load(params, options->weights) : hl_error_status(hl);
    if (params) hl_params_free(params);
    if (graph) hl_graph_free(graph);
    return status;
}

/* The net's parameter count and, line by line, its kernels in training. */
static hl_status put_net(hl_context *hl, hl_json *json, const hl_run_options *options) {
    hl_graph *graph = hl_net(hl, options->net, &options->net_options);
    hl_plan_options wanted = {.mode = HL_TRAIN, .batch = options->batch, .height = options->height, .width = options->width_pixels,
                              .precision = options->precision};
    hl_plan *plan = graph ? hl_plan_dry(graph, HL_F32, &wanted) : NULL;
    char *kernels = plan ? hl_plan_kernels(plan) : NULL;
    hl_status status = kernels ? HL_OK : hl_error_status(hl);
    if (!status) {
        double elements = 0;
        for (size_t i = 0; i < graph->param_count; i++) elements += (double)hl_param_spec_elements(&graph->params[i]);
        hl_json_number(json, json->root, "parameters", elements);
        hl_json_text(json, json->root, "isa", hl_isa(hl));
        cJSON *lines = hl_json_array(json, json->root, "kernels");
        char *rest = kernels;
        for (char *line; (line = strsep(&rest, "\n"));) {
            if (*line) hl_json_text(json, lines, NULL, line);
        }
    }
    free(kernels);
    hl_plan_free(plan);
    hl_graph_free(graph);
    return status;
}

hl_status hl_config_write(hl_context *hl, const char *folder, const hl_run_options *options) {
    char hash[33], weights_hash[33];
    hl_status status = hl_hash_file(hl, options->manifest, hash);
    if (!status && options->weights) status = hl_hash_file(hl, options->weights, weights_hash);
    if (status) return status;
    hl_json json = hl_json_start(hl);
    hl_json_text(&json, json.root, "version", hl_version());
    hl_run_options_put(&json, json.root, options);
    hl_json_text(&json, json.root, "manifest_hash", hash);
    hl_json_text(&json, json.root, "weights_hash", options->weights ? weights_hash : NULL);
    status = put_net(hl, &json, options);
    char *path = hl_format(hl, "%s/config.json", folder);
    if (!status && path) status = hl_json_write(&json, path);
    else cJSON_Delete(json.root), status = status ? status : HL_NO_MEMORY;
    free(path);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static uint64_t read_seed(hl_json_reader *reader) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->root, "seed");
    if (cJSON_IsString(item)) return strtoull(item->valuestring, NULL, 10);
    return (uint64_t)hl_json_get_number(reader, "seed");
}

static bool has(const hl_json_reader *reader, const char *name) { return cJSON_GetObjectItemCaseSensitive(reader->root, name) != NULL; }

/* The index of a text among those it may be. */
static int read_choice(hl_json_reader *reader, const char *name, const char *const *choices, int count) {
    const char *text = hl_json_get_text(reader, name);
    for (int i = 0; i < count; i++) {
        if (!strcmp(text, choices[i])) return i;
    }
    if (!reader->status)
        reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"%s\" is \"%s\", which is unknown", reader->path, name, text);
    return 0;
}

static void read_size(hl_json_reader *reader, hl_run_options *o) {
    const cJSON *size = hl_json_get_array(reader, "size");
    const cJSON *height = cJSON_GetArrayItem(size, 0), *width = cJSON_GetArrayItem(size, 1);
    if (cJSON_IsNumber(height) && cJSON_IsNumber(width)) o->height = height->valueint, o->width_pixels = width->valueint;
    else if (!reader->status)
        reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"size\" holds something else, expected two numbers", reader->path);
}

/* Runs that were started before there were volumes do not name it. */
static void read_window(hl_json_reader *reader, hl_run_options *o) {
    o->window = hl_run_defaults().window;
    if (!has(reader, "window")) return;
    const char *text = hl_json_get_text(reader, "window");
    if (!reader->status && hl_window_parse(reader->hl, text, &o->window))
        reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"window\" is \"%s\", which is none", reader->path, text);
    if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(reader->root, "mm"))) o->mm = hl_json_get_number(reader, "mm");
}

static void read_stratify(hl_json_reader *reader, hl_run_options *o) {
    const cJSON *list = hl_json_get_array(reader, "stratify"), *item;
    o->by_centre = o->by_burden = false;
    cJSON_ArrayForEach(item, list) {
        const char *text = cJSON_IsString(item) ? item->valuestring : "";
        if (!strcmp(text, "centre")) o->by_centre = true;
        if (!strcmp(text, "burden")) o->by_burden = true;
    }
}

static void read_centres(hl_json_reader *reader, hl_run *run) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(reader->root, "centres"), *item;
    if (reader->status || cJSON_IsNull(list)) return;
    list = hl_json_get_array(reader, "centres");
    run->centres = hl_calloc(run->hl, (size_t)cJSON_GetArraySize(list), sizeof *run->centres);
    if (!run->centres) reader->status = HL_NO_MEMORY;
    if (reader->status) return;
    cJSON_ArrayForEach(item, list) run->centres[run->options.centre_count++] = cJSON_IsString(item) ? item->valuestring : "";
    run->options.centres = run->centres;
}

static void read_decoder(hl_json_reader *reader, hl_net_options *options) {
    const cJSON *filters = cJSON_GetObjectItemCaseSensitive(reader->root, "filters");
    for (int i = 0; i < 5 && cJSON_IsArray(filters); i++) {
        const cJSON *item = cJSON_GetArrayItem(filters, i);
        options->filters[i] = cJSON_IsNumber(item) ? item->valueint : -1; /* refused where the net is built */
    }
    options->transpose = read_choice(reader, "decoder_block", block_names, 2) == 1;
    options->no_batch_norm = !hl_json_get_bool(reader, "batch_norm");
}

/* What describes the net and its truth. Runs that were started before there was a choice do not name it. */
static void read_net(hl_json_reader *reader, hl_run_options *o) {
    o->net = hl_json_get_text(reader, "network");
    o->net_options = hl_run_defaults().net_options;
    o->net_options.width = hl_json_get_number(reader, "width");
    if (has(reader, "decoder_block")) read_decoder(reader, &o->net_options);
    if (has(reader, "classes")) o->net_options.classes = hl_json_get_integer(reader, "classes", 1, HL_CLASSES_MOST);
    if (has(reader, "channels")) o->net_options.channels = hl_json_get_integer(reader, "channels", 1, 3);
    o->context = has(reader, "context") && hl_json_get_bool(reader, "context");
    if (has(reader, "target")) o->target = (hl_target)read_choice(reader, "target", target_names, 2);
}

static void read_augmentation(hl_json_reader *reader, hl_run_options *o) {
    const char *text = hl_json_get_text(reader, "augment");
    if (!reader->status && hl_augmentation_parse(reader->hl, text, &o->augmentation))
        reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"augment\" is \"%s\", which is unknown", reader->path, text);
}

static void read_precision(hl_json_reader *reader, hl_run_options *o) {
    const char *text = hl_json_get_text(reader, "precision");
    int found = hl_precision_find(text);
    if (found >= 0) o->precision = (hl_precision)found;
    else if (!reader->status)
        reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"precision\" is \"%s\", which is unknown", reader->path, text);
}

hl_status hl_config_read(hl_run *run) {
    char *path = hl_run_path(run, "config.json"), *timing = hl_run_path(run, "timing.json");
    hl_json_reader reader = {.hl = run->hl, .path = path, .root = run->config, .status = path && timing ? HL_OK : HL_NO_MEMORY};
    hl_run_options *o = &run->options;
    read_net(&reader, o);
    o->init = read_choice(&reader, "init", (const char *const[]){"he", "keras"}, 2) ? HL_INIT_KERAS : HL_INIT_HE;
    read_size(&reader, o);
    read_window(&reader, o);
    o->epochs = hl_json_get_integer(&reader, "epochs", 1, INT_MAX);
    o->batch = hl_json_get_integer(&reader, "batch", 1, INT_MAX);
    o->rate = hl_json_get_number(&reader, "lr");
    o->patience = hl_json_get_integer(&reader, "patience", 0, INT_MAX);
    read_augmentation(&reader, o);
    read_precision(&reader, o);
    o->seed = read_seed(&reader);
    o->folds = hl_json_get_integer(&reader, "folds", 1, INT_MAX);
    if (hl_json_get_bool(&reader, "folds_given")) o->folds_file = "folds.csv";
    read_stratify(&reader, o);
    o->validation = hl_json_get_number(&reader, "val");
    o->slices = (hl_train_slices)read_choice(&reader, "train_slices", slices_names, 3);
    read_centres(&reader, run);
    o->allow_outside = hl_json_get_bool(&reader, "allow_outside");
    o->postprocess = has(&reader, "postprocess") && hl_json_get_bool(&reader, "postprocess");
    (void)hl_json_get_text(&reader, "manifest_hash");
    reader.path = timing, reader.root = run->timing;
    o->manifest = hl_json_get_text(&reader, "manifest");
    o->weights = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run->timing, "weights")); /* NULL: drawn */
    if (!reader.status) reader.status = hl_run_options_check(run->hl, o);
    free(path), free(timing);
    return reader.status;
}

/* --- timing.json -------------------------------------------------------------------------------------------------- */

static hl_status write_timing(hl_context *hl, const char *folder, const char *manifest, const char *weights, const char *cache,
                              const hl_timing *timing, int folds) {
    char *path = hl_format(hl, "%s/timing.json", folder);
    if (!path) return HL_NO_MEMORY;
    hl_json json = hl_json_start(hl);
    hl_json_text(&json, json.root, "manifest", manifest);
    hl_json_text(&json, json.root, "weights", weights);
    hl_json_text(&json, json.root, "cache", cache);
    hl_json_number(&json, json.root, "threads", hl_threads(hl));
    hl_json_number(&json, json.root, "seconds", timing->total);
    hl_json_number(&json, json.root, "testing_seconds", timing->testing);
    hl_json_number(&json, json.root, "waited_seconds", timing->waited);
    hl_json_numbers(&json, json.root, "training_seconds", timing->training, folds);
    hl_status status = hl_json_write(&json, path);
    free(path);
    return status;
}

/* A path that holds whatever folder one is in; NULL stays it. Owner of *absolute: the caller, free. */
static hl_status make_absolute(hl_context *hl, const char *path, char **absolute) {
    *absolute = path ? realpath(path, NULL) : NULL;
    return *absolute || !path ? HL_OK : hl_fail(hl, HL_BAD_INPUT, "%s: cannot be found", path);
}

hl_status hl_timing_start(hl_context *hl, const char *folder, const hl_run_options *options, const char *cache_folder) {
    char *manifest, *weights = NULL;
    hl_timing timing = {.training = hl_calloc(hl, (size_t)options->folds, sizeof(double))};
    hl_status status = make_absolute(hl, options->manifest, &manifest);
    if (!status) status = make_absolute(hl, options->weights, &weights);
    if (!status)
        status = timing.training ? write_timing(hl, folder, manifest, weights, cache_folder, &timing, options->folds) : HL_NO_MEMORY;
    free(timing.training), free(manifest), free(weights);
    return status;
}

static double number_or_zero(const cJSON *item) { return cJSON_IsNumber(item) ? item->valuedouble : 0; }

hl_status hl_timing_read(const hl_run *run, hl_timing *timing) {
    *timing = (hl_timing){.training = hl_calloc(run->hl, (size_t)run->options.folds, sizeof(double))};
    if (!timing->training) return HL_NO_MEMORY;
    timing->total = number_or_zero(cJSON_GetObjectItemCaseSensitive(run->timing, "seconds"));
    timing->testing = number_or_zero(cJSON_GetObjectItemCaseSensitive(run->timing, "testing_seconds"));
    timing->waited = number_or_zero(cJSON_GetObjectItemCaseSensitive(run->timing, "waited_seconds"));
    const cJSON *folds = cJSON_GetObjectItemCaseSensitive(run->timing, "training_seconds");
    for (int k = 0; k < run->options.folds; k++) timing->training[k] = number_or_zero(cJSON_GetArrayItem(folds, k));
    return HL_OK;
}

hl_status hl_timing_write(const hl_run *run, const hl_timing *timing, const char *cache_folder) {
    const hl_run_options *o = &run->options;
    return write_timing(run->hl, run->folder, o->manifest, o->weights, cache_folder, timing, o->folds);
}
