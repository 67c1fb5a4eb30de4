/* Windows: their names, the ranges they come to, the pixels that come out. */
#include <math.h>

#include "fixture.h"
#include "volumes.h"

static hl_window parsed(hl_context *hl, const char *text) {
    hl_window window;
    ck_ok(hl, hl_window_parse(hl, text, &window));
    return window;
}

static void check_text(hl_context *hl, const char *text, const char *expected) {
    hl_window window = parsed(hl, text);
    char again[64];
    ck_assert_str_eq(hl_window_text(&window, again), expected);
}

START_TEST(windows_have_names) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    char text[64];
    ck_assert_str_eq(hl_window_text(&(hl_window){0}, text), "-1250,250");
    check_text(hl, "-1250,250", "-1250,250");
    check_text(hl, "-1000.5,1e3", "-1000.5,1000");
    check_text(hl, "lung", "-1350,150");
    check_text(hl, "minmax", "minmax");
    check_text(hl, "percentile", "percentile");
    static const char *const wrong[] = {"", "bone", "5", "1,1", "2,1", "1,2,3", "a,b", "1,", "nan,1", "-1250, 250"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hl_window window;
        ck_assert_msg(hl_window_parse(hl, wrong[i], &window) == HL_USAGE, "\"%s\" is a window", wrong[i]);
        check_error(hl, HL_USAGE, "expected LOW,HIGH");
    }
    hl_close(hl);
}
END_TEST

static hl_range range_of(hl_context *hl, const hl_volume *volume, const char *window, hl_units units) {
    hl_window w = window ? parsed(hl, window) : (hl_window){0};
    hl_range range;
    ck_ok(hl, hl_window_range(hl, "scan.nii", volume, &w, units, &range));
    return range;
}

static void check_range(hl_context *hl, const hl_volume *volume, const char *window, hl_units units, double low, double high,
                        hl_units expected) {
    hl_range range = range_of(hl, volume, window, units);
    ck_assert_double_eq(range.low, low);
    ck_assert_double_eq(range.high, high);
    ck_assert_int_eq(range.units, expected);
    ck_assert(range.recognised == (units == HL_UNITS_UNKNOWN));
}

/* 1000 voxels in a shuffled order, the values of ranks 0 to 999 times `factor` plus `offset`. */
static hl_volume ranks(hl_context *hl, double factor, double offset) {
    hl_volume volume = make_volume(hl, 10, 10, 10, "LPS");
    for (int i = 0; i < 1000; i++) volume.voxels[i] = (float)(i * 387 % 1000 * factor + offset);
    return volume;
}

START_TEST(ranges_come_from_window_and_units) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_volume hu = ranks(hl, 2, -1024), bytes = ranks(hl, 0.25, 0);
    check_range(hl, &hu, NULL, HL_UNITS_UNKNOWN, -1250, 250, HL_UNITS_HU);
    check_range(hl, &hu, "lung", HL_UNITS_HU, -1350, 150, HL_UNITS_HU);
    check_range(hl, &hu, "minmax", HL_UNITS_UNKNOWN, -1024, 974, HL_UNITS_HU);
    check_range(hl, &hu, "percentile", HL_UNITS_UNKNOWN, -1024 + 2 * 5, -1024 + 2 * 994, HL_UNITS_HU); /* ranks 4.995 and 994.005 */
    check_range(hl, &bytes, NULL, HL_UNITS_UNKNOWN, 0, 255, HL_UNITS_8BIT);
    check_range(hl, &bytes, "lung", HL_UNITS_8BIT, 0, 255, HL_UNITS_8BIT);
    check_range(hl, &bytes, "-100,100", HL_UNITS_HU, -100, 100, HL_UNITS_HU);
    check_range(hl, &bytes, "percentile", HL_UNITS_UNKNOWN, 1.25, 248.5, HL_UNITS_8BIT);
    hl_range range;
    ck_assert_int_eq(hl_window_range(hl, "scan.nii", &hu, &(hl_window){0}, HL_UNITS_8BIT, &range), HL_BAD_INPUT);
    check_error(hl, HL_BAD_INPUT, "scan.nii: values run from -1024 to 974, expected 0 to 255");
    hl_volume_free(&hu), hl_volume_free(&bytes);
    hl_close(hl);
}
END_TEST

START_TEST(pixels_come_from_ranges) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_volume volume = make_volume(hl, 3, 2, 2, "SAR");
    static const float values[] = {-2000, -1250, -1249, 0, 250, 3000};
    for (int i = 0; i < 6; i++) *voxel(&volume, i % 3, i / 3, 1) = values[i];
    uint16_t pixels[6];
    hl_volume_window(&volume, 1, &(hl_range){.low = -1250, .high = 250}, pixels);
    static const uint16_t expected[] = {0, 0, 44, 54612, 65535, 65535}; /* 43.69, 54612.5 to the even one */
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(pixels[i], expected[i]);
    hl_volume_window(&volume, 1, &(hl_range){.low = 250, .high = 250}, pixels);
    ck_assert_uint_eq(pixels[4], 0);
    for (int v = 0; v < 256; v += 5) {
        *voxel(&volume, 0, 0, 0) = (float)v;
        hl_volume_window(&volume, 0, &(hl_range){.low = 0, .high = 255}, pixels);
        ck_assert_uint_eq(pixels[0], 257 * v); /* the same share of 65535 as v of 255 */
    }
    hl_volume_free(&volume);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("window");
    TCase *tcase = slow_case(suite, "window");
    tcase_add_test(tcase, windows_have_names);
    tcase_add_test(tcase, ranges_come_from_window_and_units);
    tcase_add_test(tcase, pixels_come_from_ranges);
    return run_suite(suite);
}
