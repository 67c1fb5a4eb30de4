/* What every Check program here shares: running a suite, a context, a scratch folder. */
#ifndef HL_TEST_HARNESS_H
#define HL_TEST_HARNESS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "hilum/context.h"

/* Runs a suite in forked children (CK_FORK=no for a debugger) and returns main's exit code. */
static inline int run_suite(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A case whose tests may take ten minutes each, on a machine however slow. */
static inline TCase *slow_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* Fails the test with the library's own words. */
#define ck_ok(hl, call)                                                                                                                    \
    do {                                                                                                                                   \
        hl_status ck_status_ = (call);                                                                                                     \
        ck_assert_msg(ck_status_ == HL_OK, "%s: status %d, %s", #call, (int)ck_status_, hl_error(hl));                                     \
    } while (0)

/* Makes an empty scratch folder; `path` gets its name (at least 64 bytes). Remove with remove_folder. */
static inline void scratch_folder(char *path) {
    snprintf(path, 64, "/tmp/hilum-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
}
static inline void remove_folder(const char *path) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

#endif
