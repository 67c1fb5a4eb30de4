/* The table of conventions on four cases counted by hand: one partly found, one false alarm, one empty, one missed. */
#include "hilum/conventions.h"

#include "masks.h"

/* Of the partly found case, in mm; every number differs, so that no row can read another's. */
static const hl_surface_figures elements = {false, false, 0.5, 10, 20, 3, {9, 10}, {2, 4}, 8};
static const hl_surface_figures voxels = {false, false, 0.25, 11, 21, 5, {11, 7}, {6, 4.5}, 9.5};

static const hl_confusion found[2] = {{4, 1, 2, 93}, {0, 0, 0, 100}}, alarm[1] = {{0, 3, 0, 97}},
                          nothing[2] = {{0, 0, 0, 100}, {0, 0, 0, 100}}, miss[1] = {{0, 0, 5, 95}};

static void make_cases(hl_convention_case cases[4]) {
    hl_surface_figures lost = {false, true, 0, 50, 50, 50, {50, 50}, {50, 50}, 50},
                       empty = {true, false, NAN, NAN, NAN, NAN, {NAN, NAN}, {NAN, NAN}, NAN};
    cases[0] = (hl_convention_case){found, 2, true, elements, voxels};
    cases[1] = (hl_convention_case){alarm, 1, true, lost, lost};
    cases[2] = (hl_convention_case){nothing, 2, true, empty, empty};
    cases[3] = (hl_convention_case){miss, 1, true, lost, lost};
}

typedef struct expected {
    const char *library, *figure;
    double value;
    int counted, left_out, infinite;
} expected;

static void expect_rows(const hl_convention *rows, const expected *e) {
    for (int k = 0; k < HL_CONVENTIONS; k++) {
        ck_assert_str_eq(rows[k].library, e[k].library);
        ck_assert_str_eq(rows[k].figure, e[k].figure);
        bool same = isnan(e[k].value)   ? isnan(rows[k].value)
                    : isinf(e[k].value) ? rows[k].value == e[k].value
                                        : fabs(rows[k].value - e[k].value) < 1e-12;
        ck_assert_msg(same, "%s, %s: %.17g, expected %.17g", e[k].library, e[k].figure, rows[k].value, e[k].value);
        ck_assert_msg(rows[k].counted == e[k].counted && rows[k].left_out == e[k].left_out && rows[k].infinite == e[k].infinite,
                      "%s, %s: %d, %d, %d", e[k].library, e[k].figure, rows[k].counted, rows[k].left_out, rows[k].infinite);
        ck_assert_uint_gt(strlen(rows[k].rule), 20);
    }
}

/* Dice of the first case is 8/11; of all pixels 8 / (8 + 1 + 2 + 3 + 5). */
START_TEST(rows_by_hand) {
    const double e = 1e-5, d = 8.0 / 11;
    const expected table[HL_CONVENTIONS] = {
        {"Hilum, the study", "Dice", (d + 0 + 1 + 0) / 4, 4, 0, 0},
        {"nnU-Net", "Dice", d / 3, 3, 1, 0},
        {"MONAI", "Dice", d / 2, 2, 2, 0},
        {"MONAI, ignore_empty=False", "Dice", (d + 1) / 4, 4, 0, 0},
        {"MONAI, on slices", "Dice", d / 2, 2, 4, 0},
        {"segmentation_models", "Dice", (8 + e) / (19 + e), 1, 0, 0},
        {"segmentation_models, per_image", "Dice", ((8 + e) / (11 + e) + 3 + e / (3 + e) + e / (5 + e)) / 6, 6, 0, 0},
        {"segmentation_models.pytorch, micro", "Dice", 8.0 / 19, 1, 0, 0},
        {"segmentation_models.pytorch, micro-imagewise", "Dice", (d + 3) / 6, 6, 0, 0},
        {"surface-distance", "Dice", d / 3, 3, 1, 0},
        {"Hilum", "surface Dice", 0.5 / 3, 3, 1, 0},
        {"surface-distance", "surface Dice", 0.5 / 3, 3, 1, 0},
        {"MONAI", "surface Dice", 0.25 / 3, 3, 1, 0},
        {"Hilum", "HD95", (10 + 50 + 50) / 3.0, 3, 1, 0},
        {"surface-distance", "HD95", INFINITY, 4, 0, 3},
        {"MONAI", "HD95", INFINITY, 3, 1, 2},
        {"nnU-Net 1, MedPy", "HD95", 9.5, 1, 3, 0},
        {"Hilum", "average distance", (3 + 50 + 50) / 3.0, 3, 1, 0},
        {"MONAI, symmetric", "average distance", INFINITY, 3, 1, 2},
        {"MONAI", "average distance", INFINITY, 3, 1, 2},
    };
    hl_context *hl = hl_open(NULL);
    hl_convention_case cases[4];
    hl_convention rows[HL_CONVENTIONS];
    make_cases(cases);
    ck_ok(hl, hl_conventions_score(hl, cases, 4, rows));
    expect_rows(rows, table);
    ck_assert_str_eq(rows[0].over, "cases");
    ck_assert_str_eq(rows[5].over, "all pixels");
    ck_assert_str_eq(rows[6].over, "slices");
    hl_close(hl);
}
END_TEST

/* Nothing missed: the distances are those of each surface kind. The same without spacing. */
START_TEST(rows_without_a_miss) {
    hl_context *hl = hl_open(NULL);
    hl_convention_case cases[4];
    hl_convention rows[HL_CONVENTIONS];
    make_cases(cases);
    ck_ok(hl, hl_conventions_score(hl, cases, 1, rows));
    const double values[10] = {0.5, 0.5, 0.25, 10, 10, 11, 9.5, 3, 5, 4.5};
    for (int k = 0; k < 10; k++) {
        expect_near(rows[10 + k].value, values[k], 1e-15);
        ck_assert(rows[10 + k].counted == 1 && rows[10 + k].infinite == 0);
    }
    cases[0].has_surfaces = false;
    ck_ok(hl, hl_conventions_score(hl, cases, 1, rows));
    for (int k = 10; k < HL_CONVENTIONS; k++) ck_assert(isnan(rows[k].value) && rows[k].counted == 0 && rows[k].left_out == 0);
    ck_assert(rows[0].counted == 1);
    hl_close(hl);
}
END_TEST

/* Empty everywhere: some rules say 1, others have nothing to say. */
START_TEST(rows_of_empty_masks) {
    static const double values[10] = {1, NAN, NAN, 1, NAN, 1, 1, NAN, 1, NAN};
    hl_context *hl = hl_open(NULL);
    hl_convention_case cases[4];
    hl_convention rows[HL_CONVENTIONS];
    make_cases(cases);
    ck_ok(hl, hl_conventions_score(hl, cases + 2, 1, rows));
    for (int k = 0; k < 10; k++) {
        if (isnan(values[k])) ck_assert_msg(isnan(rows[k].value) && rows[k].left_out > 0, "row %d", k);
        else expect_near(rows[k].value, values[k], 1e-15);
    }
    ck_assert(isnan(rows[13].value) && isinf(rows[14].value) && isnan(rows[15].value));
    ck_assert_int_eq(hl_conventions_score(hl, cases, 0, rows), HL_BAD_INPUT);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("conventions");
    TCase *tcase = slow_case(suite, "conventions");
    tcase_add_test(tcase, rows_by_hand);
    tcase_add_test(tcase, rows_without_a_miss);
    tcase_add_test(tcase, rows_of_empty_masks);
    return run_suite(suite);
}
