/* `hilum evaluate`: a run on a manifest, or one folder of masks against another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "program.h"
#include "progress.h"

    typedef struct request {
    const char *predicted, *truth, *cache;
    double threshold;
    int grid, threads;
    text_list centres;
    bool allow_outside, json;
} request;

/* The chosen grid's figures stand at the top level, the other's below its name. */
static cJSON *native_first(cJSON *figures) {
    cJSON *native = cJSON_DetachItemFromObjectCaseSensitive(figures, "native");
    cJSON *left_out = cJSON_DetachItemFromObjectCaseSensitive(figures, "left_out");
    if (left_out) cJSON_AddItemToObject(native, "left_out", left_out);
    cJSON_AddItemToObject(native, "training", figures);
    return native;
}

/* Takes the text. */
static hl_status print_text(const request *r, char *text, bool both) {
    cJSON *figures = text ? cJSON_Parse(text) : NULL;
    free(text);
    if (!figures) return HL_NO_MEMORY;
    if (!r->json) print_figures(figures, r->grid == HL_GRID_NATIVE);
    else {
        if (both && r->grid == HL_GRID_NATIVE) figures = native_first(figures);
        if (both) cJSON_AddStringToObject(figures, "grid", r->grid == HL_GRID_NATIVE ? "native" : "training");
        print_json(figures);
    }
    cJSON_Delete(figures);
    return HL_OK;
}

static int evaluate_masks(const request *r) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    hl_figures figures = {0};
    hl_score *scores = NULL;
    int count = 0;
    hl_status status = hl_evaluate_masks(hl, r->predicted, r->truth, &figures, &scores, &count);
    if (!status) status = print_text(r, hl_figures_json(hl, &figures, NULL, 0), false);
    hl_figures_free(&figures);
    free(scores);
    return end_with(hl, status);
}

static int evaluate_run(const request *r, const char *folder, const char *manifest) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    char *cache = cache_folder(r->cache);
    progress bar = progress_start("testing");
    hl_evaluate_options options = {.manifest = manifest,
                                   .centres = r->centres.count ? r->centres.items : NULL,
                                   .centre_count = r->centres.count,
                                   .allow_outside = r->allow_outside,
                                   .threshold = r->threshold,
                                   .cache_folder = cache,
                                   .stop = stop_flag(),
                                   .report = progress_of_test,
                                   .user = &bar};
    catch_signals();
    hl_evaluation result = {0};
    hl_run *run = hl_run_open(hl, folder);
    hl_status status = run ? hl_evaluate(run, &options, &result) : hl_error_status(hl);
    progress_end(&bar);
    if (!status && result.left_out && !r->json)
        talk("%d cases left out: the run knows their patients, and none of its models tests them", result.left_out);
    if (!status) status = print_text(r, hl_figures_json(hl, &result.training, &result.native, result.left_out), true);
    hl_evaluation_free(&result);
    hl_run_close(run);
    free(cache);
    return end_with(hl, status);
}

int command_evaluate(int argc, char **argv) {
    static const char *const grids[] = {"training", "native", NULL};
    request r = {.threshold = 0.5};
    option table[] = {
        {.name = "pred", .kind = OPTION_TEXT, .target = &r.predicted, .value = "DIR", .help = "anyone's masks: PNG files"},
        {.name = "truth", .kind = OPTION_TEXT, .target = &r.truth, .value = "DIR", .help = "the true masks, under the same file names"},
        {.name = "threshold",
         .kind = OPTION_NUMBER,
         .target = &r.threshold,
         .value = "T",
         .most = 1,
         .help = "positive is a probability above it",
         .standard = "0.5"},
        {.name = "grid",
         .kind = OPTION_CHOICE,
         .target = &r.grid,
         .value = "training|native",
         .choices = grids,
         .standard = "training",
         .help = "which figures stand first: the net's grid or the masks' own pixels"},
        {.name = "centre",
         .kind = OPTION_LIST,
         .target = &r.centres,
         .value = "NAME",
         .help = "take only this centre; may be given again",
         .standard = "all"},
        {.name = "allow-outside", .kind = OPTION_FLAG, .target = &r.allow_outside, .help = "paths may leave the manifest's folder"},
        {.name = "threads",
         .kind = OPTION_INTEGER,
         .target = &r.threads,
         .value = "N",
         .least = 1,
         .most = 1024,
         .help = "worker threads",
         .standard = "all processors"},
        {.name = "cache",
         .kind = OPTION_TEXT,
         .target = &r.cache,
         .value = "DIR",
         .help = "where decoded slices are kept; none: in memory",
         .standard = "~/.cache/hilum"},
        {.name = "json", .kind = OPTION_FLAG, .target = &r.json, .help = "print one JSON object on one line"},
    };
    usage u = {.name = "evaluate",
               .synopsis = "evaluate RUN MANIFEST [options]\nevaluate --pred DIR --truth DIR [--json]",
               .about = "Scores a run's models on a manifest. Patients the run knows are scored only by the model that\n"
                        "tests them, others by every model. Or scores a folder of masks against another: NAME_12.png is\n"
                        "slice 12 of the case NAME.",
               .example = "hilum evaluate run cohort/manifest.csv --centre centre2\nhilum evaluate --pred masks --truth labels --json",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_most = 2};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (r.predicted || r.truth) {
        if (count) return talk("evaluate: \"%s\" is one argument too many beside --pred and --truth", words[0]), 2;
        if (!r.predicted || !r.truth)
            return talk("evaluate: --%s is missing: --pred and --truth go together", r.truth ? "pred" : "truth"), 2;
        static const char *const sensible[] = {"pred", "truth", "threads", "json", NULL};
        const char *other = given_besides(&u, sensible);
        if (other) return talk("evaluate: --%s says nothing about two folders of masks", other), 2;
        return evaluate_masks(&r);
    }
    if (count < 2) return talk("evaluate: %s is missing, see: hilum evaluate --help", count ? "the manifest" : "the run"), 2;
    return evaluate_run(&r, words[0], words[1]);
}
