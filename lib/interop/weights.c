/* Parameter stores to and from safetensors files. */
#include "interop/weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/params.h"

/* What an entry's values come from. */
typedef struct source {
    const hl_params *params;
    const hl_param *param;
    const void *data; /* laid out as the parameter */
} source;

typedef struct writer {
    hl_context *hl;
    hl_tensor_entry *entries;
    source *sources;
    int count;
    bool half; /* kernels as F16 */
} writer;

/* In the files' order. */
static void fill(const hl_tensor_entry *entry, float *values) {
    const source *from = entry->source;
    for (int64_t i = 0; i < from->param->count; i++)
        values[i] = (float)hl_param_get(from->params, from->data, hl_param_memory_index(&from->param->spec, i));
}

/* Adds one tensor, laid out as `p`; takes `name` over. false: no memory. */
static bool add(writer *w, const hl_params *params, const hl_param *p, const void *data, char *name) {
    if (!name) return false;
    source *from = &w->sources[w->count];
    hl_tensor_entry *entry = &w->entries[w->count++];
    *from = (source){params, p, data};
    *entry = (hl_tensor_entry){.name = name, .rank = p->spec.rank, .half = w->half && p->spec.kind == HL_KERNEL, .fill = fill, .source = from};
    for (int i = 0; i < p->spec.rank; i++) entry->shape[i] = p->spec.shape[i];
    return true;
}

static bool collect(writer *w, const hl_params *params, const hl_adam *adam) {
    for (int i = 0; i < params->count; i++) {
        const hl_param *p = &params->list[i];
        if (!add(w, params, p, p->data, hl_strdup(w->hl, p->spec.name))) return false;
        if (!adam || !adam->moment1[i]) continue;
        if (!add(w, params, p, adam->moment1[i], hl_format(w->hl, "adam/m/%s", p->spec.name))) return false;
        if (!add(w, params, p, adam->moment2[i], hl_format(w->hl, "adam/v/%s", p->spec.name))) return false;
    }
    return true;
}

enum { OWN_METADATA = 3 };

/* Metadata: the network, the statistics' steps, Adam's steps, then the caller's. */
static hl_status write_all(const writer *w, const hl_params *params, const hl_adam *adam, const char *path, const hl_metadata *extra, int extra_count) {
    hl_metadata *metadata = hl_calloc(w->hl, (size_t)(extra_count + OWN_METADATA), sizeof *metadata);
    if (!metadata) return HL_NO_MEMORY;
    char bn_steps[32], adam_steps[32];
    int count = 0;
    snprintf(bn_steps, sizeof bn_steps, "%" PRId64, params->bn_steps);
    if (*params->network) metadata[count++] = (hl_metadata){"network", params->network};
    metadata[count++] = (hl_metadata){"bn_steps", bn_steps};
    if (adam) {
        snprintf(adam_steps, sizeof adam_steps, "%" PRId64, adam->steps);
        metadata[count++] = (hl_metadata){"adam_steps", adam_steps};
    }
    for (int i = 0; i < extra_count; i++) metadata[count++] = extra[i];
    hl_status status = hl_safetensors_write(w->hl, path, w->entries, w->count, metadata, count);
    free(metadata);
    return status;
}

static hl_status save(const hl_params *params, const hl_adam *adam, bool half, const char *path, const hl_metadata *extra, int extra_count) {
    hl_context *hl = params->hl;
    size_t most = 3 * (size_t)params->count;
    writer w = {.hl = hl, .half = half, .entries = hl_calloc(hl, most, sizeof *w.entries), .sources = hl_calloc(hl, most, sizeof *w.sources)};
    hl_status status = HL_NO_MEMORY;
    if (w.entries && w.sources && collect(&w, params, adam)) status = write_all(&w, params, adam, path, extra, extra_count);
    for (int i = 0; i < w.count; i++) free((char *)(uintptr_t)w.entries[i].name);
    free(w.entries);
    free(w.sources);
    return status;
}

hl_status hl_weights_save(const hl_params *params, const hl_adam *adam, const char *path, const hl_metadata *extra, int extra_count) {
    return save(params, adam, false, path, extra, extra_count);
}

/* A file's image has this many channels where a net that has one can take its weights. */
enum { FILE_CHANNELS = 3 };

/* Whether a tensor of the file, in its stead a net with an image of three channels, becomes this parameter by folding. */
static bool folds(const hl_param *p, const hl_safetensors *file, int index) {
    int axis = p->spec.rank == 4 ? 1 : 0;
    bool fits = p->of_image && p->spec.shape[axis] == 1 && hl_safetensors_rank(file, index) == p->spec.rank;
    for (int i = 0; i < p->spec.rank && fits; i++)
        fits = hl_safetensors_dim(file, index, i) == (i == axis ? FILE_CHANNELS : p->spec.shape[i]);
    return fits;
}

/* A kernel (out, channels, kH, kW) becomes (out, 1, kH, kW), the sum over the channels; a vector (channels) their mean. In place. */
static void fold(const hl_param *p, double *values) {
    int64_t area = p->spec.rank == 4 ? (int64_t)p->spec.shape[2] * p->spec.shape[3] : 1;
    for (int64_t i = 0; i < p->count; i++) {
        const double *from = values + i / area * FILE_CHANNELS * area + i % area;
        double sum = 0;
        for (int c = 0; c < FILE_CHANNELS; c++) sum += from[c * area];
        values[i] = p->spec.rank == 4 ? sum : sum / FILE_CHANNELS;
    }
}

/* Whether the file has the tensor in the parameter's shape, or one that folds to it; says what is wrong. */
static hl_status check_tensor(const hl_params *params, const hl_param *p, const hl_safetensors *file, const char *path, const char *prefix,
                              bool may_fold, int *index) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, p->spec.name);
    *index = hl_safetensors_find(file, name);
    if (*index < 0) return hl_fail(params->hl, HL_BAD_INPUT, "%s: tensor %s is missing", path, name);
    bool same = hl_safetensors_rank(file, *index) == p->spec.rank;
    int64_t found = 1;
    for (int i = 0; i < hl_safetensors_rank(file, *index); i++) found *= hl_safetensors_dim(file, *index, i);
    for (int i = 0; i < p->spec.rank && same; i++) same = hl_safetensors_dim(file, *index, i) == p->spec.shape[i];
    if (same || (may_fold && folds(p, file, *index))) return HL_OK;
    return hl_fail(params->hl, HL_BAD_INPUT, "%s: tensor %s has another shape: %" PRId64 " elements, expected %" PRId64, path, name, found, p->count);
}

static hl_status check_file(const hl_params *params, const hl_adam *adam, const hl_safetensors *file, const char *path, double **buffer) {
    int index;
    int64_t largest = 1;
    for (int i = 0; i < params->count; i++) {
        const hl_param *p = &params->list[i];
        hl_status status = check_tensor(params, p, file, path, "", !adam, &index);
        if (!status && adam && adam->moment1[i]) status = check_tensor(params, p, file, path, "adam/m/", false, &index);
        if (!status && adam && adam->moment1[i]) status = check_tensor(params, p, file, path, "adam/v/", false, &index);
        if (status) return status;
        int64_t room = p->count * (p->of_image ? FILE_CHANNELS : 1);
        if (room > largest) largest = room;
    }
    for (int i = 0; i < hl_safetensors_count(file); i++) {
        const char *name = hl_safetensors_name(file, i);
        if (strncmp(name, "adam/", 5) && hl_param_find(params, name) < 0)
            return hl_fail(params->hl, HL_BAD_INPUT, "%s: tensor %s is not one of the net's", path, name);
    }
    *buffer = hl_calloc(params->hl, (size_t)largest, sizeof **buffer);
    return *buffer ? HL_OK : HL_NO_MEMORY;
}

static void load_into(const hl_params *params, const hl_param *p, void *data, const hl_safetensors *file, const char *prefix, double *buffer) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, p->spec.name);
    int index = hl_safetensors_find(file, name);
    hl_safetensors_get(file, index, buffer);
    if (folds(p, file, index)) fold(p, buffer);
    for (int64_t i = 0; i < p->count; i++) hl_param_set(params, data, hl_param_memory_index(&p->spec, i), buffer[i]);
}

/* A count in the metadata; 0 when absent. */
static int64_t counted(const hl_safetensors *file, const char *key) {
    const char *text = hl_safetensors_metadata(file, key);
    long long value = text ? strtoll(text, NULL, 10) : 0;
    return value > 0 ? value : 0;
}

hl_status hl_weights_load(hl_params *params, hl_adam *adam, const hl_safetensors *file, const char *path) {
    double *buffer = NULL;
    hl_status status = check_file(params, adam, file, path, &buffer);
    if (status) return status;
    for (int i = 0; i < params->count; i++) {
        hl_param *p = &params->list[i];
        load_into(params, p, p->data, file, "", buffer);
        if (!adam || !adam->moment1[i]) continue;
        load_into(params, p, adam->moment1[i], file, "adam/m/", buffer);
        load_into(params, p, adam->moment2[i], file, "adam/v/", buffer);
    }
    params->version++;
    params->bn_steps = counted(file, "bn_steps");
    params->foreign_moving = params->bn_steps == 0;
    if (adam) adam->steps = counted(file, "adam_steps");
    free(buffer);
    return HL_OK;
}

hl_status hl_params_save(const hl_params *params, const char *path) { return save(params, NULL, false, path, NULL, 0); }
hl_status hl_params_save_half(const hl_params *params, const char *path) { return save(params, NULL, true, path, NULL, 0); }

hl_status hl_params_load(hl_params *params, const char *path) {
    hl_safetensors *file = hl_safetensors_read(params->hl, path);
    if (!file) return hl_error_status(params->hl);
    hl_status status = hl_weights_load(params, NULL, file, path);
    hl_safetensors_free(file);
    return status;
}
