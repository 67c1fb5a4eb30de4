/* Cleaned masks: small lesions, holes, what lies outside the lungs. */
#include "../data/fixture.h"
#include "../data/volumes.h"
#include "hilum/scan.h"

enum { WIDTH = 7, HEIGHT = 6, SLICES = 3 };
static const double voxel_ml = 0.75 * 0.5 * 5 / 1000;

/* Slice z of a mask as `rows`, '#' for 1. */
static void put_rows(hl_volume *v, int z, const char *const rows[HEIGHT]) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) *voxel(v, x, y, z) = rows[y][x] == '#';
}

static void check_rows(hl_volume *v, int z, const char *const rows[HEIGHT]) {
    for (int y = 0; y < HEIGHT; y++) {
        char found[WIDTH + 1] = "";
        for (int x = 0; x < WIDTH; x++) found[x] = *voxel(v, x, y, z) == 1 ? '#' : *voxel(v, x, y, z) == 0 ? '.' : '?';
        ck_assert_msg(!strcmp(found, rows[y]), "slice %d, row %d is %s, expected %s", z, y, found, rows[y]);
    }
}

/* A lesion of six voxels whose halves touch by a corner of two slices, and one of two. */
START_TEST(small_lesions_go) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    static const char *const low[] = {".......", ".##....", ".#.....", ".......", "......#", "......#"};
    static const char *const high[] = {".......", ".......", ".......", "..###..", ".......", "......."};
    static const char *const gone[] = {".......", ".##....", ".#.....", ".......", ".......", "......."};
    static const char *const none[] = {".......", ".......", ".......", ".......", ".......", "......."};
    hl_volume v = make_volume(hl, WIDTH, HEIGHT, SLICES, "PSR");
    put_rows(&v, 0, low), put_rows(&v, 1, high);
    ck_ok(hl, hl_mask_clean(hl, &v, NULL, &(hl_cleaning){.smallest = 1.9 * voxel_ml}));
    check_rows(&v, 0, low), check_rows(&v, 1, high);
    ck_ok(hl, hl_mask_clean(hl, &v, NULL, &(hl_cleaning){.smallest = 5.9 * voxel_ml}));
    check_rows(&v, 0, gone), check_rows(&v, 1, high), check_rows(&v, 2, none);
    ck_ok(hl, hl_mask_clean(hl, &v, NULL, &(hl_cleaning){.smallest = 6.1 * voxel_ml}));
    check_rows(&v, 0, none), check_rows(&v, 1, none);
    hl_volume_free(&v);
    hl_close(hl);
}
END_TEST

/* A hole that opens only by a corner is one; a bay at the border is none, nor is what another slice closes. */
START_TEST(holes_are_filled_slice_by_slice) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    static const char *const open_rows[] = {"..###..", "..#.#..", "...##..", "#####..", "#...#..", "#.#.#.."};
    static const char *const full_rows[] = {"..###..", "..###..", "...##..", "#####..", "#...#..", "#.#.#.."};
    hl_volume v = make_volume(hl, WIDTH, HEIGHT, SLICES, "SAL");
    put_rows(&v, 1, open_rows);
    ck_ok(hl, hl_mask_clean(hl, &v, NULL, &(hl_cleaning){0}));
    check_rows(&v, 1, open_rows);
    ck_ok(hl, hl_mask_clean(hl, &v, NULL, &(hl_cleaning){.fill = true}));
    check_rows(&v, 1, full_rows);
    hl_volume_free(&v);
    hl_close(hl);
}
END_TEST

START_TEST(lungs_clip) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    static const char *const mask_rows[] = {"#######", ".......", "..###..", "..###..", ".......", "......#"};
    static const char *const lung_rows[] = {".......", ".......", "...###.", "...###.", ".......", "......."};
    static const char *const both[] = {".......", ".......", "...##..", "...##..", ".......", "......."};
    hl_volume v = make_volume(hl, WIDTH, HEIGHT, SLICES, "LPS"), lungs = make_volume(hl, WIDTH, HEIGHT, SLICES, "AIR");
    hl_volume other = make_volume(hl, WIDTH, HEIGHT, SLICES + 1, "LPS");
    put_rows(&v, 2, mask_rows), put_rows(&lungs, 2, lung_rows);
    ck_ok(hl, hl_mask_clean(hl, &v, &lungs, &(hl_cleaning){.clip = true}));
    check_rows(&v, 2, both);
    ck_assert_int_eq(hl_mask_clean(hl, &v, &other, &(hl_cleaning){.clip = true}), HL_BAD_INPUT);
    ck_assert_int_eq(hl_mask_clean(hl, &v, NULL, &(hl_cleaning){.clip = true}), HL_BAD_INPUT);
    check_error(hl, HL_BAD_INPUT, "cannot be clipped");
    hl_volume_free(&v), hl_volume_free(&lungs), hl_volume_free(&other);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("clean");
    TCase *tcase = slow_case(suite, "clean");
    tcase_add_test(tcase, small_lesions_go);
    tcase_add_test(tcase, holes_are_filled_slice_by_slice);
    tcase_add_test(tcase, lungs_clip);
    return run_suite(suite);
}
