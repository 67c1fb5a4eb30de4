/* The audit of how slices lie: cases and centres flipped, turned and mirrored are found in phantoms and in real slices, where those are. */
#include <unistd.h>

#include "audits.h"

/* --- how slices lie ------------------------------------------------------------------------------------------------------------ */

static void expect_turned(const char *centre, const char *case_name, const change *how, const char *words) {
    take_rows(&f, &t, fixture_path(&f, "manifest.csv"), 1);
    change_all(&f, &t, centre, case_name, how);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "turned", words);
}

START_TEST(centre_turned) {
    expect_turned("centre2", NULL, &(change){.rows = true},
                  "centre centre2: the slices of 9 of its 9 cases lie upside down, by rows in reverse");
    expect_turned("centre2", NULL, &(change){.rows = true, .columns = true}, "cases lie upside down, by half a turn");
    expect_turned("centre2", NULL, &(change){.columns = true}, "cases lie mirrored");
    expect_turned("centre2", NULL, &(change){.exchanged = true}, "cases lie on their side");
    expect_turned("centre2", NULL, &(change){.exchanged = true, .rows = true}, "cases lie on their side");
}
END_TEST

START_TEST(case_turned) {
    const char *name = case_with_lesion(4);
    char kept[64];
    snprintf(kept, sizeof kept, "%s", name);
    expect_turned(NULL, kept, &(change){.rows = true}, "its slices lie upside down");
    expect_turned(NULL, kept, &(change){.columns = true}, "its slices lie mirrored");
    expect_turned(NULL, kept, &(change){.exchanged = true}, "its slices lie on their side");
}
END_TEST

/* --- real slices -------------------------------------------------------------------------------------------------------------------- */

static const char real[] = "../shared/data/covid19-p20/manifest.csv";

START_TEST(real_slices) {
    if (access(real, R_OK)) return;
    hl_audit audit = audit_manifest(real, 1);
    ck_assert_int_eq(audit.all.slices, 1255);
    expect_faults(&audit, 0, "", "");
}
END_TEST

/* A fifth of them, with something planted. */
START_TEST(real_slices_with_faults) {
    if (access(real, R_OK)) return;
    static const change ways[] = {{.rows = true}, {.rows = true, .columns = true}, {.columns = true}, {.exchanged = true}};
    static const char *const words[] = {"upside down, by rows in reverse", "upside down, by half a turn", "mirrored", "on their side"};
    for (int i = 0; i < 4; i++) {
        take_rows(&f, &t, real, 5);
        change_all(&f, &t, "radiopaedia", NULL, &ways[i]);
        hl_audit audit = audit_rows();
        expect_faults(&audit, 1, "turned", words[i]);
    }
    take_rows(&f, &t, real, 5);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 0, "", "");
    repeat_case(&t, "coronacases_004", "radiopaedia", "new");
    audit = audit_rows();
    expect_faults(&audit, 1, "same-slices", "coronacases_004");
    take_rows(&f, &t, real, 5);
    exchange_masks(&t, "coronacases_001", "coronacases_008");
    audit = audit_rows();
    expect_faults(&audit, 2, "mask-out-of-place", "coronacases_001");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("turned");
    TCase *tcase = slow_case(suite, "turned");
    tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
    tcase_add_test(tcase, centre_turned);
    tcase_add_test(tcase, case_turned);
    tcase_add_test(tcase, real_slices);
    tcase_add_test(tcase, real_slices_with_faults);
    return run_suite(suite);
}
