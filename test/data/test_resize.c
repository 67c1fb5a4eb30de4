/* Resizing against values worked out by hand. */
#include <math.h>

#include "fixture.h"

static void check_fit(int height, int width, int grid_height, int grid_width, hl_placement expected) {
    hl_placement fit = hl_fit_picture(height, width, grid_height, grid_width);
    ck_assert_int_eq(fit.height, expected.height);
    ck_assert_int_eq(fit.width, expected.width);
    ck_assert_int_eq(fit.top, expected.top);
    ck_assert_int_eq(fit.left, expected.left);
}

START_TEST(pictures_fit_without_stretching) {
    check_fit(64, 64, 64, 64, (hl_placement){0, 0, 64, 64});
    check_fit(512, 512, 256, 256, (hl_placement){0, 0, 256, 256});
    check_fit(100, 50, 64, 64, (hl_placement){0, 16, 64, 32});
    check_fit(50, 100, 64, 64, (hl_placement){16, 0, 32, 64});
    check_fit(100, 50, 33, 64, (hl_placement){0, 23, 33, 17}); /* 16.5 becomes 17; 47 left over: 23 before, 24 after */
    check_fit(3, 5, 4, 10, (hl_placement){0, 1, 4, 7});        /* 6.67 becomes 7; 3 left over: 1 before, 2 after */
    check_fit(1000, 1, 10, 10, (hl_placement){0, 4, 10, 1});   /* never less than a pixel */
}
END_TEST

static void check_image(int height, int width, const uint16_t *pixels, int maximum, int grid_height, int grid_width,
                        const float *expected) {
    hl_context *hl = hl_open(NULL);
    hl_picture picture = {.width = width, .height = height, .maximum = maximum, .pixels = (uint16_t *)(uintptr_t)pixels};
    float grid[256];
    ck_assert_int_le(grid_height * grid_width, 256);
    for (int i = 0; i < 256; i++) grid[i] = -1;
    ck_ok(hl, hl_resize_image(hl, &picture, grid_height, grid_width, grid));
    for (int i = 0; i < grid_height * grid_width; i++)
        ck_assert_msg(fabsf(grid[i] - expected[i]) < 1e-6f, "pixel %d is %g, expected %g", i, grid[i], expected[i]);
    for (int i = grid_height * grid_width; i < 256; i++) ck_assert_float_eq(grid[i], -1);
    hl_close(hl);
}

START_TEST(same_size_is_a_copy) {
    const uint16_t pixels[] = {0, 51, 102, 153, 204, 255};
    const float expected[] = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
    check_image(2, 3, pixels, 255, 2, 3, expected);
}
END_TEST

START_TEST(shrinking_averages_areas) {
    const uint16_t three[] = {9, 18, 27, 36, 45, 54, 63, 72, 81};
    /* A half of three pixels is 1.5 of them: (9 + 18/2 + (36 + 45/2) / 2) / 2.25 and so on. */
    const float two[] = {21 / 255.f, 33 / 255.f, 57 / 255.f, 69 / 255.f};
    check_image(3, 3, three, 255, 2, 2, two);
    const uint16_t four[] = {0, 65535, 0, 0, 65535, 65535, 0, 0};
    const float one[] = {0.75f, 0};
    check_image(2, 4, four, 65535, 1, 2, one);
    const uint16_t five[] = {10, 20, 30, 40, 50};
    /* One line of five onto three: 1.667 pixels each; the height stays one. */
    const float third[] = {(10 + 20 * 2 / 3.f) / (5 / 3.f) / 255, (20 / 3.f + 30 + 40 / 3.f) / (5 / 3.f) / 255,
                           (40 * 2 / 3.f + 50) / (5 / 3.f) / 255};
    check_image(1, 5, five, 255, 1, 3, third);
}
END_TEST

START_TEST(shrinking_keeps_the_mean_and_pads_with_zero) {
    const uint16_t pixels[] = {255, 255, 255, 255, 255, 255, 255, 255}; /* 4 high, 2 wide, onto 3 x 5: 3 x 2 at column 1 */
    const float expected[] = {0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0};
    check_image(4, 2, pixels, 255, 3, 5, expected);
}
END_TEST

START_TEST(enlarging_is_bilinear) {
    const uint16_t pixels[] = {0, 200};
    /* Centres of the outputs among those of the inputs: -0.25, 0.25, 0.75, 1.25. */
    const float expected[] = {0, 50 / 255.f, 150 / 255.f, 200 / 255.f, 0, 50 / 255.f, 150 / 255.f, 200 / 255.f};
    check_image(1, 2, pixels, 255, 2, 4, expected);
    const uint16_t square[] = {0, 90, 180, 45};
    /* 2 x 2 onto 3 x 3: the middle is the mean of all four. */
    const float three[] = {0, 45 / 255.f, 90 / 255.f, 90 / 255.f, 78.75f / 255.f, 67.5f / 255.f, 180 / 255.f, 112.5f / 255.f, 45 / 255.f};
    check_image(2, 2, square, 255, 3, 3, three);
}
END_TEST

START_TEST(labels_take_the_nearest) {
    const uint8_t labels[] = {1, 2, 3, 4, 5};
    uint8_t grid[32];
    hl_resize_labels(labels, 1, 5, 1, 3, grid); /* 0.83, 2.5, 4.17 */
    ck_assert_mem_eq(grid, ((uint8_t[]){1, 3, 5}), 3);
    hl_resize_labels(labels, 5, 1, 7, 3, grid); /* fits 7 x 1, at column 1: 0.36 1.07 1.79 2.5 3.21 3.93 4.64 */
    ck_assert_mem_eq(grid, ((uint8_t[]){0, 1, 0, 0, 2, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 4, 0, 0, 5, 0}), 21);
    const uint8_t square[] = {1, 0, 0, 255};
    hl_resize_labels(square, 2, 2, 4, 5, grid); /* 4 x 4 at column 0: the half before is the smaller */
    ck_assert_mem_eq(grid, ((uint8_t[]){1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 255, 255, 0}), 20);
}
END_TEST

START_TEST(back_is_bilinear_without_the_padding) {
    /* A picture of 2 x 4 lies on a 4 x 4 grid in rows 1 and 2, as it is; the padding must not show. */
    float grid[16] = {9, 9, 9, 9, 0, 1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 9}, native[64];
    hl_resize_back(grid, 4, 4, 2, 4, native);
    for (int i = 0; i < 8; i++) ck_assert_float_eq(native[i], (float)i);
    hl_resize_back(grid, 4, 4, 4, 8, native); /* a picture twice as large */
    const float row[] = {0, 0.25f, 0.75f, 1.25f, 1.75f, 2.25f, 2.75f, 3};
    const float down[] = {0, 1, 3, 4};
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 8; x++) ck_assert_float_eq_tol(native[y * 8 + x], row[x] + down[y], 1e-6f);
    hl_resize_back(grid, 4, 4, 1, 2, native); /* a picture half as large: between the middle pixels */
    ck_assert_float_eq_tol(native[0], 2.5f, 1e-6f);
    ck_assert_float_eq_tol(native[1], 4.5f, 1e-6f);
}
END_TEST

static void check_place(const hl_placement place, int top, int left, int height, int width) {
    ck_assert_msg(place.top == top && place.left == left && place.height == height && place.width == width, "%d %d %d %d", place.top,
                  place.left, place.height, place.width);
}

/* 6 x 4 pixels of 1 x 2 mm are 4 x 4 at 2 mm in height, 6 x 8 at 1 mm. */
START_TEST(one_scale_crops_and_pads) {
    const double spacing[2] = {2, 1};
    check_place(hl_place_picture(6, 4, spacing, 2, 6, 6), 1, 1, 3, 4);
    check_place(hl_place_picture(6, 4, spacing, 1, 4, 4), -1, -2, 6, 8);
    check_place(hl_place_picture(6, 4, spacing, 1, 7, 7), 0, 0, 6, 8);
    check_place(hl_place_picture(6, 4, spacing, 1e-9, 4, 4), -((1 << 20) - 4) / 2, -((1 << 20) - 4) / 2, 1 << 20, 1 << 20);
    check_place(hl_place_picture(6, 4, spacing, 100, 3, 3), 1, 1, 1, 1);
}
END_TEST

/* A picture of 4 x 4 placed as it is on a grid of 2 x 2: its middle; back, its border is 0. */
START_TEST(what_is_cropped_comes_back_as_nothing) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    uint16_t pixels[16];
    uint8_t labels[16], kept[4];
    for (int i = 0; i < 16; i++) pixels[i] = (uint16_t)(i + 1), labels[i] = (uint8_t)(i + 1);
    hl_picture picture = {.width = 4, .height = 4, .maximum = 255, .pixels = pixels};
    hl_placement place = hl_place_picture(4, 4, (double[2]){1, 1}, 1, 2, 2);
    float grid[4], native[16];
    ck_ok(hl, hl_image_to_grid(hl, &picture, &place, 2, 2, grid));
    hl_labels_to_grid(labels, 4, 4, &place, 2, 2, kept);
    static const int middle[4] = {6, 7, 10, 11};
    for (int i = 0; i < 4; i++) ck_assert_float_eq(grid[i], (float)(middle[i] / 255.0));
    for (int i = 0; i < 4; i++) ck_assert_int_eq(kept[i], middle[i]);
    hl_grid_to_native(grid, 2, 2, &place, 4, 4, native);
    for (int i = 0; i < 16; i++) {
        int y = i / 4, x = i % 4;
        bool inside = y > 0 && y < 3 && x > 0 && x < 3;
        ck_assert_float_eq(native[i], inside ? grid[(y - 1) * 2 + x - 1] : 0);
    }
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("resize");
    TCase *tcase = slow_case(suite, "resize");
    tcase_add_test(tcase, pictures_fit_without_stretching);
    tcase_add_test(tcase, same_size_is_a_copy);
    tcase_add_test(tcase, shrinking_averages_areas);
    tcase_add_test(tcase, shrinking_keeps_the_mean_and_pads_with_zero);
    tcase_add_test(tcase, enlarging_is_bilinear);
    tcase_add_test(tcase, labels_take_the_nearest);
    tcase_add_test(tcase, back_is_bilinear_without_the_padding);
    tcase_add_test(tcase, one_scale_crops_and_pads);
    tcase_add_test(tcase, what_is_cropped_comes_back_as_nothing);
    return run_suite(suite);
}
