/* Components, distances and morphology against SciPy 1.10.1, and by hand.
 *
 * The expected numbers were printed by Python (numpy 1.24.2) on the same masks (masks.h): scipy.ndimage.label(mask, structure),
 * distance_transform_edt(~mask, sampling=(z, y, x)), binary_dilation, binary_erosion(..., border_value=1), binary_fill_holes. */
#include "hilum/geometry.h"

#include "masks.h"

/* --- components ------------------------------------------------------------------------------------------------------ */

START_TEST(components_as_scipy) {
    static const struct {
        uint32_t percent;
        hl_connectivity connectivity;
        int count;
        int64_t largest, squares, checksum; /* sums of squared sizes, and of each label times its place */
    } rows[] = {
        {25, HL_CONNECT_4, 91, 8, 566, 3947913},     {25, HL_CONNECT_8, 49, 20, 1352, 2067313},
        {25, HL_CONNECT_6, 59, 41, 2590, 1964441},   {25, HL_CONNECT_18, 8, 130, 18406, 154982},
        {25, HL_CONNECT_26, 4, 177, 31350, 70174},   {45, HL_CONNECT_4, 75, 42, 4685, 5598771},
        {45, HL_CONNECT_8, 24, 69, 14687, 1772085},  {45, HL_CONNECT_6, 24, 274, 75367, 369463},
        {45, HL_CONNECT_18, 3, 324, 104981, 119308}, {45, HL_CONNECT_26, 3, 324, 104981, 119308},
    };
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(5, 11, 13, NULL);
    uint8_t mask[5 * 11 * 13];
    int32_t labels[5 * 11 * 13];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int count;
        int64_t sizes[128], largest = 0, squares = 0, checksum = 0;
        noise_mask(&stack, 0, rows[i].percent, mask);
        ck_ok(hl, hl_components(hl, &stack, mask, rows[i].connectivity, labels, &count));
        ck_assert_int_eq(count, rows[i].count);
        hl_component_sizes(labels, sizeof mask, count, sizes);
        for (int k = 1; k <= count; k++) largest = sizes[k] > largest ? sizes[k] : largest, squares += sizes[k] * sizes[k];
        for (size_t v = 0; v < sizeof mask; v++) checksum += labels[v] * ((int64_t)v + 1);
        ck_assert_int_eq(largest, rows[i].largest);
        ck_assert_int_eq(squares, rows[i].squares);
        ck_assert_int_eq(checksum, rows[i].checksum);
        ck_assert_int_eq(sizes[0], (int64_t)sizeof mask - count_inside(&stack, mask));
    }
    hl_close(hl);
}
END_TEST

/* Of two components of three pixels the first stays. */
START_TEST(largest_and_small_components) {
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(1, 3, 7, NULL);
    uint8_t mask[21], kept[21];
    mask_from_text("11..111"
                   "1...1.."
                   "..1..22",
                   mask);
    ck_ok(hl, hl_keep_largest(hl, &stack, mask, HL_CONNECT_4, 1, kept));
    ck_assert_int_eq(count_inside(&stack, kept), 4);
    ck_assert_int_eq(kept[4], 1);
    mask[11] = 0; /* 3, 3, 1, 2 are left */
    ck_ok(hl, hl_keep_largest(hl, &stack, mask, HL_CONNECT_4, 1, kept));
    ck_assert_int_eq(count_inside(&stack, kept), 3);
    ck_assert_int_eq(kept[0], 1);
    ck_ok(hl, hl_keep_largest(hl, &stack, mask, HL_CONNECT_4, 3, kept));
    ck_assert_int_eq(count_inside(&stack, kept), 8);
    ck_ok(hl, hl_keep_largest(hl, &stack, mask, HL_CONNECT_4, 9, kept));
    ck_assert_int_eq(count_inside(&stack, kept), 9);
    ck_ok(hl, hl_drop_small(hl, &stack, mask, HL_CONNECT_4, 2, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 8);
    ck_assert_int_eq(mask[16], 0);
    ck_ok(hl, hl_drop_small(hl, &stack, mask, HL_CONNECT_4, 4, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 0);
    ck_ok(hl, hl_keep_largest(hl, &stack, mask, HL_CONNECT_26, 1, kept)); /* nothing of nothing */
    ck_assert_int_eq(count_inside(&stack, kept), 0);
    hl_close(hl);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    hl_context *hl = hl_open(NULL);
    uint8_t mask[8] = {1}, out[8];
    int32_t labels[8];
    int count;
    hl_surface_figures figures;
    hl_detection detection;
    hl_stack stack = stack_of(2, 2, 2, NULL), flat = stack_of(0, 2, 2, NULL), huge = stack_of(2048, 2048, 2048, NULL);
    ck_assert_int_eq(hl_components(hl, &stack, mask, (hl_connectivity)7, labels, &count), HL_USAGE);
    ck_assert_int_eq(hl_components(hl, &flat, mask, HL_CONNECT_6, labels, &count), HL_USAGE);
    ck_assert_int_eq(hl_components(hl, &huge, mask, HL_CONNECT_6, labels, &count), HL_USAGE);
    ck_assert_int_eq(hl_keep_largest(hl, &stack, mask, HL_CONNECT_6, 0, out), HL_USAGE);
    ck_assert_int_eq(hl_erode(hl, &stack, mask, (hl_ball){-1, false}, out), HL_USAGE);
    ck_assert_int_eq(hl_open_mask(hl, &stack, mask, (hl_ball){NAN, false}, out), HL_USAGE);
    ck_assert_int_eq(hl_detect(hl, &stack, mask, mask, 0, &detection), HL_USAGE);
    ck_assert_int_eq(hl_surface_compare(hl, &stack, mask, mask, HL_SURFACE_VOXELS, 1, &figures), HL_USAGE);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "spacing"));
    stack = stack_of(2, 2, 2, fine);
    ck_assert_int_eq(hl_surface_compare(hl, &stack, mask, mask, HL_SURFACE_VOXELS, -1, &figures), HL_USAGE);
    hl_close(hl);
}
END_TEST

/* --- distances ------------------------------------------------------------------------------------------------------- */

START_TEST(distances_as_scipy) {
    static const struct {
        double spacing[3], sum, most, weighted, at[4];
    } rows[] = {
        {{1, 1, 1}, 1126.1048780921565, 3.7416573867739413, 398659.8894342222, {0, 2.23606797749979, 1.4142135623730951, 2.23606797749979}},
        {{0.7, 0.8, 2.5},
         1245.3626498211731,
         4.589117562233507,
         442193.716799998,
         {0, 1.746424919657298, 2.596150997149434, 1.6124515496597098}},
        {{0.5, 3, 1},
         1237.3955914514258,
         4.358898943540674,
         449622.96564047155,
         {0, 3.3541019662496847, 1.118033988749895, 3.1622776601683795}},
    };
    static const int places[4] = {0, 5 * 11 * 13 - 1, 2 * 143 + 5 * 13 + 6, 3 * 143 + 12};
    uint8_t mask[5 * 11 * 13];
    double distance[5 * 11 * 13], again[5 * 11 * 13];
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *three = hl_open(&(hl_options){.threads = 3});
    for (int i = 0; i < 3; i++) {
        hl_stack stack = stack_of(5, 11, 13, rows[i].spacing);
        noise_mask(&stack, 0, 4, mask);
        ck_ok(one, hl_distance_transform(one, &stack, mask, distance));
        ck_ok(three, hl_distance_transform(three, &stack, mask, again));
        ck_assert_mem_eq(distance, again, sizeof distance);
        double sum = 0, most = 0, weighted = 0;
        for (int v = 0; v < 5 * 11 * 13; v++) sum += distance[v], weighted += distance[v] * (v + 1), most = fmax(most, distance[v]);
        expect_near(sum, rows[i].sum, 1e-12), expect_near(weighted, rows[i].weighted, 1e-12), expect_near(most, rows[i].most, 1e-14);
        for (int k = 0; k < 4; k++) expect_near(distance[places[k]], rows[i].at[k], 1e-14);
    }
    hl_close(one), hl_close(three);
}
END_TEST

/* Nobody to be near; a single voxel; and each voxel of a long line against all others, one by one. */
START_TEST(distances_by_hand) {
    hl_context *hl = hl_open(NULL);
    uint8_t mask[60] = {0};
    double distance[60];
    hl_stack stack = stack_of(3, 4, 5, NULL);
    ck_ok(hl, hl_distance_transform(hl, &stack, mask, distance));
    for (int i = 0; i < 60; i++) ck_assert(isinf(distance[i]) && distance[i] > 0);
    mask[20 + 5 + 2] = 9;
    stack = stack_of(3, 4, 5, (const double[]){3, 4, 12});
    ck_ok(hl, hl_distance_transform(hl, &stack, mask, distance));
    ck_assert(distance[20 + 5 + 2] == 0 && distance[20 + 2] == 4 && distance[5 + 2] == 12 && distance[20 + 10 + 1] == 5);
    ck_assert(distance[10 + 1] == 13);
    memset(mask, 0, sizeof mask);
    stack = stack_of(60, 1, 1, (const double[]){1, 1, 0.3});
    mask[3] = mask[4] = mask[31] = mask[58] = 1;
    ck_ok(hl, hl_distance_transform(hl, &stack, mask, distance));
    for (int i = 0; i < 60; i++) {
        double nearest = INFINITY;
        for (int j = 0; j < 60; j++) nearest = mask[j] ? fmin(nearest, abs(i - j) * 0.3) : nearest;
        expect_near(distance[i], nearest, 1e-14);
    }
    hl_close(hl);
}
END_TEST

/* --- morphology ------------------------------------------------------------------------------------------------------ */

typedef hl_status morphology(hl_context *, const hl_stack *, const uint8_t *, hl_ball, uint8_t *);

START_TEST(morphology_as_scipy) {
    static const struct {
        hl_ball ball;
        int64_t dilated[2], eroded[2], closed[2], opened[2]; /* voxels inside, and the sum of their places */
    } rows[] = {
        {{1, false}, {3938, 8489965}, {382, 843395}, {2677, 5744875}, {1643, 3588485}},
        {{2, false}, {4318, 9325170}, {2, 8190}, {4274, 9155550}, {46, 177810}},
        {{2, true}, {4259, 9185726}, {61, 147634}, {3841, 8171777}, {479, 1161583}},
        {{1.5, false}, {4305, 9291167}, {15, 42193}, {4186, 9021820}, {134, 311540}},
    };
    morphology *const operations[4] = {hl_dilate, hl_erode, hl_close_mask, hl_open_mask};
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *three = hl_open(&(hl_options){.threads = 3});
    hl_stack stack = stack_of(9, 20, 24, NULL);
    uint8_t some[MOST], others[MOST], result[MOST], again[MOST];
    noise_mask(&stack, 0, 30, some);
    for (int i = 0; i < MOST; i++) others[i] = !some[i];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t *expected[4] = {rows[i].dilated, rows[i].eroded, rows[i].closed, rows[i].opened};
        for (int k = 0; k < 4; k++) { /* the sparse mask grows, the dense one shrinks */
            const uint8_t *mask = k % 2 ? others : some;
            ck_ok(one, operations[k](one, &stack, mask, rows[i].ball, result));
            ck_ok(three, operations[k](three, &stack, mask, rows[i].ball, again));
            ck_assert_mem_eq(result, again, sizeof result);
            ck_assert_int_eq(count_inside(&stack, result), expected[k][0]);
            ck_assert_int_eq(sum_places(&stack, result), expected[k][1]);
        }
    }
    hl_close(one), hl_close(three);
}
END_TEST

/* A ball in mm: 2.1 mm reach three voxels of 0.7 along a row, two of 0.8, none of 2.5. */
START_TEST(balls_in_millimetres) {
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(3, 9, 9, fine);
    uint8_t mask[243] = {0}, grown[243];
    mask[81 + 4 * 9 + 4] = 1;
    ck_ok(hl, hl_dilate(hl, &stack, mask, (hl_ball){2.1, false}, grown));
    ck_assert_int_eq(count_inside(&stack, grown), 7 + 2 * 5 + 2 * 3);
    ck_assert(grown[81 + 4 * 9 + 1] && !grown[81 + 4 * 9] && grown[81 + 2 * 9 + 4] && !grown[81 + 9 + 4] && !grown[4 * 9 + 4]);
    ck_ok(hl, hl_dilate(hl, &stack, mask, (hl_ball){2.5, false}, grown));
    ck_assert(grown[4 * 9 + 4] && grown[2 * 81 + 4 * 9 + 4] && !grown[4 * 9 + 5]);
    ck_ok(hl, hl_dilate(hl, &stack, mask, (hl_ball){2.5, true}, grown));
    ck_assert(!grown[4 * 9 + 4]);
    hl_stack tenth = stack_of(3, 9, 9, (const double[]){0.1, 0.1, 0.1});
    ck_ok(hl, hl_dilate(hl, &tenth, mask, (hl_ball){0.3, false}, grown)); /* 0.3 / 0.1 is below 3 in binary */
    ck_assert(grown[81 + 4 * 9 + 1] && grown[81 + 9 + 4] && !grown[81 + 4 * 9]);
    ck_ok(hl, hl_dilate(hl, &stack, mask, (hl_ball){0, false}, grown));
    ck_assert_mem_eq(grown, mask, sizeof mask);
    hl_close(hl);
}
END_TEST

START_TEST(holes_as_scipy) {
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(9, 20, 24, NULL);
    static const int64_t solid[3][2] = {{587, 1260876}, {546, 1172834}, {2682, 5747421}},
                         flat[3][2] = {{587, 1260876}, {548, 1177130}, {3655, 7853263}};
    uint8_t mask[MOST] = {0}, filled[MOST];
    paint_ellipsoid(&stack, (const int[]){4, 9, 11}, (const int[]){3, 6, 8}, 1, mask);
    paint_ellipsoid(&stack, (const int[]){4, 9, 11}, (const int[]){1, 3, 4}, 0, mask);
    for (int i = 0; i < 3; i++) {
        if (i == 1) memset(mask + 4 * 480 + 9 * 24, 0, 12); /* a way out of the shell in slice 4 */
        if (i == 2) noise_mask(&stack, 0, 60, mask);
        ck_ok(hl, hl_fill_holes(hl, &stack, mask, false, filled));
        ck_assert_int_eq(count_inside(&stack, filled), solid[i][0]);
        ck_assert_int_eq(sum_places(&stack, filled), solid[i][1]);
        ck_ok(hl, hl_fill_holes(hl, &stack, mask, true, mask));
        ck_assert_int_eq(count_inside(&stack, mask), flat[i][0]);
        ck_assert_int_eq(sum_places(&stack, mask), flat[i][1]);
        if (i == 0) paint_ellipsoid(&stack, (const int[]){4, 9, 11}, (const int[]){1, 3, 4}, 0, mask);
    }
    hl_close(hl);
}
END_TEST

START_TEST(sizes_of_a_stack) {
    hl_stack stack = stack_of(10, 20, 30, (const double[]){0.5, 2, 4}), bare = stack_of(10, 20, 30, NULL);
    ck_assert_uint_eq(hl_stack_voxels(&stack), 6000);
    expect_near(hl_stack_voxel_ml(&stack), 0.004, 1e-15);
    expect_near(hl_stack_diagonal_mm(&stack), sqrt(15 * 15 + 40 * 40 + 40 * 40), 1e-15);
    ck_assert(hl_stack_has_spacing(&stack) && !hl_stack_has_spacing(&bare) && isnan(hl_stack_voxel_ml(&bare)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("geometry");
    TCase *tcase = slow_case(suite, "geometry");
    tcase_add_test(tcase, components_as_scipy);
    tcase_add_test(tcase, largest_and_small_components);
    tcase_add_test(tcase, what_makes_no_sense_is_refused);
    tcase_add_test(tcase, distances_as_scipy);
    tcase_add_test(tcase, distances_by_hand);
    tcase_add_test(tcase, morphology_as_scipy);
    tcase_add_test(tcase, balls_in_millimetres);
    tcase_add_test(tcase, holes_as_scipy);
    tcase_add_test(tcase, sizes_of_a_stack);
    return run_suite(suite);
}
