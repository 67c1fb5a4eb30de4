/* `hilum calibrate`: a threshold for a new centre from a few of its own cases, and what that is worth. */
#include <stdio.h>
#include <stdlib.h>

#include "figures.h"
#include "program.h"
#include "progress.h"

typedef struct request {
    const char *out, *cache;
    uint64_t seed;
    int threads;
    text_list centres;
    bool allow_outside, json;
} request;

static hl_status print_result(hl_context *hl, const request *r, const hl_calibration *calibration) {
    if (!r->json) return print_calibration(calibration), HL_OK;
    char *text = hl_calibration_json(hl, calibration);
    if (!text) return hl_error_status(hl);
    puts(text);
    free(text);
    return HL_OK;
}

/* The report holds the run's own test too, where it has one and its manifest is still there. */
static hl_status write_report(hl_run *run, const hl_evaluation *second, const hl_calibration *calibration, const char *cache,
                              const char *path) {
    const hl_run_options *o = hl_run_get_options(run);
    hl_evaluate_options options = {.manifest = o->manifest,
                                   .centres = o->centres,
                                   .centre_count = o->centre_count,
                                   .allow_outside = o->allow_outside,
                                   .threshold = 0.5,
                                   .cache_folder = cache,
                                   .stop = stop_flag()};
    hl_evaluation own = {0};
    bool tested = o->folds > 1;
    hl_status status = tested ? hl_evaluate(run, &options, &own) : HL_OK;
    if (!status) status = hl_run_report(run, tested ? &own : NULL, second, calibration, path);
    hl_evaluation_free(&own);
    return status;
}

static int calibrate(const request *r, const char *folder, const char *manifest) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    char *cache = cache_folder(r->cache);
    progress bar = progress_start("testing");
    hl_evaluate_options options = {.manifest = manifest,
                                   .centres = r->centres.count ? r->centres.items : NULL,
                                   .centre_count = r->centres.count,
                                   .allow_outside = r->allow_outside,
                                   .threshold = 0.5,
                                   .cache_folder = cache,
                                   .stop = stop_flag(),
                                   .report = progress_of_test,
                                   .user = &bar};
    catch_signals();
    hl_calibration calibration;
    hl_evaluation evaluation = {0};
    hl_run *run = hl_run_open(hl, folder);
    hl_status status = run ? hl_run_calibrate(run, &options, r->seed, &calibration, &evaluation) : hl_error_status(hl);
    progress_end(&bar);
    if (!status && r->out) status = write_report(run, &evaluation, &calibration, cache, r->out);
    if (!status) status = print_result(hl, r, &calibration);
    if (!status && r->out && !r->json) printf("\nreport: %s\n", r->out);
    hl_evaluation_free(&evaluation);
    hl_run_close(run);
    free(cache);
    return end_with(hl, status);
}

int command_calibrate(int argc, char **argv) {
    request r = {0};
    option table[] = {
        {.name = "out", .kind = OPTION_TEXT, .target = &r.out, .value = "FILE.html", .help = "also write a report with this centre in it"},
        {.name = "seed", .kind = OPTION_SEED, .target = &r.seed, .value = "N", .help = "of the divisions drawn", .standard = "0"},
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
    usage u = {.name = "calibrate",
               .synopsis = "calibrate RUN MANIFEST [options]",
               .about = "Divides a new centre's patients again and again: a share of the cases chooses the threshold, the\n"
                        "other half tells the Dice it ends with. Patients the run knows are refused.",
               .example = "hilum calibrate run cohort/manifest.csv --centre centre2 --out centre2.html",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 2,
               .words_most = 2};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    return code == PARSED ? calibrate(&r, words[0], words[1]) : code;
}
