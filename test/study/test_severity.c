/* Severity: what is counted in which lung, and the table. */
#include <math.h>

#include "../data/fixture.h"
#include "../data/volumes.h"
#include "hilum/scan.h"

enum { WIDTH = 10, HEIGHT = 4, SLICES = 2 };
static const double voxel_ml = 0.75 * 0.5 * 5 / 1000;

/* Columns 0 to 3 are the right lung, 6 to 9 the left one; with `value` both are it. */
static hl_volume make_lungs(hl_context *hl, const char *axes, float value) {
    hl_volume v = make_volume(hl, WIDTH, HEIGHT, SLICES, axes);
    for (int i = 0; i < WIDTH * HEIGHT * SLICES; i++) {
        int x = i % WIDTH, y = i / WIDTH % HEIGHT, z = i / (WIDTH * HEIGHT);
        *voxel(&v, x, y, z) = x < 4 ? (value != 0 ? value : 2) : x < 6 ? 0 : value != 0 ? value : 1;
    }
    return v;
}

/* Three voxels in the right lung, one in the left, two between them. */
static hl_volume make_mask(hl_context *hl) {
    hl_volume v = make_volume(hl, WIDTH, HEIGHT, SLICES, "LPS");
    *voxel(&v, 0, 0, 0) = *voxel(&v, 3, 1, 1) = *voxel(&v, 2, 3, 0) = 1;
    *voxel(&v, 9, 3, 1) = 1;
    *voxel(&v, 4, 0, 0) = *voxel(&v, 5, 0, 1) = 1;
    return v;
}

START_TEST(lesions_are_counted_by_lung) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_volume mask = make_mask(hl), lungs = make_lungs(hl, "SAR", 0);
    hl_scan_severity s;
    ck_ok(hl, hl_scan_severity_measure(hl, &mask, &lungs, "lungs.nii", &s));
    ck_assert(s.divided);
    ck_assert_double_eq_tol(s.lesion, 6 * voxel_ml, 1e-9);
    ck_assert_double_eq_tol(s.lung[HL_LEFT_LUNG], 32 * voxel_ml, 1e-9);
    ck_assert_double_eq_tol(s.inside[HL_BOTH_LUNGS], 4 * voxel_ml, 1e-9);
    ck_assert_double_eq(s.share[HL_LEFT_LUNG], 1.0 / 32);
    ck_assert_double_eq(s.share[HL_RIGHT_LUNG], 3.0 / 32);
    ck_assert_double_eq(s.share[HL_BOTH_LUNGS], 4.0 / 64);
    hl_volume_free(&lungs);
    lungs = make_lungs(hl, "LPS", 255);
    ck_ok(hl, hl_scan_severity_measure(hl, &mask, &lungs, "lungs.nii", &s));
    ck_assert(!s.divided && isnan(s.share[HL_LEFT_LUNG]) && isnan(s.share[HL_RIGHT_LUNG]));
    ck_assert_double_eq(s.share[HL_BOTH_LUNGS], 4.0 / 64);
    hl_volume_free(&lungs);
    lungs = make_lungs(hl, "LPS", 1); /* one value alone is any lung */
    ck_ok(hl, hl_scan_severity_measure(hl, &mask, &lungs, "lungs.nii", &s));
    ck_assert(!s.divided && isnan(s.share[HL_LEFT_LUNG]));
    ck_assert_double_eq(s.share[HL_BOTH_LUNGS], 4.0 / 64);
    ck_ok(hl, hl_scan_severity_measure(hl, &mask, NULL, NULL, &s));
    ck_assert(isnan(s.share[HL_BOTH_LUNGS]));
    ck_assert_double_eq_tol(s.lesion, 6 * voxel_ml, 1e-9);
    hl_volume_free(&lungs), hl_volume_free(&mask);
    hl_close(hl);
}
END_TEST

START_TEST(other_lungs_are_refused) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_volume mask = make_mask(hl), lungs = make_lungs(hl, "LPS", 3), small = make_volume(hl, WIDTH, HEIGHT, 1, "LPS");
    hl_scan_severity s;
    ck_assert_int_eq(hl_scan_severity_measure(hl, &mask, &lungs, "lungs.nii", &s), HL_BAD_INPUT);
    check_error(hl, HL_BAD_INPUT, "lungs.nii: the lungs hold the value 3, expected 0, 1, 2 or 255");
    ck_assert_int_eq(hl_scan_severity_measure(hl, &mask, &small, "small.nii", &s), HL_BAD_INPUT);
    check_error(hl, HL_BAD_INPUT, "small.nii: the lungs are 10x4 of 1 slices, their scan is 10x4 of 2");
    hl_volume_free(&mask), hl_volume_free(&lungs), hl_volume_free(&small);
    hl_close(hl);
}
END_TEST

START_TEST(the_table_leaves_empty_what_has_no_value) {
    fixture f;
    fixture_open(&f, 1);
    hl_scan_severity full = {
        .lesion = 12.5, .divided = true, .lung = {1000, 1500, 2500}, .inside = {0, 10, 10}, .share = {0, 10.0 / 1500, 0.004}};
    hl_scan_severity none = {.lesion = 0.25, .share = {NAN, NAN, NAN}};
    hl_scan_severity_row rows[] = {{"a, b", full, ""}, {"c", none, "no lungs"}};
    ck_ok(f.hl, hl_scan_severity_write(f.hl, fixture_path(&f, "severity.csv"), rows, 2));
    char *text;
    ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, "severity.csv"), &text, NULL));
    ck_assert_str_eq(text,
                     "scan,severity,severity_left,severity_right,lesion_ml,lung_ml,left_lung_ml,right_lung_ml,lesion_in_lung_ml,reason\n"
                     "\"a, b\",0.00400,0.00000,0.00667,12.500,2500.000,1000.000,1500.000,10.000,\n"
                     "c,,,,0.250,,,,,no lungs\n");
    free(text);
    ck_assert_int_eq(hl_scan_severity_write(f.hl, "/nowhere/at/all.csv", rows, 2), HL_FAILED);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("severity");
    TCase *tcase = slow_case(suite, "severity");
    tcase_add_test(tcase, lesions_are_counted_by_lung);
    tcase_add_test(tcase, other_lungs_are_refused);
    tcase_add_test(tcase, the_table_leaves_empty_what_has_no_value);
    return run_suite(suite);
}
