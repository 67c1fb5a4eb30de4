/* Two folders of masks: which files make which case, surfaces, lesions, volumes, and what is refused. */
#include "hilum/masks.h"

#include <cJSON.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "../harness.h"
#include "base/file.h"
#include "hilum/data.h"

static char scratch[64], ours[128], theirs[128];

static void set_up(void) { scratch_folder(scratch); }
static void tear_down(void) { remove_folder(scratch); }

/* Empty folders. */
static void mask_folders(hl_context *hl, const char *name) {
    snprintf(ours, sizeof ours, "%s/%s-pred", scratch, name);
    snprintf(theirs, sizeof theirs, "%s/%s-truth", scratch, name);
    ck_ok(hl, hl_folder_make(hl, ours));
    ck_ok(hl, hl_folder_make(hl, theirs));
}

static const char *in(const char *folder, const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The first `lesion` of width x 2 pixels are marked. */
static void put_mask(hl_context *hl, const char *folder, const char *name, int width, int lesion) {
    uint8_t pixels[16] = {0};
    for (int i = 0; i < lesion; i++) pixels[i] = (uint8_t)(i + 1);
    ck_ok(hl, hl_png_write(hl, in(folder, name), width, 2, 1, 8, pixels));
}

/* One pixel of 8 x 2. */
static void put_pixel(hl_context *hl, const char *folder, const char *name, int at, uint8_t value) {
    uint8_t pixels[16] = {0};
    pixels[at] = value;
    ck_ok(hl, hl_png_write(hl, in(folder, name), 8, 2, 1, 8, pixels));
}

static hl_masks_options both(void) { return (hl_masks_options){.predicted = ours, .truth = theirs}; }

START_TEST(masks_are_scored_case_by_case) {
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "pair");
    /* a: 2 + 4 predicted, 4 + 2 true, 2 + 2 shared: 8 / 12. b: its name has no number. c: both empty. */
    put_mask(hl, ours, "a_1.png", 4, 2), put_mask(hl, theirs, "a_1.png", 4, 4);
    put_mask(hl, ours, "a_10.png", 4, 4), put_mask(hl, theirs, "a_10.png", 4, 2);
    put_mask(hl, ours, "b_x.png", 4, 0), put_mask(hl, theirs, "b_x.png", 4, 3);
    put_mask(hl, ours, "c-7.png", 4, 0), put_mask(hl, theirs, "c-7.png", 4, 0);
    hl_masks_options options = both();
    hl_masks_result r;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert_int_eq(r.case_count, 3);
    ck_assert_str_eq(r.scores[0].case_name, "a");
    ck_assert_str_eq(r.scores[1].case_name, "b_x");
    ck_assert_str_eq(r.scores[2].case_name, "c");
    ck_assert_int_eq(r.scores[0].lesion_pixels, 6);
    ck_assert_double_eq_tol(r.figures.cases[0].dsc, 8.0 / 12, 1e-12);
    ck_assert_double_eq(r.figures.cases[1].dsc, 0);
    ck_assert_double_eq(r.figures.cases[2].dsc, 1);
    ck_assert_double_eq_tol(r.figures.dsc_slice_mean, (4.0 / 6 + 4.0 / 6 + 0 + 1) / 4, 1e-12);
    ck_assert(r.shapes == 1 && r.geometry[0].has_stack && !r.geometry[0].has_surfaces && !r.geometry[0].millilitres);
    ck_assert_int_eq(r.geometry[1].detection.lesions[0], 1);
    ck_assert_int_eq(r.geometry[1].detection.found[0], 0);
    ck_assert_double_eq_tol(r.conventions[0].value, r.figures.dsc_case_mean, 1e-15);
    ck_assert_double_eq_tol(r.conventions[8].value, r.figures.dsc_slice_mean, 1e-15);
    hl_masks_free(&r), hl_close(hl);
}
END_TEST

/* With spacing: slices 1 and 2 are whole, with 4 in place of 2 they are not. */
START_TEST(surfaces_of_slices_with_spacing) {
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "spacing");
    put_pixel(hl, ours, "a_1.png", 3, 1), put_pixel(hl, theirs, "a_1.png", 5, 255);
    put_pixel(hl, ours, "a_2.png", 3, 1), put_pixel(hl, theirs, "a_2.png", 5, 255);
    put_pixel(hl, ours, "b_1.png", 3, 1), put_pixel(hl, theirs, "b_1.png", 3, 1);
    put_pixel(hl, ours, "b_4.png", 3, 1), put_pixel(hl, theirs, "b_4.png", 3, 1);
    put_pixel(hl, ours, "c.png", 3, 0), put_pixel(hl, theirs, "c.png", 3, 1);
    hl_masks_options options = both();
    memcpy(options.spacing, (const double[]){3, 4, 12}, sizeof options.spacing);
    hl_masks_result r;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert(r.tolerance == 3 && r.geometry[0].has_surfaces && !r.geometry[1].has_surfaces && r.geometry[2].has_surfaces);
    ck_assert(r.geometry[0].voxels.hd95 == 6 && r.geometry[0].voxels.surface_dice == 0 && r.geometry[1].has_stack);
    ck_assert(r.geometry[0].elements.hd95 == 6); /* their nearer sides lie 3 mm apart, their farther ones 6 */
    ck_assert_double_eq_tol(r.geometry[0].elements.surface_dice, 0.5, 1e-12);
    ck_assert(r.geometry[2].elements.missed);
    ck_assert_double_eq_tol(r.geometry[2].elements.hd95, sqrt(24 * 24 + 8 * 8 + 12 * 12), 1e-12);
    ck_assert(r.conventions[13].counted == 2);
    hl_masks_free(&r);
    options.tolerance = 2;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert(r.geometry[0].elements.surface_dice == 0);
    hl_masks_free(&r);
    for (int k = 0; k < 3; k++) {
        memcpy(options.spacing, (const double[]){3, 4, 12}, sizeof options.spacing);
        options.spacing[k] = k ? -1 : 0;
        ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_USAGE);
    }
    hl_close(hl);
}
END_TEST

/* Each class is a shape of its own. */
START_TEST(classes_have_their_own_shapes) {
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "classes");
    put_pixel(hl, ours, "a.png", 2, 1), put_pixel(hl, theirs, "a.png", 2, 2);
    put_pixel(hl, ours, "b.png", 2, 2), put_pixel(hl, theirs, "b.png", 2, 2);
    hl_masks_options options = both();
    options.classes = 3;
    memcpy(options.spacing, (const double[]){1, 1, 1}, sizeof options.spacing);
    hl_masks_result r;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert(r.shapes == 2 && r.tolerance == 1);
    ck_assert(r.geometry[0].elements.missed && r.geometry[1].elements.missed); /* a: class 1, class 2 */
    ck_assert(r.geometry[2].elements.empty && r.geometry[3].elements.surface_dice == 1);
    ck_assert_double_eq(r.conventions[HL_CONVENTIONS + 1].value, 0.5); /* class 2 by nnU-Net's rule: 0 and 1 */
    ck_assert(r.conventions[1].value == 0 && r.conventions[1].left_out == 1);
    options.classes = 2;
    hl_masks_result none;
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &none), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "a.png holds the value 2") != NULL, "%s", hl_error(hl));
    hl_masks_free(&r), hl_close(hl);
}
END_TEST

/* Slices of unequal size are counted by pixels, and have no geometry. */
START_TEST(ragged_slices) {
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "ragged");
    put_mask(hl, ours, "a_1.png", 4, 2), put_mask(hl, theirs, "a_1.png", 4, 2);
    put_mask(hl, ours, "a_2.png", 6, 3), put_mask(hl, theirs, "a_2.png", 6, 3);
    hl_masks_options options = both();
    hl_masks_result r;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert(!r.geometry[0].has_stack && r.figures.cases[0].dsc == 1);
    char *text = hl_masks_json(hl, &r);
    ck_assert_msg(strstr(text, "\"lesions\":null") && strstr(text, "\"scans\":0"), "%s", text);
    free(text);
    hl_masks_free(&r), hl_close(hl);
}
END_TEST

/* --- volumes ----------------------------------------------------------------------------------------------------------- */

enum { SIZE_X = 4, SIZE_Y = 3, SIZE_Z = 2, SIZE = SIZE_X * SIZE_Y * SIZE_Z };

/* A NIfTI-1 file of bytes stored from left to right, back to front, feet to head, shifted along x by `shift` mm. */
static void put_volume(const char *path, const double spacing[3], float shift, const uint8_t voxels[SIZE]) {
    unsigned char header[352] = {0};
    const int16_t dim[8] = {3, SIZE_X, SIZE_Y, SIZE_Z, 1, 1, 1, 1}, kind[2] = {2, 8}, sform = 1;
    float pixdim[8] = {1}, rows[12] = {0}, offset = 352, slope = 1;
    const int32_t size = 348;
    for (int k = 0; k < 3; k++) pixdim[k + 1] = rows[5 * k] = (float)spacing[k];
    rows[3] = shift;
    memcpy(header, &size, 4), memcpy(header + 40, dim, 16), memcpy(header + 70, kind, 4), memcpy(header + 76, pixdim, 32);
    memcpy(header + 108, &offset, 4), memcpy(header + 112, &slope, 4), memcpy(header + 254, &sform, 2), memcpy(header + 280, rows, 48);
    memcpy(header + 344, "n+1", 4);
    gzFile stream = gzopen(path, strstr(path, ".gz") ? "wb" : "wbT");
    ck_assert_ptr_nonnull(stream);
    ck_assert(gzwrite(stream, header, sizeof header) == (int)sizeof header && gzwrite(stream, voxels, SIZE) == SIZE);
    ck_assert_int_eq(gzclose(stream), Z_OK);
}

/* Two voxels of 3 x 4 x 12 mm, one above the other: 12 mm. */
START_TEST(volumes_bring_their_spacing) {
    static const double spacing[3] = {3, 4, 12};
    uint8_t one[SIZE] = {0}, two[SIZE] = {0};
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "volumes");
    one[5] = 1, two[5 + SIZE_X * SIZE_Y] = 7;
    put_volume(in(ours, "scan_1.nii"), spacing, 0, one), put_volume(in(theirs, "scan_1.nii"), spacing, 0, two);
    put_volume(in(ours, "scan_2.nii.gz"), spacing, 0, two), put_volume(in(theirs, "scan_2.nii.gz"), spacing, 0, two);
    hl_masks_options options = both();
    hl_masks_result r;
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    ck_assert_int_eq(r.case_count, 2); /* the numbers are part of their names */
    ck_assert_str_eq(r.scores[0].case_name, "scan_1");
    ck_assert_str_eq(r.scores[1].case_name, "scan_2");
    ck_assert(r.scores[0].slices == 2 && r.geometry[0].has_surfaces && r.geometry[0].voxels.hd95 == 12);
    ck_assert(r.figures.cases[0].dsc == 0 && r.figures.cases[1].dsc == 1 && r.geometry[1].elements.hd == 0);
    ck_assert_int_eq(r.geometry[0].detection.lesions[1], 1); /* 0.144 mL */
    hl_masks_free(&r);
    memcpy(options.spacing, spacing, sizeof spacing);
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_USAGE);
    ck_assert_msg(strstr(hl_error(hl), "volumes alone") != NULL, "%s", hl_error(hl));
    options = both(), options.classes = 2;
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "holds the value 7") != NULL, "%s", hl_error(hl));
    hl_close(hl);
}
END_TEST

START_TEST(volumes_that_do_not_pair_are_refused) {
    static const double spacing[3] = {3, 4, 12};
    uint8_t voxels[SIZE] = {0};
    hl_context *hl = hl_open(NULL);
    hl_masks_result r;
    mask_folders(hl, "apart");
    hl_masks_options options = both();
    put_volume(in(ours, "scan.nii"), spacing, 0, voxels), put_volume(in(theirs, "scan.nii"), spacing, 1.6f, voxels);
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "1.6 mm away") != NULL, "%s", hl_error(hl));
    put_volume(in(theirs, "scan.nii"), spacing, 1.4f, voxels);
    ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
    hl_masks_free(&r);
    put_mask(hl, ours, "scan.png", 4, 2), put_mask(hl, theirs, "scan.png", 4, 2);
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "same case") != NULL, "%s", hl_error(hl));
    hl_close(hl);
}
END_TEST

START_TEST(masks_that_do_not_pair_are_refused) {
    hl_context *hl = hl_open(NULL);
    hl_masks_result r;
    mask_folders(hl, "unpaired");
    hl_masks_options options = both();
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT); /* no file at all */
    put_mask(hl, ours, "a_1.png", 4, 2), put_mask(hl, theirs, "a_1.png", 3, 2);
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "2x4") && strstr(hl_error(hl), "2x3"), "%s", hl_error(hl));
    put_mask(hl, theirs, "a_1.png", 4, 2), put_mask(hl, theirs, "a_2.png", 4, 2);
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "a_2.png") != NULL, "%s", hl_error(hl));
    options.classes = 99;
    ck_assert_int_eq(hl_evaluate_masks(hl, &options, &r), HL_USAGE);
    hl_close(hl);
}
END_TEST

/* --- JSON -------------------------------------------------------------------------------------------------------------- */

static double number_at(const cJSON *root, const char *path) {
    char word[64];
    for (int used; sscanf(path, "%63[^/]%n", word, &used) == 1; path += used + (path[used] == '/'))
        root = cJSON_IsArray(root) ? cJSON_GetArrayItem(root, atoi(word)) : cJSON_GetObjectItemCaseSensitive(root, word);
    ck_assert_msg(cJSON_IsNumber(root), "no number at %s", path);
    return root->valuedouble;
}

/* The contract's keys stay; of each shape and case what belongs to it. */
START_TEST(json_of_masks) {
    hl_context *hl = hl_open(NULL);
    mask_folders(hl, "json");
    put_pixel(hl, ours, "a.png", 2, 1), put_pixel(hl, theirs, "a.png", 2, 1);
    put_pixel(hl, ours, "b.png", 9, 1), put_pixel(hl, theirs, "b.png", 2, 0);
    put_pixel(hl, ours, "c.png", 2, 0), put_pixel(hl, theirs, "c.png", 2, 0);
    hl_masks_options options = both();
    memcpy(options.spacing, (const double[]){1, 1, 1}, sizeof options.spacing);
    for (options.classes = 1; options.classes <= 3; options.classes += 2) {
        hl_masks_result r;
        ck_ok(hl, hl_evaluate_masks(hl, &options, &r));
        char *text = hl_masks_json(hl, &r);
        cJSON *root = cJSON_Parse(text);
        const cJSON *shape = options.classes > 1 ? cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "classes"), 0) : root;
        ck_assert_double_eq(number_at(root, "dsc_lesion_mean"), 1);
        ck_assert_double_eq(number_at(root, "cases/0/dsc"), 1);
        ck_assert_double_eq(number_at(shape, "surface/surface_dice_mean"), 0.5);
        ck_assert_double_eq(number_at(shape, "surface/missed"), 1);
        ck_assert_double_eq(number_at(shape, "surface/empty"), 1);
        ck_assert_double_eq(number_at(shape, "surface/cases"), 2);
        ck_assert_double_eq_tol(number_at(shape, "surface/hd95_mm_mean"), sqrt(8 * 8 + 2 * 2 + 1) / 2, 1e-12);
        ck_assert_double_eq(number_at(shape, "detection/rate"), 1);
        ck_assert_double_eq(number_at(shape, "detection/false_positives_per_scan"), 1.0 / 3);
        ck_assert_double_eq(number_at(shape, "detection/sizes/0/below"), 0.1);
        ck_assert_double_eq(number_at(shape, "conventions/13/counted"), 2);
        ck_assert(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(shape, "conventions"), 15), "value")));
        ck_assert_double_eq(number_at(root, options.classes > 1 ? "cases/1/classes/0/false_positives" : "cases/1/false_positives"), 1);
        cJSON_Delete(root), free(text);
        hl_masks_free(&r);
    }
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("masks");
    TCase *tcase = slow_case(suite, "masks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, masks_are_scored_case_by_case);
    tcase_add_test(tcase, surfaces_of_slices_with_spacing);
    tcase_add_test(tcase, classes_have_their_own_shapes);
    tcase_add_test(tcase, ragged_slices);
    tcase_add_test(tcase, volumes_bring_their_spacing);
    tcase_add_test(tcase, volumes_that_do_not_pair_are_refused);
    tcase_add_test(tcase, masks_that_do_not_pair_are_refused);
    tcase_add_test(tcase, json_of_masks);
    return run_suite(suite);
}
