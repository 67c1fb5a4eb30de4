/* A run opened to be tested on a manifest, as `hilum evaluate` and `hilum calibrate` both do. */
#ifndef HL_APPS_TESTING_H
#define HL_APPS_TESTING_H

#include "hilum/study.h"
#include "options.h"
#include "progress.h"

/* What the options of both say. */
typedef struct test_request {
    const char *cache, *window;
    double mm;
    int threads;
    text_list centres;
    bool allow_outside, json;
} test_request;

typedef struct test {
    hl_run *run;
    char *cache;
    progress bar;
    hl_window window;
    hl_evaluate_options options; /* the threshold is 0.5 */
} test;

/* Catches signals from here on. The test stays where it is until test_end, which is due after a failure too. */
hl_status test_begin(test *t, hl_context *hl, const test_request *r, const char *folder, const char *manifest);
/* Says what there is to say of the cohort's volumes. */
void test_tell(const hl_evaluation *result);
void test_end(test *t);

#endif
