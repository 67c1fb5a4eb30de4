/* Which column is the truth and how many classes it has: labels, counts, caches, flips, refusals. */
#include <dirent.h>
#include <unistd.h>

#include "fixture.h"

#define HEADER "centre,patient,case,slice,image,mask,lung,mask2\n"
enum { WIDTH = 4, HEIGHT = 2, PIXELS = WIDTH * HEIGHT };

static void put_labels(fixture *f, const char *name, const unsigned char labels[PIXELS]) {
    ck_ok(f->hl, hl_png_write(f->hl, fixture_path(f, name), WIDTH, HEIGHT, 1, 8, labels));
}

/* Slice 1 has everything, slice 2 only a lung, slice 3 only a mask. */
static void put_cohort(fixture *f) {
    put_text(f, "manifest.csv", HEADER "a,p,c,1,i.png,m.png,l.png,r.png\na,p,c,2,i.png,,l.png,\na,q,d,1,i.png,m.png,,\n");
    put_png(f, "i.png", WIDTH, HEIGHT, 51, 3, 102);
    put_labels(f, "m.png", (const unsigned char[]){0, 1, 2, 2, 0, 0, 2, 0});
    put_labels(f, "r.png", (const unsigned char[]){2, 0, 0, 1, 0, 0, 0, 0});
    put_labels(f, "l.png", (const unsigned char[]){1, 1, 0, 2, 1, 0, 0, 2});
}

static hl_cohort *try_cohort(fixture *f, const hl_manifest *manifest, hl_target target, int classes, const char *cache) {
    hl_cohort_options options = {.height = HEIGHT, .width = WIDTH, .cache_folder = cache, .target = target, .classes = classes};
    return hl_cohort_open(f->hl, manifest, &options);
}

static hl_cohort *open_cohort(fixture *f, const hl_manifest *manifest, hl_target target, int classes, const char *cache) {
    hl_cohort *cohort = try_cohort(f, manifest, target, classes, cache);
    ck_assert_msg(cohort != NULL, "%s", hl_error(f->hl));
    ck_assert_int_eq(hl_cohort_classes(cohort), classes);
    return cohort;
}

/* What a cohort of that target and classes has to say of the three slices; mask, then mask2. */
typedef struct expectation {
    hl_target target;
    int classes;
    uint8_t mask[3][PIXELS], mask2[PIXELS];
    int64_t lesion_pixels[3], class_pixels[3][4]; /* of each slice */
} expectation;

static const expectation expectations[] = {
    {HL_TARGET_MASK, 1, {{0, 1, 1, 1, 0, 0, 1, 0}, {0}, {0, 1, 1, 1, 0, 0, 1, 0}}, {1, 0, 0, 1}, {4, -1, 4}, {{4, 4}, {0}, {4, 4}}},
    {HL_TARGET_MASK, 3, {{0, 1, 2, 2, 0, 0, 2, 0}, {0}, {0, 1, 2, 2, 0, 0, 2, 0}}, {2, 0, 0, 1}, {4, -1, 4}, {{4, 1, 3}, {0}, {4, 1, 3}}},
    {HL_TARGET_MASK, 5, {{0, 1, 2, 2, 0, 0, 2, 0}, {0}, {0, 1, 2, 2, 0, 0, 2, 0}}, {2, 0, 0, 1}, {4, -1, 4}, {{4, 1, 3}, {0}, {4, 1, 3}}},
    {HL_TARGET_LUNG, 1, {{1, 1, 0, 1, 1, 0, 0, 1}, {1, 1, 0, 1, 1, 0, 0, 1}, {0}}, {0}, {5, 5, -1}, {{3, 5}, {3, 5}, {0}}},
    {HL_TARGET_LUNG, 3, {{1, 1, 0, 2, 1, 0, 0, 2}, {1, 1, 0, 2, 1, 0, 0, 2}, {0}}, {0}, {5, 5, -1}, {{3, 3, 2}, {3, 3, 2}, {0}}},
};
enum { EXPECTATIONS = sizeof expectations / sizeof *expectations };

static void check_cohort(hl_cohort *cohort, const expectation *e) {
    static const uint8_t lung[PIXELS] = {1, 1, 0, 2, 1, 0, 0, 2};
    for (int row = 0; row < 3; row++) {
        uint8_t mask[PIXELS], mask2[PIXELS], raw[PIXELS];
        const hl_slice_info *info = hl_cohort_info(cohort, row);
        ck_assert_int_eq(hl_cohort_slice(cohort, row, NULL, mask, mask2, raw), HL_OK);
        ck_assert_mem_eq(mask, e->mask[row], PIXELS);
        if (row == 0) ck_assert_mem_eq(mask2, e->mask2, PIXELS);
        if (row < 2) ck_assert_mem_eq(raw, lung, PIXELS);
        ck_assert_int_eq(info->lesion_pixels, e->lesion_pixels[row]);
        ck_assert(info->labelled == (e->lesion_pixels[row] >= 0));
        for (int c = 0; c < 4; c++) ck_assert_int_eq(info->class_pixels[c], e->class_pixels[row][c]);
        uint8_t *native;
        hl_status status = hl_cohort_native_mask(cohort, row, &native);
        ck_assert_int_eq(status, info->labelled ? HL_OK : HL_USAGE);
        if (!status) ck_assert_mem_eq(native, e->mask[row], PIXELS);
        free(native);
    }
}

START_TEST(labels_are_the_targets) {
    fixture f;
    fixture_open(&f, 2);
    put_cohort(&f);
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, expectations[_i].target, expectations[_i].classes, NULL);
    check_cohort(cohort, &expectations[_i]);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

static int count_caches(const char *folder) {
    DIR *listing = opendir(folder);
    int count = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));) count += entry->d_name[0] != '.';
    if (listing) closedir(listing);
    return count;
}

/* The same files under another target or other classes are other labels: each has a cache of its own, and it is the right one. */
START_TEST(caches_do_not_mix) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    char cache[128];
    snprintf(cache, sizeof cache, "%s/cache", f.folder);
    hl_manifest *manifest = read_manifest(&f);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < EXPECTATIONS; i++) {
            hl_cohort *cohort = open_cohort(&f, manifest, expectations[i].target, expectations[i].classes, cache);
            if (run) ck_assert_int_eq(hl_cohort_decoded(cohort), 0);
            check_cohort(cohort, &expectations[i]);
            ck_assert_int_eq(count_caches(cache), run ? EXPECTATIONS : i + 1);
            hl_cohort_free(cohort);
        }
    }
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

static void refuse(fixture *f, hl_target target, int classes, hl_status status, const char *words) {
    hl_manifest *manifest = read_manifest(f);
    ck_assert_ptr_null(try_cohort(f, manifest, target, classes, NULL));
    check_error(f->hl, status, words);
    hl_manifest_free(manifest);
}

START_TEST(values_beyond_the_classes_are_refused) {
    fixture f;
    fixture_open(&f, 2);
    put_cohort(&f);
    refuse(&f, HL_TARGET_MASK, 2, HL_BAD_INPUT, "m.png holds the value 2, expected a class from 0 to 1");
    put_labels(&f, "m.png", (const unsigned char[PIXELS]){1});
    refuse(&f, HL_TARGET_MASK, 2, HL_BAD_INPUT, "second mask ");
    refuse(&f, HL_TARGET_MASK, 2, HL_BAD_INPUT, "r.png holds the value 2, expected a class from 0 to 1");
    put_labels(&f, "m.png", (const unsigned char[PIXELS]){0, 0, 0, 0, 0, 0, 0, 255});
    refuse(&f, HL_TARGET_MASK, 32, HL_BAD_INPUT, "manifest.csv:2: mask ");
    refuse(&f, HL_TARGET_MASK, 32, HL_BAD_INPUT, "m.png holds the value 255, expected a class from 0 to 31");
    put_labels(&f, "l.png", (const unsigned char[PIXELS]){1, 3});
    refuse(&f, HL_TARGET_LUNG, 3, HL_BAD_INPUT, "l.png holds the value 3, expected 0, 1, 2 or 255");
    refuse(&f, HL_TARGET_MASK, 33, HL_USAGE, "33 classes: expected 1 to 32");
    refuse(&f, HL_TARGET_LUNG, 2, HL_USAGE, "target lung with 2 classes");
    refuse(&f, HL_TARGET_LUNG, 4, HL_USAGE, "target lung with 4 classes");
    fixture_close(&f);
}
END_TEST

/* A lung that is not divided is lung, but neither the left nor the right one. */
START_TEST(an_undivided_lung_has_one_class) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    put_labels(&f, "l.png", (const unsigned char[PIXELS]){0, 255, 255, 1, 0, 0, 0, 2});
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, HL_TARGET_LUNG, 1, NULL);
    uint8_t mask[PIXELS], lung[PIXELS];
    ck_ok(f.hl, hl_cohort_slice(cohort, 1, NULL, mask, NULL, lung));
    ck_assert_mem_eq(mask, ((uint8_t[]){0, 1, 1, 1, 0, 0, 0, 1}), PIXELS);
    ck_assert_mem_eq(lung, ((uint8_t[]){0, 255, 255, 1, 0, 0, 0, 2}), PIXELS);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    refuse(&f, HL_TARGET_LUNG, 3, HL_BAD_INPUT, "l.png holds the value 255, a lung that is not divided, expected 0, 1 or 2");
    fixture_close(&f);
}
END_TEST

/* Masks of lesions are no matter of a net for lungs. */
START_TEST(the_other_column_is_not_opened) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    ck_assert_int_eq(unlink(fixture_path(&f, "m.png")), 0);
    put_text(&f, "r.png", "spoilt");
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, HL_TARGET_LUNG, 3, NULL);
    check_cohort(cohort, &expectations[4]);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    refuse(&f, HL_TARGET_MASK, 3, HL_BAD_INPUT, "m.png");
    fixture_close(&f);
}
END_TEST

/* A mirrored patient's left lung lies where the right one was; lesions of class 1 stay lesions of class 1. */
START_TEST(a_flip_swaps_the_lungs) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    hl_manifest *manifest = read_manifest(&f);
    for (int i = 0; i < EXPECTATIONS; i++) {
        const expectation *e = &expectations[i];
        hl_cohort *cohort = open_cohort(&f, manifest, e->target, e->classes, NULL);
        const hl_sample samples[] = {{0, 0}, {0, UINT64_MAX}};
        hl_loader *loader = hl_loader_start(cohort, samples, (const int[]){0, 2}, 1, &(hl_loader_options){.channels = 1, .augmentation = {.strength = {0.5}, .chance = {1}}});
        const float *images, *masks;
        int count;
        ck_ok(f.hl, hl_loader_next(loader, &images, &masks, &count));
        bool swaps = e->target == HL_TARGET_LUNG && e->classes == 3;
        for (int p = 0; p < PIXELS; p++) {
            uint8_t straight = e->mask[0][p], mirrored = e->mask[0][p / WIDTH * WIDTH + WIDTH - 1 - p % WIDTH];
            ck_assert_float_eq(masks[p], straight);
            ck_assert_float_eq(masks[PIXELS + p], swaps && mirrored ? 3 - mirrored : mirrored);
        }
        hl_loader_free(loader);
        hl_cohort_free(cohort);
    }
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("target");
    TCase *tcase = slow_case(suite, "target");
    tcase_add_loop_test(tcase, labels_are_the_targets, 0, EXPECTATIONS);
    tcase_add_test(tcase, caches_do_not_mix);
    tcase_add_test(tcase, values_beyond_the_classes_are_refused);
    tcase_add_test(tcase, an_undivided_lung_has_one_class);
    tcase_add_test(tcase, the_other_column_is_not_opened);
    tcase_add_test(tcase, a_flip_swaps_the_lungs);
    return run_suite(suite);
}
