/* `hilum calibrate`: a threshold for a new centre from a few of its own cases, and what that is worth. */
#include <stdio.h>
#include <stdlib.h>

#include "common.h"
#include "figures.h"
#include "program.h"
#include "testing.h"

typedef struct request {
    test_request test;
    const char *out;
    uint64_t seed;
} request;

static hl_status print_result(hl_context *hl, const request *r, const hl_calibration *calibration) {
    if (!r->test.json) return print_calibration(calibration), HL_OK;
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
    bool tested = hl_run_tests(run);
    hl_status status = tested ? hl_evaluate(run, &options, &own) : HL_OK;
    if (!status) status = hl_run_report(run, tested ? &own : NULL, second, calibration, path);
    hl_evaluation_free(&own);
    return status;
}

static int calibrate(const request *r, const char *folder, const char *manifest) {
    hl_context *hl = open_library(r->test.threads);
    if (!hl) return 2;
    test t;
    hl_calibration calibration;
    hl_evaluation evaluation = {0};
    hl_status status = test_begin(&t, hl, &r->test, folder, manifest);
    if (!status) status = hl_run_calibrate(t.run, &t.options, r->seed, &calibration, &evaluation);
    progress_end(&t.bar);
    test_tell(&evaluation);
    if (!status && r->out) status = write_report(t.run, &evaluation, &calibration, t.cache, r->out);
    if (!status) status = print_result(hl, r, &calibration);
    if (!status && r->out && !r->test.json) printf("\nreport: %s\n", r->out);
    hl_evaluation_free(&evaluation);
    test_end(&t);
    return end_with(hl, status);
}

int command_calibrate(int argc, char **argv) {
    request r = {0};
    option table[] = {
        out_option(&r.out, "FILE.html", "also write a report with this centre in it"),
        seed_option(&r.seed),
        window_option(&r.test.window, "the run's"),
        mm_option(&r.test.mm, "the run's"),
        centre_option(&r.test.centres),
        allow_outside_option(&r.test.allow_outside),
        threads_option(&r.test.threads),
        cache_option(&r.test.cache),
        json_option(&r.test.json),
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
