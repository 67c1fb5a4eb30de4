/* Surfaces against SciPy 1.10.1 and the surface-distance library, lesions by hand.
 *
 * The expected numbers were printed by Python (numpy 1.24.2) on the same masks (masks.h). Elements: compute_surface_distances(truth,
 * predicted, spacing), compute_surface_dice_at_tolerance, compute_robust_hausdorff, compute_average_surface_distance and
 * create_table_neighbour_code_to_surface_area of github.com/google-deepmind/surface-distance. Voxels: mask ^
 * scipy.ndimage.binary_erosion(mask), distance_transform_edt(~edge, sampling=(z, y, x)), numpy.percentile(..., 95). */
#include "hilum/geometry.h"

#include "masks.h"

/* --- surfaces -------------------------------------------------------------------------------------------------------- */

/* Sums over all 256 of the surface-distance library's table, 2.5 x 0.8 x 0.7 mm and 1 x 1 x 1 mm, and single elements. */
START_TEST(elements_as_their_library_has_them) {
    double sum = 0, squares = 0, unit = 0;
    static const double ones[3] = {1, 1, 1};
    for (int k = 0; k < 256; k++) {
        double area = hl_surface_element_area(k, fine);
        sum += area, squares += area * area, unit += hl_surface_element_area(k, ones);
    }
    expect_near(sum, 371.4624630404379, 1e-12);
    expect_near(squares, 644.0505729510298, 1e-12);
    expect_near(unit, 241.34313970553745, 1e-12);
    ck_assert(hl_surface_element_area(0, ones) == 0 && hl_surface_element_area(255, ones) == 0);
    expect_near(hl_surface_element_area(1, ones), sqrt(3) / 8, 1e-15);
    expect_near(hl_surface_element_area(15, fine), 0.7 * 0.8, 1e-15); /* the lower slice of four */
    expect_near(hl_surface_element_area(0x55, fine), 0.8 * 2.5, 1e-15);
    expect_near(hl_surface_element_area(0x33, fine), 0.7 * 2.5, 1e-15);
}
END_TEST

typedef struct pair {
    hl_stack stack;
    uint8_t truth[MOST], predicted[MOST];
} pair;

static void paint_blobs(pair *p, const double *spacing) {
    memset(p, 0, sizeof *p);
    p->stack = stack_of(9, 20, 24, spacing);
    paint_ellipsoid(&p->stack, (const int[]){4, 9, 11}, (const int[]){3, 6, 8}, 1, p->truth);
    paint_ellipsoid(&p->stack, (const int[]){4, 11, 12}, (const int[]){4, 6, 7}, 1, p->predicted);
    paint_ellipsoid(&p->stack, (const int[]){1, 3, 20}, (const int[]){1, 2, 2}, 1, p->predicted);
}

static void check_surface(const pair *p, hl_surface_kind kind, double tolerance, double dice, double hd95, double hd, double average) {
    hl_context *hl = hl_open(NULL);
    hl_surface_figures f, back;
    ck_ok(hl, hl_surface_compare(hl, &p->stack, p->truth, p->predicted, kind, tolerance, &f));
    expect_near(f.surface_dice, dice, 1e-12), expect_near(f.hd95, hd95, 1e-13), expect_near(f.hd, hd, 1e-13);
    expect_near(f.average, average, 1e-12);
    ck_assert(!f.empty && !f.missed && f.hd95 == fmax(f.directed95[0], f.directed95[1]));
    ck_assert(f.pooled95 <= f.hd95 && f.pooled95 >= fmin(f.directed95[0], f.directed95[1]));
    ck_assert(f.average >= fmin(f.directed_average[0], f.directed_average[1]) &&
              f.average <= fmax(f.directed_average[0], f.directed_average[1]));
    ck_ok(hl, hl_surface_compare(hl, &p->stack, p->predicted, p->truth, kind, tolerance, &back));
    ck_assert(back.directed95[0] == f.directed95[1] && back.directed95[1] == f.directed95[0] && back.hd == f.hd);
    hl_close(hl);
}

START_TEST(surfaces_as_their_libraries_have_them) {
    static pair p;
    static const double ones[3] = {1, 1, 1};
    paint_blobs(&p, ones);
    check_surface(&p, HL_SURFACE_ELEMENTS, 1, 0.7444101059595996, 3.4641016151377544, 6, 0.9393155613502412);
    check_surface(&p, HL_SURFACE_VOXELS, 1, 0.6710097719869706, 2.23606797749979, 6, 1.1270907462793118);
    paint_blobs(&p, fine);
    check_surface(&p, HL_SURFACE_ELEMENTS, 1, 0.566943118121343, 3.6359317925395684, 6.558200972827838, 0.9801435411362052);
    check_surface(&p, HL_SURFACE_VOXELS, 1, 0.41042345276872966, 3.0373762783257465, 6.558200972827838, 1.285039459827778);
    noise_mask(&p.stack, 0, 50, p.truth), noise_mask(&p.stack, 1, 50, p.predicted); /* up to the borders of the stack */
    check_surface(&p, HL_SURFACE_ELEMENTS, 0.5, 0.9866187573674388, 0, 1.4, 0.00954892194803872);
    check_surface(&p, HL_SURFACE_VOXELS, 0.5, 0.46803546430237986, 0.8, 1.6124515496597098, 0.39976452858196987);
}
END_TEST

/* What goes one way, and both ways together. */
START_TEST(directions_as_their_libraries_have_them) {
    static pair p;
    hl_context *hl = hl_open(NULL);
    hl_surface_figures f;
    paint_blobs(&p, fine);
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_ELEMENTS, 1, &f));
    expect_near(f.directed_average[0], 0.772686658168323, 1e-12), expect_near(f.directed_average[1], 1.1500792764795036, 1e-12);
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_VOXELS, 1, &f));
    expect_near(f.directed_average[0], 1.0445588861855215, 1e-12), expect_near(f.directed_average[1], 1.5302663605813949, 1e-12);
    expect_near(f.directed95[0], 2.2472205054244228, 1e-13), expect_near(f.directed95[1], 3.0373762783257465, 1e-13);
    expect_near(f.pooled95, 2.6248809496813377, 1e-13); /* numpy.percentile of both, as MedPy */
    hl_close(hl);
}
END_TEST

START_TEST(any_number_of_threads) {
    static pair p;
    hl_surface_figures f, g;
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *three = hl_open(&(hl_options){.threads = 3});
    paint_blobs(&p, fine);
    for (int kind = 0; kind < 2; kind++) {
        memset(&f, 0, sizeof f), memset(&g, 0, sizeof g);
        ck_ok(one, hl_surface_compare(one, &p.stack, p.truth, p.predicted, (hl_surface_kind)kind, 1, &f));
        ck_ok(three, hl_surface_compare(three, &p.stack, p.truth, p.predicted, (hl_surface_kind)kind, 1, &g));
        ck_assert(f.surface_dice == g.surface_dice && f.hd95 == g.hd95 && f.average == g.average && f.pooled95 == g.pooled95);
    }
    hl_close(one), hl_close(three);
}
END_TEST

/* A stack of one slice is a plane with contours. */
START_TEST(contours_as_their_libraries_have_them) {
    static pair p;
    paint_blobs(&p, fine);
    memcpy(p.truth, p.truth + 4 * 480, 480), memcpy(p.predicted, p.predicted + 4 * 480, 480);
    p.stack.depth = 1;
    check_surface(&p, HL_SURFACE_ELEMENTS, 1, 0.47769918148936147, 1.746424919657298, 2.12602916254693, 0.9779060458293354);
    check_surface(&p, HL_SURFACE_VOXELS, 1, 0.3888888888888889, 1.8348186897429735, 2.12602916254693, 1.1518814299129245);
    noise_mask(&p.stack, 0, 50, p.truth), noise_mask(&p.stack, 1, 50, p.predicted);
    check_surface(&p, HL_SURFACE_ELEMENTS, 0.5, 0.8637237612201139, 0.7, 1.063014581273465, 0.09766310248186781);
    check_surface(&p, HL_SURFACE_VOXELS, 0.5, 0.4884210526315789, 0.8, 1.6, 0.3818024736321718);
}
END_TEST

/* Masks that are empty, the same, or single voxels. */
START_TEST(surfaces_by_hand) {
    static pair p;
    hl_context *hl = hl_open(NULL);
    hl_surface_figures f;
    p.stack = stack_of(4, 5, 6, (const double[]){2, 3, 6});
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_ELEMENTS, 1, &f));
    ck_assert(f.empty && !f.missed && isnan(f.surface_dice) && isnan(f.hd95) && isnan(f.average) && isnan(f.directed95[1]));
    p.truth[7] = 255;
    for (int side = 0; side < 2; side++) { /* 24 x 15 x 12 mm */
        ck_ok(hl, hl_surface_compare(hl, &p.stack, side ? p.predicted : p.truth, side ? p.truth : p.predicted, HL_SURFACE_VOXELS, 1, &f));
        ck_assert(f.missed && !f.empty && f.surface_dice == 0);
        expect_near(f.hd95, sqrt(24 * 24 + 15 * 15 + 12 * 12), 1e-15);
        ck_assert(f.hd95 == f.average && f.hd95 == f.hd && f.hd95 == f.directed95[0]);
    }
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.truth, HL_SURFACE_ELEMENTS, 0, &f));
    ck_assert(f.surface_dice == 1 && f.hd == 0 && f.average == 0);
    p.predicted[7 + 30] = 1; /* the voxel below: 6 mm */
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_VOXELS, 6, &f));
    ck_assert(f.surface_dice == 1 && f.hd95 == 6 && f.average == 6);
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_VOXELS, 5.9, &f));
    ck_assert(f.surface_dice == 0);
    ck_ok(hl, hl_surface_compare(hl, &p.stack, p.truth, p.predicted, HL_SURFACE_ELEMENTS, 0, &f));
    expect_near(f.surface_dice, 0.5, 1e-15); /* they share the four elements between them */
    expect_near(f.average, 3, 1e-15);
    hl_close(hl);
}
END_TEST

/* --- lesions --------------------------------------------------------------------------------------------------------- */

/* Four lesions: a tenth of the first is predicted, all of the second; three false alarms, one beside a lesion but not in it. */
START_TEST(lesions_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(1, 5, 9, NULL);
    uint8_t truth[45], predicted[45];
    hl_detection d, sum = {0};
    mask_from_text("11111...."
                   "11111..1."
                   "........."
                   "..1......"
                   ".1......1",
                   truth);
    mask_from_text("1........"
                   ".......1."
                   "....1...."
                   "........."
                   "1.....1..",
                   predicted);
    ck_ok(hl, hl_detect(hl, &stack, truth, predicted, HL_LESION_HIT, &d));
    ck_assert_int_eq(d.lesions[0], 3);
    ck_assert_int_eq(d.lesions[1], 1);
    ck_assert_int_eq(d.found[0], 1);
    ck_assert_int_eq(d.found[1], 1);
    ck_assert_int_eq(d.predicted, 5);
    ck_assert_int_eq(d.false_positives, 3);
    ck_assert(hl_detection_rate(&d, -1) == 0.5 && hl_detection_rate(&d, 1) == 1 && isnan(hl_detection_rate(&d, 2)));
    ck_ok(hl, hl_detect(hl, &stack, truth, predicted, 0.11, &d)); /* a tenth is not enough */
    ck_assert_int_eq(d.found[1], 0);
    ck_assert_int_eq(d.found[0], 1);
    hl_detection_add(&sum, &d), hl_detection_add(&sum, &d);
    ck_assert_int_eq(sum.scans, 2);
    ck_assert_int_eq(sum.lesions[0], 6);
    ck_assert(hl_detection_false_per_scan(&sum) == 3 && isnan(hl_detection_false_per_scan(&(hl_detection){0})));
    hl_stack millimetres = stack_of(1, 5, 9, (const double[]){10, 10, 10}); /* 1 mL a voxel */
    ck_ok(hl, hl_detect(hl, &millimetres, truth, predicted, HL_LESION_HIT, &d));
    ck_assert_int_eq(d.lesions[0], 0);
    ck_assert_int_eq(d.lesions[2], 3);
    ck_assert_int_eq(d.lesions[3], 1);
    hl_stack cube = stack_of(2, 2, 2, NULL); /* two voxels that share a corner are one lesion, and one false alarm */
    uint8_t corners[8] = {1, 0, 0, 0, 0, 0, 0, 1}, others[8] = {0, 1, 0, 0, 0, 0, 1, 0};
    ck_ok(hl, hl_detect(hl, &cube, corners, others, HL_LESION_HIT, &d));
    ck_assert(d.lesions[0] == 1 && d.found[0] == 0 && d.predicted == 1 && d.false_positives == 1);
    memset(truth, 0, sizeof truth);
    ck_ok(hl, hl_detect(hl, &stack, truth, truth, HL_LESION_HIT, &d));
    ck_assert(isnan(hl_detection_rate(&d, -1)) && d.predicted == 0 && d.false_positives == 0);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("surface");
    TCase *tcase = slow_case(suite, "surface");
    tcase_add_test(tcase, elements_as_their_library_has_them);
    tcase_add_test(tcase, surfaces_as_their_libraries_have_them);
    tcase_add_test(tcase, directions_as_their_libraries_have_them);
    tcase_add_test(tcase, contours_as_their_libraries_have_them);
    tcase_add_test(tcase, surfaces_by_hand);
    tcase_add_test(tcase, any_number_of_threads);
    tcase_add_test(tcase, lesions_by_hand);
    return run_suite(suite);
}
