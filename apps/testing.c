/* A run opened to be tested on a manifest, as `hilum evaluate` and `hilum calibrate` both do. */
#include "testing.h"

#include <stdlib.h>

#include "program.h"

hl_status test_begin(test *t, hl_context *hl, const test_request *r, const char *folder, const char *manifest) {
    *t = (test){.cache = cache_folder(r->cache), .bar = progress_start("testing")};
    t->options = (hl_evaluate_options){.manifest = manifest,
                                       .centres = r->centres.count ? r->centres.items : NULL,
                                       .centre_count = r->centres.count,
                                       .allow_outside = r->allow_outside,
                                       .threshold = 0.5,
                                       .window = r->window ? &t->window : NULL,
                                       .mm = r->mm,
                                       .cache_folder = t->cache,
                                       .stop = stop_flag(),
                                       .report = progress_of_test,
                                       .user = &t->bar};
    catch_signals();
    if (r->window && hl_window_parse(hl, r->window, &t->window)) return hl_error_status(hl);
    t->run = hl_run_open(hl, folder);
    return t->run ? HL_OK : hl_error_status(hl);
}

void test_tell(const hl_evaluation *result) {
    char *notes = result->cohort ? hl_cohort_notes(result->cohort) : NULL;
    if (notes) talk("%s", notes);
    free(notes);
}

void test_end(test *t) {
    hl_run_close(t->run);
    free(t->cache);
}
