/* `hilum dataset` and `hilum audit`: what they print, write and end with. */
#include <cJSON.h>

#include "../data/volumes.h"
#include "program.h"

static hl_context *hl;

static void open_all(void) {
    setup();
    hl = hl_open(NULL);
    ck_assert_ptr_nonnull(hl);
}
static void close_all(void) {
    hl_close(hl);
    teardown();
}

/* The JSON object that was printed. Owner: the caller, cJSON_Delete. */
static cJSON *printed(void) {
    expect_one_json_line();
    cJSON *object = cJSON_Parse(said.out);
    ck_assert_ptr_nonnull(object);
    return object;
}
static int number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is no number in %s", key, said.out);
    return item->valueint;
}
static int faults(const cJSON *object) { return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(object, "faults")); }

/* A folder as COVID-19-CT-Seg's of the phantom's cases, in Hounsfield units; three slices a case. */
static void make_tree(void) {
    static const char *const folders[] = {"COVID-19-CT-Seg_20cases", "Infection_Mask", "Lung_Mask"};
    ck_assert_int_eq(
        RUN("phantom", "--out", in("cohort"), "--patients", "6", "--centres", "1", "--healthy", "0", "--slices", "3", "--size", "64"), 0);
    hl_manifest *m = hl_manifest_read(hl, in("cohort/manifest.csv"), NULL);
    ck_assert_ptr_nonnull(m);
    for (int k = 0; k < 3; k++) ck_assert_int_eq(shell("mkdir -p '%s'", in("set/%s", folders[k])), 0);
    for (int c = 0; c < 6; c++) {
        for (int k = 0; k < 3; k++) {
            hl_volume v = make_volume(hl, 64, 64, 3, "RAS");
            for (int z = 0; z < 3; z++) {
                const hl_row *row = hl_manifest_row(m, 3 * c + z);
                hl_picture p;
                ck_ok(hl, hl_png_read(hl, k == 0 ? row->image : k == 1 ? row->mask : row->lung, &p));
                for (int i = 0; i < 64 * 64; i++)
                    *voxel(&v, i % 64, i / 64, z) = k == 0 ? (float)p.pixels[i] * 5 - 1000 : k == 1 ? p.pixels[i] > 0 : p.pixels[i];
                free(p.pixels);
            }
            ck_ok(hl, hl_volume_write(hl, in("set/%s/coronacases_%03d.nii.gz", folders[k], c + 1), &v, HL_VOXEL_FLOAT32));
            hl_volume_free(&v);
        }
    }
    hl_manifest_free(m);
}

START_TEST(test_dataset) {
    make_tree();
    ck_assert_int_eq(RUN("dataset", in("set"), "--json"), 0);
    cJSON *only = printed();
    ck_assert_int_eq(number(only, "centres"), 1);
    ck_assert_int_eq(number(only, "patients"), 6);
    ck_assert_int_eq(number(only, "cases"), 6);
    ck_assert_int_eq(number(only, "slices"), 18);
    ck_assert_int_gt(number(only, "lesion_slices"), 6);
    ck_assert_int_eq(faults(only), 0);
    ck_assert_int_eq(shell("test -z \"$(ls '%s' | grep -v -e Mask -e 20cases)\"", in("set")), 0); /* nothing was written */
    ck_assert_int_eq(RUN("dataset", in("set"), "--out", in("set/manifest.csv"), "--json", "--strict", "--html", in("page.html")), 0);
    cJSON *written = printed();
    ck_assert(cJSON_Compare(only, written, true));
    cJSON_Delete(only), cJSON_Delete(written);
    ck_assert_int_eq(shell("head -2 '%s' | tail -1 | grep -q "
                           "'^coronacases,coronacases_001,coronacases_001,0,COVID-19-CT-Seg_20cases/coronacases_001.nii.gz,'",
                           in("set/manifest.csv")),
                     0);
    ck_assert_int_eq(shell("grep -q 'coronacases_006' '%s'", in("page.html")), 0);
    ck_assert_int_eq(RUN("audit", in("set/manifest.csv"), "--strict"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "6 patients, 6 cases, 18 slices"));
    ck_assert_int_eq(run_tiny("train", in("set/manifest.csv"), in("run"), MORE("--epochs", "1")), 0);
}
END_TEST

START_TEST(test_strict) {
    make_tree();
    ck_assert_int_eq(unlink(in("set/Lung_Mask/coronacases_001.nii.gz")), 0);
    ck_assert_int_eq(unlink(in("set/COVID-19-CT-Seg_20cases/coronacases_002.nii.gz")), 0);
    ck_assert_int_eq(RUN("dataset", in("set"), "--out", in("elsewhere.csv"), "--json"), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "mask-without-image: lesion mask"));
    ck_assert_ptr_nonnull(strstr(said.err, "Infection_Mask/coronacases_002.nii.gz"));
    cJSON *object = printed();
    ck_assert_int_eq(number(object, "cases"), 5);
    ck_assert_int_eq(faults(object), 2);
    cJSON_Delete(object);
    ck_assert_int_eq(RUN("dataset", in("set"), "--strict"), 1);
    ck_assert_int_eq(RUN("audit", in("elsewhere.csv"), "--strict"), 0);
    ck_assert_int_eq(unlink(in("set/Infection_Mask/coronacases_003.nii.gz")), 0);
    ck_assert_int_eq(RUN("audit", in("elsewhere.csv"), "--json"), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "missing-file: case coronacases_003"));
    object = printed();
    ck_assert_int_eq(faults(object), 1);
    cJSON_Delete(object);
    ck_assert_int_eq(RUN("audit", in("elsewhere.csv"), "--strict", "--html", in("page.html")), 1);
    ck_assert_int_eq(shell("grep -q 'missing-file: a file that' '%s'", in("page.html")), 0);
}
END_TEST

/* Paths outside of the manifest's folder are absolute, and said to be. */
START_TEST(test_outside) {
    make_tree();
    ck_assert_int_eq(shell("mkdir '%s'", in("other")), 0);
    ck_assert_int_eq(RUN("dataset", in("set"), "--out", in("other/manifest.csv")), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "need --allow-outside"));
    RUN("audit", in("other/manifest.csv"));
    expect_sentence(3, "absolute path");
    ck_assert_int_eq(RUN("audit", in("other/manifest.csv"), "--allow-outside", "--strict"), 0);
}
END_TEST

START_TEST(test_refusals) {
    RUN("dataset");
    ck_assert_int_eq(said.code, 2);
    RUN("dataset", in("nowhere"));
    expect_sentence(3, "nowhere");
    ck_assert_int_eq(shell("mkdir '%s'", in("empty")), 0);
    RUN("dataset", in("empty"));
    expect_sentence(3, "the layout is not known");
    RUN("audit", in("nowhere.csv"));
    expect_sentence(3, "nowhere.csv");
    make_tree();
    RUN("dataset", in("set"), "--out", in("no/such/folder/manifest.csv"));
    expect_sentence(1, "no such folder");
    ck_assert_int_eq(RUN("audit", "--help"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "--strict"));
}
END_TEST

/* A file that looks like DICOM, and a PATH without dcm2niix. */
START_TEST(test_dicom_without_dcm2niix) {
    ck_assert_int_eq(shell("mkdir '%s' '%s'", in("scans"), in("bin")), 0);
    char start[140] = "";
    memcpy(start + 128, "DICM", 4);
    FILE *stream = fopen(in("scans/IM000001"), "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(start, 1, sizeof start, stream), sizeof start);
    ck_assert_int_eq(fclose(stream), 0);
    char kept[4096];
    snprintf(kept, sizeof kept, "%s", getenv("PATH"));
    setenv("PATH", in("bin"), 1);
    RUN("dataset", in("scans"));
    setenv("PATH", kept, 1);
    expect_sentence(1, "dcm2niix (Debian's package dcm2niix), which is not installed");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dataset");
    TCase *tcase = slow_case(suite, "dataset");
    tcase_add_checked_fixture(tcase, open_all, close_all);
    tcase_add_test(tcase, test_dataset);
    tcase_add_test(tcase, test_strict);
    tcase_add_test(tcase, test_outside);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_dicom_without_dcm2niix);
    return run_suite(suite);
}
