/* The audit: nothing is found in clean cohorts, and each planted fault is found and nothing else. How slices lie is test_turned.c's. */
#include <math.h>

#include "audits.h"
#include "volumes.h"

/* --- clean cohorts ------------------------------------------------------------------------------------------------------ */

START_TEST(clean_phantoms) {
    for (uint64_t seed = 11; seed < 14; seed++) {
        char folder[128], path[160];
        hl_phantom_options o = hl_phantom_defaults();
        o.patients = 20, o.slices = 4, o.size = 64, o.seed = seed, o.centres = (int)(seed % 3) + 1, o.healthy = 4;
        snprintf(folder, sizeof folder, "%s/seed-%d", f.folder, (int)seed);
        snprintf(path, sizeof path, "%s/manifest.csv", folder);
        ck_ok(f.hl, hl_phantom_write(f.hl, folder, &o));
        hl_audit audit = audit_manifest(path, 1);
        expect_faults(&audit, 0, "", "");
    }
}
END_TEST

START_TEST(fingerprints) {
    hl_audit audit = audit_rows();
    ck_assert_int_eq(audit.centre_count, 2);
    ck_assert_int_eq(audit.all.patients, 16);
    ck_assert_int_eq(audit.all.slices, t.count);
    ck_assert_int_eq(audit.all.cases, 18); /* every eighth patient has two */
    ck_assert_int_eq(audit.case_count, 18);
    ck_assert_int_eq(audit.centres[0].patients + audit.centres[1].patients, 16);
    ck_assert_int_eq(audit.centres[0].lesion_slices + audit.centres[1].lesion_slices, audit.all.lesion_slices);
    ck_assert_int_eq(audit.all.width[0], 64);
    ck_assert_int_eq(audit.all.height[1], 64);
    int64_t lesion = 0, lung = 0, slices = 0, counts[256] = {0}, pixels = 0;
    for (int i = 0; i < t.count; i++) {
        hl_picture image, mask, lungs;
        ck_ok(f.hl, hl_png_read(f.hl, t.rows[i].image, &image));
        ck_ok(f.hl, hl_png_read(f.hl, t.rows[i].mask, &mask));
        ck_ok(f.hl, hl_png_read(f.hl, t.rows[i].lung, &lungs));
        int64_t here = 0;
        for (int p = 0; p < 64 * 64; p++) here += mask.pixels[p] > 0, lung += lungs.pixels[p] > 0, counts[image.pixels[p]]++, pixels++;
        lesion += here, slices += here > 0;
        free(image.pixels), free(mask.pixels), free(lungs.pixels);
    }
    ck_assert_int_eq(audit.all.lesion_slices, (int)slices);
    ck_assert_double_eq_tol(audit.all.burden, (double)lesion / (double)lung, 1e-12);
    int median = 0;
    for (int64_t sum = counts[0]; 2 * sum < pixels;) sum += counts[++median];
    ck_assert_double_eq(audit.all.median, median);
    ck_assert_int_eq(audit.size, 64);
    ck_assert_int_eq(audit.batch, slices >= 64 ? 8 : slices >= 32 ? 4 : 2);
    hl_audit_free(&audit);
}
END_TEST

/* --- files ---------------------------------------------------------------------------------------------------------------- */

START_TEST(image_gone) {
    snprintf(t.rows[0].image, sizeof t.rows[0].image, "%s/gone.png", f.folder);
    snprintf(t.rows[1].image, sizeof t.rows[1].image, "%s/gone-too.png", f.folder);
    hl_audit audit = audit_rows();
    ck_assert_int_eq(audit.faults.items[0].file_count, 2);
    expect_faults(&audit, 1, "mask-without-image", "gone.png");
}
END_TEST

START_TEST(lung_gone) {
    snprintf(t.rows[5].lung, sizeof t.rows[5].lung, "%s/gone.png", f.folder);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "missing-file", "lung mask");
}
END_TEST

START_TEST(image_cut_off) {
    change_picture(&f, t.rows[9].image, &(change){0});
    cut_file(&f, strrchr(t.rows[9].image, '/') + 1, 100);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "unreadable", t.rows[9].image);
}
END_TEST

START_TEST(mask_of_another_shape) {
    put_png(&f, "small.png", 60, 64, 0, 0, 0);
    snprintf(t.rows[3].mask, sizeof t.rows[3].mask, "%s/small.png", f.folder);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "shape", "60x64");
}
END_TEST

static int seven_in_a_corner(int value, int place) { return place == 0 ? 7 : value; }

START_TEST(unknown_labels) {
    change_picture(&f, t.rows[3].mask, &(change){.value = seven_in_a_corner});
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "labels", "the value 7, expected 0 and 1, or 0 and 255");
    take_rows(&f, &t, fixture_path(&f, "manifest.csv"), 1);
    change_picture(&f, t.rows[3].lung, &(change){.value = seven_in_a_corner});
    audit = audit_rows();
    expect_faults(&audit, 1, "labels", "expected 0, 1, 2 or 255");
}
END_TEST

static int to_class(int value, int place) { return value ? 1 + place % 2 : 0; }

START_TEST(classes) {
    for (int i = 0; i < t.count; i++) change_picture(&f, t.rows[i].mask, &(change){.value = to_class});
    put_rows(&t, fixture_path(&f, "changed.csv"));
    hl_audit audit = audit_manifest(f.path, 3);
    expect_faults(&audit, 0, "", "");
    audit = audit_manifest(fixture_path(&f, "changed.csv"), 2);
    ck_assert_int_gt(audit.faults.count, 3);
    expect_faults(&audit, audit.faults.count, "labels", "a class from 0 to 1");
}
END_TEST

static int nothing(int value, int place) { return (void)value, (void)place, 0; }

START_TEST(empty_masks) {
    const char *name = case_with_lesion(1);
    for (int i = 0; i < t.count; i++)
        if (!strcmp(t.rows[i].case_name, name)) change_picture(&f, t.rows[i].mask, &(change){.value = nothing});
    hl_audit audit = audit_rows();
    ck_assert_int_eq(audit.faults.items[0].file_count, slices_of(name));
    expect_faults(&audit, 1, "empty-mask", name);
}
END_TEST

/* --- masks ---------------------------------------------------------------------------------------------------------------- */

/* The mask lies where another patient's lesions are: shown with half the picture filled, which no lungs are. */
static int upper_half(int value, int place) { return (void)value, place < 64 * 32 ? 255 : 0; }

START_TEST(mask_out_of_place) {
    const char *name = case_with_lesion(0);
    change_picture(&f, t.rows[find_case(&t, name) + 2].mask, &(change){.value = upper_half});
    hl_audit audit = audit_rows();
    ck_assert_int_eq(audit.faults.items[0].file_count, 1);
    expect_faults(&audit, 1, "mask-out-of-place", name);
}
END_TEST

/* Of two patients the same mask, in place in both: only that it comes twice shows it. */
START_TEST(mask_of_another_image) {
    int from = find_case(&t, case_with_lesion(0)) + 1, to = find_case(&t, case_with_lesion(3)) + 1;
    for (int i = 0; i < t.count; i++) t.rows[i].lung[0] = 0;
    change_picture(&f, t.rows[from].mask, &(change){.value = upper_half});
    memcpy(t.rows[to].mask, t.rows[from].mask, sizeof t.rows[to].mask);
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "mask-out-of-place", "the same lesion mask lies on two images");
}
END_TEST

static int other_lung(int value, int place) { return (void)place, value == 1 ? 2 : value == 2 ? 1 : value; }

START_TEST(lung_labels_exchanged) {
    const char *name = case_with_lesion(2);
    for (int i = 0; i < t.count; i++)
        if (!strcmp(t.rows[i].case_name, name)) change_picture(&f, t.rows[i].lung, &(change){.value = other_lung});
    hl_audit audit = audit_rows();
    ck_assert_int_eq(audit.faults.items[0].file_count, slices_of(name));
    expect_faults(&audit, 1, "lung-sides", name);
}
END_TEST

/* --- who is who -------------------------------------------------------------------------------------------------------------- */

/* A patient of the second centre with one case takes the name of one of the first. */
START_TEST(patient_of_two_centres) {
    int row = t.count - 1;
    while (slices_of(t.rows[row].case_name) < 4) row--;
    ck_assert_str_ne(t.rows[0].centre, t.rows[row].centre);
    for (int i = 0; i < t.count; i++)
        if (!strcmp(t.rows[i].case_name, t.rows[row].case_name)) snprintf(t.rows[i].patient, sizeof t.rows[i].patient, "p001");
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "patient", "patient p001 is of centre centre1");
}
END_TEST

START_TEST(case_under_two_names) {
    repeat_case(&t, case_with_lesion(0), "centre2", "new");
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "same-slices", "share 4 slices, pixel by pixel: one patient in two centres");
    take_rows(&f, &t, fixture_path(&f, "manifest.csv"), 1);
    const char *name = case_with_lesion(0);
    char centre[64];
    snprintf(centre, sizeof centre, "%s", t.rows[find_case(&t, name)].centre);
    repeat_case(&t, name, centre, "new");
    audit = audit_rows();
    expect_faults(&audit, 1, "same-slices", "one patient under two names");
}
END_TEST

static int brighter(int value, int place) { return value * 15 / 16 + 8 + (place * 7 % 3); }

START_TEST(nearly_the_same_case) {
    repeat_case(&t, case_with_lesion(0), "centre1", "new");
    for (int i = 0; i < t.count; i++)
        if (!strcmp(t.rows[i].case_name, "new")) change_picture(&f, t.rows[i].image, &(change){.value = brighter}), t.rows[i].mask[0] = 0;
    hl_audit audit = audit_rows();
    expect_faults(&audit, 1, "near-duplicate", "new");
}
END_TEST

/* --- volumes ---------------------------------------------------------------------------------------------------------------------- */

/* NAME.nii.gz, 8 x 6 x slices, values from one to another, moved by so many mm. */
static void put_volume(const char *name, int slices, double move, float from, float to) {
    hl_volume v = make_volume(f.hl, 8, 6, slices, "LPS");
    v.affine[0][3] += move;
    for (int i = 0; i < 48 * slices; i++) v.voxels[i] = from + (to - from) * (float)(i % 7) / 6;
    const float at = (float)v.affine[0][3];
    memcpy(v.header + 292, &at, sizeof at); /* srow_x[3], from which the file's affine comes */
    ck_ok(f.hl, hl_volume_write(f.hl, fixture_path(&f, name), &v, HL_VOXEL_FLOAT32));
    hl_volume_free(&v);
}

static hl_audit audit_volumes(const char *units) {
    char text[1024] = "centre,patient,case,slice,image,mask,units\n";
    for (int i = 0; i < 6; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "c,p%d,p%d,%d,image%d.nii.gz,mask%d.nii.gz,%s\n", i / 3, i / 3, i % 3, i / 3, i / 3,
                 units);
    }
    put_text(&f, "volumes.csv", text);
    return audit_manifest(fixture_path(&f, "volumes.csv"), 1);
}

START_TEST(volumes) {
    put_volume("image0.nii.gz", 3, 0, -1000, 300), put_volume("image1.nii.gz", 3, 0, 400, -900);
    put_volume("mask0.nii.gz", 3, 0, 1, 1), put_volume("mask1.nii.gz", 3, 0, 1, 1);
    hl_audit audit = audit_volumes("HU");
    ck_assert_double_eq(audit.all.least, -1000);
    ck_assert_double_eq(audit.all.spacing_least[2], 5);
    expect_faults(&audit, 0, "", "");
    put_volume("mask1.nii.gz", 3, 0.2, 1, 1); /* of 0.5 mm a pixel the half is allowed */
    audit = audit_volumes("");
    expect_faults(&audit, 0, "", "");
    put_volume("mask1.nii.gz", 3, 4, 1, 1);
    audit = audit_volumes("");
    expect_faults(&audit, 1, "affine", "up to 4.0 mm away");
    put_volume("mask1.nii.gz", 4, 0, 1, 1);
    audit = audit_volumes("");
    expect_faults(&audit, 1, "shape", "8x6x4");
    put_volume("mask1.nii.gz", 3, 0, 1, 1);
    put_volume("image1.nii.gz", 2, 0, 400, -900);
    audit = audit_volumes("");
    ck_assert_int_eq(audit.faults.count, 2);
    hl_audit_free(&audit);
    put_volume("image1.nii.gz", 3, 0, 255, 0);
    audit = audit_volumes("");
    expect_faults(&audit, 1, "units", "1 cases hold values from 0 to 255 (first: p1)");
    put_volume("image0.nii.gz", 3, 0, 0, 255);
    audit = audit_volumes("HU");
    expect_faults(&audit, 2, "units", "the manifest's units are HU");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("audit");
    TCase *tcase = slow_case(suite, "audit");
    tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
    tcase_add_test(tcase, clean_phantoms);
    tcase_add_test(tcase, fingerprints);
    tcase_add_test(tcase, image_gone);
    tcase_add_test(tcase, lung_gone);
    tcase_add_test(tcase, image_cut_off);
    tcase_add_test(tcase, mask_of_another_shape);
    tcase_add_test(tcase, unknown_labels);
    tcase_add_test(tcase, classes);
    tcase_add_test(tcase, empty_masks);
    tcase_add_test(tcase, mask_out_of_place);
    tcase_add_test(tcase, mask_of_another_image);
    tcase_add_test(tcase, lung_labels_exchanged);
    tcase_add_test(tcase, patient_of_two_centres);
    tcase_add_test(tcase, case_under_two_names);
    tcase_add_test(tcase, nearly_the_same_case);
    tcase_add_test(tcase, volumes);
    return run_suite(suite);
}
