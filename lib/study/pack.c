/* A finished run packed for giving away: what prediction and evaluation need, kernels in half precision, no path of the machine. */
#include <stdlib.h>

#include "base/file.h"
#include "hilum/nets.h"
#include "study/run.h"

static hl_status copy_file(const hl_run *run, const char *folder, const char *name) {
    char *from = hl_run_path(run, name), *to = hl_format(run->hl, "%s/%s", folder, name), *data = NULL;
    size_t bytes = 0;
    hl_status status = from && to ? hl_file_read(run->hl, from, &data, &bytes) : HL_NO_MEMORY;
    if (!status) status = hl_file_write(run->hl, to, data, bytes);
    free(from), free(to), free(data);
    return status;
}

static hl_status pack_fold(const hl_run *run, hl_params *params, const char *folder, int fold) {
    char *from = hl_run_fold_path(run, fold, "best.safetensors"), *to = hl_format(run->hl, "%s/fold-%d", folder, fold);
    hl_status status = from && to ? hl_params_load(params, from) : HL_NO_MEMORY;
    if (!status) status = hl_folder_make(run->hl, to);
    char *file = status ? NULL : hl_format(run->hl, "%s/best.safetensors", to);
    if (!status) status = file ? hl_params_save_half(params, file) : HL_NO_MEMORY;
    free(from), free(to), free(file);
    return status;
}

static hl_status pack_folds(const hl_run *run, const char *folder) {
    const hl_run_options *o = &run->options;
    hl_graph *graph = hl_net(run->hl, o->net, &o->net_options);
    hl_params *params = hl_params_init(graph, o->init, 0);
    hl_status status = params ? HL_OK : hl_error_status(run->hl);
    for (int fold = 0; fold < o->folds && !status; fold++) status = pack_fold(run, params, folder, fold);
    if (params) hl_params_free(params);
    hl_graph_free(graph);
    return status;
}

/* Every run has one; this one says nothing of where and when. */
static hl_status write_timing(const hl_run *run, const char *folder) {
    char *path = hl_format(run->hl, "%s/timing.json", folder);
    hl_json json = hl_json_start(run->hl);
    hl_json_text(&json, json.root, "manifest", "");
    hl_status status = HL_NO_MEMORY;
    if (path) status = hl_json_write(&json, path);
    else cJSON_Delete(json.root);
    free(path);
    return status;
}

/* config.json last: a folder without it is no run. */
hl_status hl_run_pack(const hl_run *run, const char *folder) {
    char *config = hl_format(run->hl, "%s/config.json", folder);
    hl_status status = config ? HL_OK : HL_NO_MEMORY;
    if (!status && !run->metrics) status = hl_fail(run->hl, HL_BAD_INPUT, "%s: the run is not finished, go on with it first", run->folder);
    if (!status && hl_file_exists(config)) status = hl_fail(run->hl, HL_USAGE, "%s: the folder holds a run already", folder);
    if (!status) status = hl_folder_make(run->hl, folder);
    if (!status) status = pack_folds(run, folder);
    if (!status) status = copy_file(run, folder, "folds.csv");
    if (!status) status = copy_file(run, folder, "metrics.json");
    if (!status) status = write_timing(run, folder);
    if (!status) status = copy_file(run, folder, "config.json");
    free(config);
    return status;
}
