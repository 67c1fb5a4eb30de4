/* `hilum demo`: the whole of it on a phantom: a cohort, cross-validation on one centre, the other centre, calibration. */
#include <cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "figures.h"
#include "program.h"
#include "progress.h"

typedef struct demo {
    const char *out;
    uint64_t seed;
    int threads, epochs, precision;
    hl_context *hl;
    char *phantom, *manifest, *folder, *report;
    hl_run *run;
    hl_evaluation own, second;
    hl_calibration calibration;
    double start;
} demo;

static const char *const first_centre[] = {"centre1"}, *const second_centre[] = {"centre2"};

/* Nothing that is there is overwritten. */
static bool is_empty(const char *folder) {
    DIR *listing = opendir(folder);
    int entries = 0;
    while (listing && readdir(listing)) entries++;
    if (listing) closedir(listing);
    return entries <= 2 && (listing || !is_there(folder));
}

static hl_status make_cohort(demo *d) {
    hl_phantom_options options = hl_phantom_defaults();
    options.patients = 40, options.centres = 2, options.healthy = 10, options.seed = d->seed;
    talk("a phantom cohort of %d patients in %d centres: %s", options.patients, options.centres, d->phantom);
    return hl_phantom_write(d->hl, d->phantom, &options);
}

static hl_status cross_validate(demo *d) {
    hl_run_options options = hl_run_defaults();
    options.manifest = d->manifest, options.centres = first_centre, options.centre_count = 1;
    options.net_options.width = 0.25, options.height = options.width_pixels = 64, options.epochs = d->epochs, options.seed = d->seed;
    /* A few slices: small batches for more steps, large ones, and none of them cut short. */
    options.batch = 4, options.rate = 2e-3, options.patience = 0, options.precision = (hl_precision)d->precision;
    progress bar = progress_start("training");
    hl_run_hooks hooks = {.stop = stop_flag(), .report = progress_of_run, .user = &bar};
    talk("cross-validation on %s: %s", first_centre[0], d->folder);
    hl_status status = hl_run_start(d->hl, &options, d->folder, &hooks);
    progress_end(&bar);
    return status;
}

static hl_status test(demo *d) {
    hl_evaluate_options options = {
        .manifest = d->manifest, .centres = first_centre, .centre_count = 1, .threshold = 0.5, .stop = stop_flag()};
    talk("testing on %s out of fold, then on %s, which no model has seen", first_centre[0], second_centre[0]);
    d->run = hl_run_open(d->hl, d->folder);
    hl_status status = d->run ? hl_evaluate(d->run, &options, &d->own) : hl_error_status(d->hl);
    options.centres = second_centre;
    if (!status) status = hl_run_calibrate(d->run, &options, d->seed, &d->calibration, &d->second);
    if (!status) status = hl_run_report(d->run, &d->own, &d->second, &d->calibration, d->report);
    return status;
}

static void print_row(const char *what, const char *threshold, int cases, double dice) {
    printf("%-42s%12s%8d%12.4f\n", what, threshold, cases, dice);
}

static hl_status print_result(const demo *d) {
    const hl_figures *own = &d->own.training, *second = &d->second.training;
    const hl_share *share = &d->calibration.shares[2];
    char threshold[32];
    snprintf(threshold, sizeof threshold, "%g", share->threshold);
    printf("%-42s%12s%8s%12s\n", "", "threshold", "lesions", "Dice");
    print_row("centre1, out of fold", "0.5", own->lesion_cases, own->dsc_lesion_mean);
    print_row("centre2, no model has seen it", "0.5", second->lesion_cases, second->dsc_lesion_mean);
    print_row("centre2, calibrated on 20 % of its cases", threshold, second->lesion_cases, share->dsc_lesion_median);
    cJSON *result = cJSON_CreateObject();
    cJSON_AddStringToObject(result, "run", d->folder);
    cJSON_AddStringToObject(result, "manifest", d->manifest);
    cJSON_AddStringToObject(result, "centre", first_centre[0]);
    cJSON_AddNumberToObject(result, "dsc_lesion_mean", own->dsc_lesion_mean);
    cJSON_AddNumberToObject(result, "dsc_second", second->dsc_lesion_mean);
    cJSON_AddNumberToObject(result, "dsc_second_calibrated", share->dsc_lesion_median);
    cJSON_AddNumberToObject(result, "minutes", (clock_seconds() - d->start) / 60);
    char *text = cJSON_PrintUnformatted(result);
    cJSON_Delete(result);
    if (!text) return HL_NO_MEMORY;
    printf("RESULT %s\n%s\n", text, d->report);
    free(text);
    return HL_OK;
}

static int demonstrate(demo *d) {
    if (!is_empty(d->out)) return talk("demo: %s is there already and not empty: remove it, or choose another folder", d->out), 2;
    d->hl = open_library(d->threads);
    if (!d->hl) return 2;
    const char *lacks = d->precision == HL_BF16 ? hl_bf16_lacks(d->hl) : NULL;
    if (lacks) {
        talk("demo: bf16 cannot be computed here: %s; --precision fp32 works everywhere", lacks);
        hl_close(d->hl);
        return 2;
    }
    catch_signals();
    d->start = clock_seconds();
    d->phantom = join(d->out, "phantom"), d->manifest = join(d->out, "phantom/manifest.csv");
    d->folder = join(d->out, "run"), d->report = join(d->out, "run/report.html");
    hl_status status = d->phantom && d->manifest && d->folder && d->report ? make_cohort(d) : HL_NO_MEMORY;
    if (!status) status = cross_validate(d);
    if (!status) status = test(d);
    if (!status) status = print_result(d);
    hl_evaluation_free(&d->own), hl_evaluation_free(&d->second);
    hl_run_close(d->run);
    free(d->phantom), free(d->manifest), free(d->folder), free(d->report);
    return end_with(d->hl, status);
}

int command_demo(int argc, char **argv) {
    demo d = {.seed = 1, .epochs = 60};
    option table[] = {
        out_option(&d.out, "DIR", "where all of it goes; must be empty or not there yet"),
        seed_option(&d.seed),
        epochs_option(&d.epochs),
        precision_option(&d.precision),
        threads_option(&d.threads),
    };
    usage u = {.name = "demo",
               .synopsis = "demo --out DIR [options]",
               .about = "What `make demo` runs. The same as these commands, one after another:\n"
                        "  hilum phantom --out DIR/phantom --patients 40 --centres 2 --healthy 10 --seed N\n"
                        "  hilum crossval DIR/phantom/manifest.csv --centre centre1 --net unet-vgg16 --width 0.25 \\\n"
                        "        --size 64 --folds 5 --batch 4 --lr 2e-3 --epochs 60 --patience 0 --seed N --out DIR/run\n"
                        "  hilum evaluate DIR/run DIR/phantom/manifest.csv --centre centre2\n"
                        "  hilum calibrate DIR/run DIR/phantom/manifest.csv --centre centre2 --seed N --out DIR/run/report.html\n"
                        "Prints a table, the line RESULT {json} and the report's path. Dice is over cases with a lesion:\n"
                        "centre1 out of fold, centre2 at 0.5, and at the threshold from 20 % of its cases (median of draws).",
               .example = "hilum demo --out demo --seed 2",
               .options = table,
               .option_count = sizeof table / sizeof *table};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!d.out) return talk("demo: --out is missing: where all of it goes"), 2;
    return demonstrate(&d);
}
