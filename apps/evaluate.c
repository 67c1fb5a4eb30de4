/* `hilum evaluate`: a run on a manifest, or one folder of masks against another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "figures.h"
#include "hilum/masks.h"
#include "masks.h"
#include "program.h"
#include "testing.h"

typedef struct request {
    test_request test;
    const char *predicted, *truth, *spacing;
    double tolerance;
    double threshold;
    int grid, classes;
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
    if (!r->test.json) {
        print_figures(figures, r->grid == HL_GRID_NATIVE);
        if (r->predicted) print_masks(figures);
    } else {
        if (both && r->grid == HL_GRID_NATIVE) figures = native_first(figures);
        if (both) cJSON_AddStringToObject(figures, "grid", r->grid == HL_GRID_NATIVE ? "native" : "training");
        print_json(figures);
    }
    cJSON_Delete(figures);
    return HL_OK;
}

/* "x,y,z" in mm; false after telling. */
static bool parse_spacing(const char *text, double spacing[3]) {
    int used = 0;
    if (!text) return true;
    bool three = sscanf(text, "%lf,%lf,%lf%n", &spacing[0], &spacing[1], &spacing[2], &used) == 3 && !text[used];
    for (int k = 0; k < 3; k++) three = three && spacing[k] > 0 && spacing[k] <= 1000;
    if (three) return true;
    return talk("evaluate: --spacing \"%s\": expected three numbers above 0, to 1000, as in 0.7,0.7,1.5", text), false;
}

static int evaluate_masks(const request *r) {
    hl_masks_options options = {.predicted = r->predicted, .truth = r->truth, .classes = r->classes, .tolerance = r->tolerance};
    if (!parse_spacing(r->spacing, options.spacing)) return 2;
    hl_context *hl = open_library(r->test.threads);
    if (!hl) return 2;
    hl_masks_result result = {0};
    hl_status status = hl_evaluate_masks(hl, &options, &result);
    if (!status) status = print_text(r, hl_masks_json(hl, &result), false);
    hl_masks_free(&result);
    return end_with(hl, status);
}

static int evaluate_run(const request *r, const char *folder, const char *manifest) {
    hl_context *hl = open_library(r->test.threads);
    if (!hl) return 2;
    test t;
    hl_evaluation result = {0};
    hl_status status = test_begin(&t, hl, &r->test, folder, manifest);
    t.options.threshold = r->threshold;
    if (!status && !take_threshold("evaluate", t.run, &t.options.threshold)) return test_end(&t), hl_close(hl), 2;
    if (!status) status = hl_evaluate(t.run, &t.options, &result);
    progress_end(&t.bar);
    test_tell(&result);
    if (!status && result.left_out && !r->test.json)
        talk("%d cases left out: the run knows their patients, and none of its models tests them", result.left_out);
    if (!status) status = print_text(r, hl_figures_json(hl, &result.training, &result.native, result.left_out), true);
    hl_evaluation_free(&result);
    test_end(&t);
    return end_with(hl, status);
}

/* Whether what was said makes sense for two folders of masks. */
static bool only_masks(const request *r, const usage *u, const char *const *words, int count) {
    static const char *const sensible[] = {"pred", "truth", "classes", "spacing", "tolerance", "threads", "json", NULL};
    const char *other = given_besides(u, sensible);
    if (count) return talk("evaluate: \"%s\" is one argument too many beside --pred and --truth", words[0]), false;
    if (!r->predicted || !r->truth)
        return talk("evaluate: --%s is missing: --pred and --truth go together", r->truth ? "pred" : "truth"), false;
    if (!other) return true;
    return talk("evaluate: --%s says nothing about two folders of masks", other), false;
}

int command_evaluate(int argc, char **argv) {
    static const char *const grids[] = {"training", "native", NULL};
    request r = {0};
    option classes = classes_option(&r.classes);
    classes.help = "of --pred and --truth: 1: any value but 0 is lesion; more: the value is the class";
    classes.standard = "1"; /* 0: nothing was said */
    option tolerance = positive_option("tolerance", &r.tolerance, "MM", 100, "of surface Dice");
    tolerance.standard = "3, with more classes 1";
    option table[] = {
        text_option("pred", &r.predicted, "DIR", "anyone's masks: PNG files and NIfTI volumes"),
        text_option("truth", &r.truth, "DIR", "the true masks, under the same file names"),
        classes,
        text_option("spacing", &r.spacing, "X,Y,Z", "mm between the voxels of PNG slices: surface distances (volumes say it themselves)"),
        tolerance,
        threshold_option(&r.threshold),
        choice_option("grid", &r.grid, "training|native", grids, "which figures stand first: the net's grid or the masks' own pixels"),
        window_option(&r.test.window, "the run's"),
        mm_option(&r.test.mm, "the run's"),
        centre_option(&r.test.centres),
        allow_outside_option(&r.test.allow_outside),
        threads_option(&r.test.threads),
        cache_option(&r.test.cache),
        json_option(&r.test.json),
    };
    usage u = {.name = "evaluate",
               .synopsis = "evaluate RUN MANIFEST [options]\nevaluate --pred DIR --truth DIR [--spacing X,Y,Z] [--json]",
               .about = "Scores a run's models on a manifest. Patients the run knows are scored only by the model that\n"
                        "tests them, others by every model. With more than one class Dice is the mean over them, and each\n"
                        "has its own. Or scores a folder of masks against another: NAME_12.png is slice 12 of the case NAME,\n"
                        "NAME.nii.gz a case. With spacing, surface distances too; lesions found, and the same masks by the\n"
                        "rules of other libraries.",
               .example = "hilum evaluate run cohort/manifest.csv --centre centre2\nhilum evaluate --pred masks --truth labels --json",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_most = 2};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (r.predicted || r.truth) return only_masks(&r, &u, words, count) ? evaluate_masks(&r) : 2;
    if (r.classes) return talk("evaluate: --classes goes with --pred and --truth, a run knows its own"), 2;
    if (r.spacing || r.tolerance > 0) return talk("evaluate: --%s goes with --pred and --truth", r.spacing ? "spacing" : "tolerance"), 2;
    if (count < 2) return talk("evaluate: %s is missing, see: hilum evaluate --help", count ? "the manifest" : "the run"), 2;
    return evaluate_run(&r, words[0], words[1]);
}
