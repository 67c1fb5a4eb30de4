/* Layouts of public data sets: recognised by names, whose scans and masks belong together, the manifests made of them. */
#include <sys/stat.h>

#include "data/combined.h"
#include "data/csv.h"
#include "data/tree.h"
#include "fixture.h"
#include "hilum/dataset.h"
#include "volumes.h"

static fixture f;

static void open_fixture(void) { fixture_open(&f, 1); }
static void close_fixture(void) { fixture_close(&f); }

/* folder/name, whose folders are made. */
static const char *place(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", f.folder, name);
    *strrchr(path, '/') = 0;
    ck_ok(f.hl, hl_folder_make(f.hl, path));
    path[strlen(path)] = '/';
    return path;
}

/* A volume of 8 x 6 and so many slices, of one value but for the first voxel of each slice. */
static void put_volume(const char *name, int slices, float value, float first) {
    hl_volume v = make_volume(f.hl, 8, 6, slices, "LPS");
    for (int z = 0; z < slices; z++)
        for (int i = 0; i < 48; i++) *voxel(&v, i % 8, i / 8, z) = i ? value : first;
    ck_ok(f.hl, hl_volume_write(f.hl, place(name), &v, HL_VOXEL_FLOAT32));
    hl_volume_free(&v);
}

static void put_picture(const char *name) {
    place(name);
    put_png(&f, name, 8, 6, 0, 3, 255);
}

static hl_dataset *open_dataset(const char *layout, int scans) {
    hl_dataset *d = hl_dataset_open(f.hl, f.folder, NULL);
    ck_assert_msg(d != NULL, "%s", hl_error(f.hl));
    ck_assert_str_eq(d->layout, layout);
    ck_assert_int_eq(d->count, scans);
    return d;
}

static const char *last_part(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : "";
}

static void expect_scan(const hl_dataset *d, int scan, const char *centre, const char *patient, const char *case_name, const char *image,
                        const char *mask, const char *lung) {
    const hl_dataset_scan *s = &d->scans[scan];
    ck_assert_str_eq(s->centre, centre);
    ck_assert_str_eq(s->patient, patient);
    ck_assert_str_eq(s->case_name, case_name);
    ck_assert_str_eq(last_part(s->image), image);
    ck_assert_str_eq(last_part(s->mask), mask);
    ck_assert_str_eq(last_part(s->lung), lung);
}

START_TEST(covid_ct_seg) {
    put_volume("COVID-19-CT-Seg_20cases/coronacases_001.nii.gz", 3, 40, -1000);
    put_volume("COVID-19-CT-Seg_20cases/radiopaedia_29_86490_1.nii.gz", 2, 40, 255);
    put_volume("COVID-19-CT-Seg_20cases/radiopaedia_29_86491_1.nii.gz", 4, 40, 255);
    put_volume("Infection_Mask/coronacases_001.nii.gz", 3, 0, 1);
    put_volume("Infection_Mask/radiopaedia_29_86490_1.nii.gz", 2, 0, 1);
    put_volume("Lung_Mask/coronacases_001.nii.gz", 3, 0, 1);
    put_volume("Lung_Mask/coronacases_007.nii.gz", 3, 0, 1);
    put_volume("COVID-19-CT-Seg_20cases/notes_001.nii.gz", 3, 0, 1);
    hl_dataset *d = open_dataset("COVID-19-CT-Seg", 3);
    expect_scan(d, 0, "coronacases", "coronacases_001", "coronacases_001", "coronacases_001.nii.gz", "coronacases_001.nii.gz",
                "coronacases_001.nii.gz");
    expect_scan(d, 1, "radiopaedia", "radiopaedia_29", "radiopaedia_29_86490_1", "radiopaedia_29_86490_1.nii.gz",
                "radiopaedia_29_86490_1.nii.gz", "");
    expect_scan(d, 2, "radiopaedia", "radiopaedia_29", "radiopaedia_29_86491_1", "radiopaedia_29_86491_1.nii.gz", "", "");
    ck_assert_int_eq(d->scans[0].slices, 3);
    ck_assert_int_eq(d->scans[0].units, HL_UNITS_HU);
    ck_assert_int_eq(d->scans[1].units, HL_UNITS_8BIT);
    ck_assert_int_eq(d->faults.count, 1);
    ck_assert_str_eq(d->faults.items[0].kind, "mask-without-image");
    ck_assert_ptr_nonnull(strstr(d->faults.items[0].text, "Lung_Mask/coronacases_007.nii.gz"));
    hl_dataset_free(d);
}
END_TEST

START_TEST(covid_ct_seg_of_kaggle) {
    put_volume("unpacked/ct_scans/coronacases_org_001.nii", 2, 0, -1000);
    put_volume("unpacked/ct_scans/coronacases_org_case002.nii", 2, 0, -1000);
    put_volume("unpacked/ct_scans/radiopaedia_org_covid-19-pneumonia-10_85902_1-dcm.nii", 2, 0, 255);
    static const char *const names[] = {"coronacases_001", "coronacases_002", "radiopaedia_10_85902_1"};
    for (int i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "unpacked/lung_mask/%s.nii", names[i]);
        put_volume(path, 2, 0, 1);
        snprintf(path, sizeof path, "unpacked/infection_mask/%s.nii", names[i]);
        put_volume(path, 2, 0, 1);
        snprintf(path, sizeof path, "unpacked/lung_and_infection_mask/%s.nii", names[i]);
        put_volume(path, 2, 0, 1);
    }
    hl_dataset *d = open_dataset("COVID-19-CT-Seg", 3);
    expect_scan(d, 0, "coronacases", "coronacases_001", "coronacases_001", "coronacases_org_001.nii", "coronacases_001.nii",
                "coronacases_001.nii");
    expect_scan(d, 1, "coronacases", "coronacases_002", "coronacases_002", "coronacases_org_case002.nii", "coronacases_002.nii",
                "coronacases_002.nii");
    expect_scan(d, 2, "radiopaedia", "radiopaedia_10", "radiopaedia_10_85902_1", "radiopaedia_org_covid-19-pneumonia-10_85902_1-dcm.nii",
                "radiopaedia_10_85902_1.nii", "radiopaedia_10_85902_1.nii");
    for (int i = 0; i < 3; i++) ck_assert_ptr_null(d->scans[i].combined);
    ck_assert_int_eq(d->faults.count, 0);
    hl_dataset_free(d);
}
END_TEST

/* With the combined masks alone both masks are made of them. */
START_TEST(covid_ct_seg_combined) {
    put_volume("COVID-19-CT-Seg_20cases/coronacases_001.nii.gz", 2, 0, -1000);
    hl_volume v = make_volume(f.hl, 8, 6, 2, "RAS");
    static const uint8_t row[8] = {2, 2, 3, 0, 0, 3, 1, 3};
    for (int x = 0; x < 8; x++) *voxel(&v, x, 1, 0) = row[x];
    *voxel(&v, 0, 0, 1) = 3;
    ck_ok(f.hl, hl_volume_write(f.hl, place("Lung_and_Infection_Mask/coronacases_001.nii.gz"), &v, HL_VOXEL_UINT8));
    hl_volume_free(&v);
    hl_dataset *d = open_dataset("COVID-19-CT-Seg", 1);
    int outside;
    ck_ok(f.hl, hl_dataset_write(f.hl, d, fixture_path(&f, "manifest.csv"), &outside));
    ck_assert_int_eq(outside, 0);
    static const char *const kinds[] = {"lesion", "lung"};
    static const uint8_t expected[2][8] = {{0, 0, 1, 0, 0, 1, 0, 1}, {2, 2, 2, 0, 0, 1, 1, 1}};
    for (int k = 0; k < 2; k++) {
        char name[64];
        snprintf(name, sizeof name, "manifest-masks/coronacases_001_%s.nii.gz", kinds[k]);
        ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, name), &v));
        ck_assert_str_eq(v.axes, "RAS");
        for (int x = 0; x < 8; x++) ck_assert_int_eq((int)*voxel(&v, x, 1, 0), expected[k][x]);
        ck_assert_int_eq((int)*voxel(&v, 0, 0, 1), k == 0); /* no lung is near to say which it is */
        hl_volume_free(&v);
    }
    hl_manifest *m = read_manifest(&f);
    ck_assert_int_eq(hl_manifest_count(m), 2);
    ck_assert_str_eq(last_part(hl_manifest_row(m, 1)->mask), "coronacases_001_lesion.nii.gz");
    ck_assert_str_eq(last_part(hl_manifest_row(m, 1)->lung), "coronacases_001_lung.nii.gz");
    hl_manifest_free(m);
    hl_dataset_free(d);
}
END_TEST

START_TEST(mosmed) {
    put_volume("studies/CT-0/study_0001.nii.gz", 2, 0, -1000);
    put_volume("studies/CT-1/study_0255.nii.gz", 3, 0, -1000);
    put_volume("studies/CT-4/study_1109.nii.gz", 2, 0, -1000);
    put_volume("masks/study_0255_mask.nii.gz", 3, 0, 1);
    hl_dataset *d = open_dataset("MosMedData", 3);
    expect_scan(d, 0, "mosmed", "study_0001", "study_0001", "study_0001.nii.gz", "", "");
    expect_scan(d, 1, "mosmed", "study_0255", "study_0255", "study_0255.nii.gz", "study_0255_mask.nii.gz", "");
    ck_assert(!d->scans[0].healthy);
    hl_dataset_free(d);
    d = hl_dataset_open(f.hl, f.folder, &(hl_dataset_options){.ct0_healthy = true});
    ck_assert_ptr_nonnull(d);
    ck_assert(d->scans[0].healthy && !d->scans[1].healthy && !d->scans[2].healthy);
    ck_ok(f.hl, hl_dataset_write(f.hl, d, fixture_path(&f, "manifest.csv"), NULL));
    hl_manifest *m = read_manifest(&f);
    ck_assert_int_eq(hl_manifest_count(m), 7);
    ck_assert(hl_manifest_row(m, 0)->healthy);
    ck_assert_str_eq(hl_manifest_row(m, 0)->mask, "");
    ck_assert_int_eq((int)hl_manifest_row(m, 4)->slice, 2);
    ck_assert_int_eq(hl_manifest_row(m, 4)->units, HL_UNITS_HU);
    ck_assert_double_eq_tol(hl_manifest_row(m, 4)->spacing[2], d->scans[1].spacing[2], 1e-6);
    hl_manifest_free(m);
    hl_dataset_free(d);
}
END_TEST

START_TEST(pair_of_folders) {
    put_picture("images/p01_003.png");
    put_picture("images/p01_12.png");
    put_picture("images/p02/7.png");
    put_picture("images/lone.png");
    put_picture("masks/p01_003.png");
    put_picture("masks/p02/7.png");
    put_picture("masks/p03_001.png");
    put_picture("lungs/lone.png");
    hl_dataset *d = open_dataset("pair of folders", 4);
    const char *name = strrchr(f.folder, '/') + 1;
    expect_scan(d, 0, name, "lone", "lone", "lone.png", "", "lone.png");
    expect_scan(d, 1, name, "p01", "p01", "p01_003.png", "p01_003.png", "");
    expect_scan(d, 2, name, "p01", "p01", "p01_12.png", "", "");
    expect_scan(d, 3, name, "p02", "p02", "7.png", "7.png", "");
    ck_assert_int_eq((int)d->scans[1].slice, 3);
    ck_assert_int_eq((int)d->scans[2].slice, 12);
    ck_assert_int_eq((int)d->scans[3].slice, 7);
    ck_assert_int_eq(d->faults.count, 1);
    ck_assert_ptr_nonnull(strstr(d->faults.items[0].files[0], "masks/p03_001.png"));
    hl_dataset_free(d);
}
END_TEST

/* Where the words before the numbers are all the same they tell no cases apart. */
START_TEST(pair_of_folders_without_cases) {
    put_picture("images/img_1.png");
    put_picture("images/img_2.png");
    put_picture("masks/img_1.png");
    hl_dataset *d = open_dataset("pair of folders", 2);
    ck_assert_str_eq(d->scans[0].patient, "img_1");
    ck_assert_str_eq(d->scans[1].patient, "img_2");
    hl_dataset_free(d);
}
END_TEST

START_TEST(nnunet) {
    put_volume("imagesTr/lung_001_0000.nii.gz", 2, 0, -1000);
    put_volume("imagesTr/lung_001_0001.nii.gz", 2, 0, -1000);
    put_volume("imagesTs/lung_002_0000.nii.gz", 2, 0, -1000);
    put_volume("labelsTr/lung_001.nii.gz", 2, 0, 2);
    put_text(&f, "dataset.json",
             "{\"name\":\"set\",\"channel_names\":{\"0\":\"CT\"},\"labels\":{\"background\":0,\"ground glass\":1,\"solid\":2}}");
    hl_dataset *d = open_dataset("nnU-Net raw", 2);
    ck_assert_int_eq(d->classes, 3);
    expect_scan(d, 0, "set", "lung_001", "lung_001", "lung_001_0000.nii.gz", "lung_001.nii.gz", "");
    expect_scan(d, 1, "set", "lung_002", "lung_002", "lung_002_0000.nii.gz", "", "");
    hl_dataset_free(d);
    put_text(&f, "dataset.json", "{\"labels\":{\"0\":\"background\",\"1\":\"lesion\"}}");
    d = open_dataset("nnU-Net raw", 2);
    ck_assert_int_eq(d->classes, 1);
    hl_dataset_free(d);
    put_text(&f, "dataset.json", "{\"labels\":{\"whole\":[1,2]}}");
    ck_assert_ptr_null(hl_dataset_open(f.hl, f.folder, NULL));
    check_error(f.hl, HL_BAD_INPUT, "\"whole\"");
}
END_TEST

START_TEST(decathlon) {
    put_volume("Task06/imagesTr/lung_001.nii.gz", 2, 0, -1000);
    put_volume("Task06/labelsTr/lung_001.nii.gz", 2, 0, 1);
    put_volume("Task06/labelsTr/lung_009.nii.gz", 2, 0, 1);
    put_text(&f, "Task06/dataset.json", "{\"name\":\"Lung\",\"labels\":{\"0\":\"background\",\"1\":\"cancer\"}}");
    hl_dataset *d = open_dataset("Medical Segmentation Decathlon", 1);
    expect_scan(d, 0, "Lung", "lung_001", "lung_001", "lung_001.nii.gz", "lung_001.nii.gz", "");
    ck_assert_int_eq(d->faults.count, 1);
    hl_dataset_free(d);
}
END_TEST

/* A copy of a manifest keeps all its columns; its paths are those of its new place. */
START_TEST(manifest) {
    put_picture("set/a.png");
    put_text(&f, "set/manifest.csv", "centre,patient,case,slice,image,mask,note\nc,p,k,4,a.png,,\"one, two\"\n");
    char set[256];
    snprintf(set, sizeof set, "%s", fixture_path(&f, "set"));
    hl_dataset *d = hl_dataset_open(f.hl, set, NULL);
    ck_assert_msg(d != NULL, "%s", hl_error(f.hl));
    int outside = -1;
    ck_ok(f.hl, hl_dataset_write(f.hl, d, fixture_path(&f, "manifest.csv"), &outside));
    ck_assert_int_eq(outside, 0);
    char *text;
    ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, "manifest.csv"), &text, NULL));
    ck_assert_str_eq(text, "centre,patient,case,slice,image,mask,note\nc,p,k,4,set/a.png,,\"one, two\"\n");
    free(text);
    ck_ok(f.hl, hl_folder_make(f.hl, fixture_path(&f, "elsewhere")));
    ck_ok(f.hl, hl_dataset_write(f.hl, d, fixture_path(&f, "elsewhere/manifest.csv"), &outside));
    ck_assert_int_eq(outside, 1);
    hl_dataset_free(d);
    put_text(&f, "set/manifest.csv", "centre,patient,case,slice,image,mask\nc,p,k,4,../a.png,\n");
    ck_assert_ptr_null(hl_dataset_open(f.hl, set, NULL));
    check_error(f.hl, HL_BAD_INPUT, "leaves the manifest's folder");
}
END_TEST

START_TEST(unknown_and_broken) {
    ck_assert_ptr_null(hl_dataset_open(f.hl, f.folder, NULL));
    check_error(f.hl, HL_BAD_INPUT, "MosMedData");
    put_picture("pictures/a.png");
    ck_assert_ptr_null(hl_dataset_open(f.hl, f.folder, NULL));
    check_error(f.hl, HL_BAD_INPUT, "the layout is not known");
    ck_assert_ptr_null(hl_dataset_open(f.hl, "/nowhere/at/all", NULL));
    check_error(f.hl, HL_BAD_INPUT, "/nowhere/at/all");
    put_volume("studies/CT-1/study_0001.nii.gz", 2, 0, -1000);
    put_volume("studies/CT-1/study_0002.nii.gz", 2, 0, -1000);
    cut_file(&f, "studies/CT-1/study_0001.nii.gz", 40);
    hl_dataset *d = open_dataset("MosMedData", 1);
    ck_assert_str_eq(d->scans[0].patient, "study_0002");
    ck_assert_int_eq(d->faults.count, 1);
    ck_assert_str_eq(d->faults.items[0].kind, "unreadable");
    hl_dataset_free(d);
    cut_file(&f, "studies/CT-1/study_0002.nii.gz", 40);
    ck_assert_ptr_null(hl_dataset_open(f.hl, f.folder, NULL));
    check_error(f.hl, HL_BAD_INPUT, "no image can be read");
}
END_TEST

/* Lesion takes the side of the nearest lung by steps; ties go to the first. */
START_TEST(combined_slices) {
    static const uint8_t labels[] = {1, 3, 3, 2, 0, 3, 0, 0, 0, 0, 3, 3};
    static const uint8_t expected[] = {1, 1, 2, 2, 0, 1, 0, 0, 0, 0, 0, 0};
    uint8_t lungs[12];
    int queue[12];
    hl_combined_lungs(labels, 3, 4, queue, lungs);
    ck_assert_mem_eq(lungs, expected, sizeof expected); /* the last row hangs on no lung */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("layout");
    TCase *tcase = slow_case(suite, "layout");
    tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
    tcase_add_test(tcase, covid_ct_seg);
    tcase_add_test(tcase, covid_ct_seg_of_kaggle);
    tcase_add_test(tcase, covid_ct_seg_combined);
    tcase_add_test(tcase, mosmed);
    tcase_add_test(tcase, pair_of_folders);
    tcase_add_test(tcase, pair_of_folders_without_cases);
    tcase_add_test(tcase, nnunet);
    tcase_add_test(tcase, decathlon);
    tcase_add_test(tcase, manifest);
    tcase_add_test(tcase, unknown_and_broken);
    tcase_add_test(tcase, combined_slices);
    return run_suite(suite);
}
