/* A DICOM series, made by dcmtk's dump2dcm, through dcm2niix into `hilum dataset`: the same volume comes out. Where one of the programs is
 * missing nothing is tested. */
#include "../data/volumes.h"
#include "program.h"

enum { COLUMNS = 24, ROWS = 20, SLICES = 7 };
static const double spacing[] = {0.75, 0.5, 5};

/* Stored value of a voxel: no symmetry and the whole range from air to bone, with 1024 added. */
static int stored(int x, int y, int z) { return (x * 97 + y * 41 + z * 173 + (x > 12 ? 900 : 0)) % 3000; }

/* One file of the series: slice z from the feet on; files are numbered from the head on, and named in no order. */
static void put_slice(int z, const char *uid) {
    int instance = SLICES - z;
    FILE *raw = fopen(in("raw"), "wb"), *dump = fopen(in("dump"), "wb");
    ck_assert(raw && dump);
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        int value = stored(i % COLUMNS, i / COLUMNS, z);
        ck_assert(fputc(value & 255, raw) != EOF && fputc(value >> 8, raw) != EOF);
    }
    fprintf(dump,
            "(0002,0010) UI =LittleEndianExplicit\n(0008,0016) UI =CTImageStorage\n(0008,0018) UI "
            "[1.2.826.0.1.3680043.2.1125.%s.1.%d]\n(0008,0020) DA [20200401]\n"
            "(0008,0060) CS [CT]\n(0008,0070) LO [HILUM]\n(0010,0010) PN [Some^Body]\n(0010,0020) LO [PAT %s]\n(0018,0050) DS "
            "[5]\n(0018,5100) CS [HFS]\n"
            "(0020,000d) UI [1.2.826.0.1.3680043.2.1125.%s]\n(0020,000e) UI [1.2.826.0.1.3680043.2.1125.%s.1]\n(0020,0010) SH "
            "[1]\n(0020,0011) IS [3]\n(0020,0013) IS [%d]\n"
            "(0020,0032) DS [-90\\-60\\%g]\n(0020,0037) DS [1\\0\\0\\0\\1\\0]\n(0020,0052) UI "
            "[1.2.826.0.1.3680043.2.1125.%s.2]\n(0028,0002) US 1\n(0028,0004) CS [MONOCHROME2]\n"
            "(0028,0010) US %d\n(0028,0011) US %d\n(0028,0030) DS [%g\\%g]\n(0028,0100) US 16\n(0028,0101) US 16\n(0028,0102) US "
            "15\n(0028,0103) US 1\n"
            "(0028,1052) DS [-1024]\n(0028,1053) DS [1]\n(7fe0,0010) OW =%s\n",
            uid, instance, uid, uid, uid, instance, 200 + spacing[2] * z, uid, ROWS, COLUMNS, spacing[1], spacing[0], in("raw"));
    ck_assert_int_eq(fclose(raw) | fclose(dump), 0);
    ck_assert_int_eq(shell("dump2dcm +te '%s' '%s' >'%s' 2>&1 || { cat '%s' >&2; false; }", in("dump"),
                           in("scans/study %s/IM%d", uid, (z * 5 + 3) % SLICES), in("log"), in("log")),
                     0);
}

START_TEST(series_comes_out_as_it_was) {
    if (shell("command -v dump2dcm >/dev/null && command -v dcm2niix >/dev/null")) return;
    hl_context *hl = hl_open(NULL);
    for (int study = 1; study <= 2; study++) {
        ck_assert_int_eq(shell("mkdir -p '%s'", in("scans/study %d", study)), 0);
        for (int z = 0; z < SLICES; z++) put_slice(z, study == 1 ? "1" : "2");
    }
    ck_assert_int_eq(RUN("dataset", in("scans"), "--out", in("set.csv")), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "layout: DICOM"));
    ck_assert_ptr_nonnull(strstr(said.err, "same-slices")); /* the two studies have the same pixels */
    hl_manifest *m = hl_manifest_read(hl, in("set.csv"), NULL);
    ck_assert_msg(m != NULL, "%s", hl_error(hl));
    ck_assert_int_eq(hl_manifest_count(m), 2 * SLICES);
    for (int row = 0; row < 2 * SLICES; row += SLICES) {
        const hl_row *of = hl_manifest_row(m, row);
        ck_assert_str_eq(of->patient, row ? "PAT2" : "PAT1");
        ck_assert_str_eq(of->centre, "scans");
        ck_assert_int_eq(of->units, HL_UNITS_HU);
        hl_volume v;
        ck_ok(hl, hl_volume_read(hl, of->image, &v));
        ck_assert_int_eq(v.width, COLUMNS);
        ck_assert_int_eq(v.height, ROWS);
        ck_assert_int_eq(v.slices, SLICES);
        for (int axis = 0; axis < 3; axis++) ck_assert_double_eq_tol(v.spacing[axis], spacing[axis], 1e-5);
        for (int z = 0; z < SLICES; z++) {
            float plane[COLUMNS * ROWS];
            hl_volume_slice(&v, z, plane);
            for (int i = 0; i < COLUMNS * ROWS; i++)
                ck_assert_msg(plane[i] == (float)(stored(i % COLUMNS, i / COLUMNS, z) - 1024), "slice %d, pixel %d: %g", z, i,
                              (double)plane[i]);
        }
        hl_volume_free(&v);
    }
    hl_manifest_free(m);
    ck_assert_int_eq(shell("test -z \"$(ls '%s' | grep -v 'nii.gz$')\"", in("set-volumes")), 0); /* nothing else of the patients is kept */
    RUN("dataset", in("scans"), "--out", in("set.csv"));
    expect_sentence(1, "holds files already");
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dicom");
    TCase *tcase = slow_case(suite, "dicom");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, series_comes_out_as_it_was);
    return run_suite(suite);
}
