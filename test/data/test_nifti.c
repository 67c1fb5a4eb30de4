/* Volumes: files that nibabel wrote (nifti_fixtures.py) read, cut, written back; broken ones refused. */
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include "fixture.h"
#include "hilum/volume.h"

enum { WIDTH = 3, HEIGHT = 4, SLICES = 5, VOXELS = 60, HEADER = 348, OFFSET = 352 };

/* A fixture: its bytes and what its voxels v = 12 z + 3 y + x mean. */
typedef struct entry {
    char name[64], axes[4];
    size_t bytes;
    double factor, offset, affine[12];
    char data[1024];
} entry;

/* The next of the file; false at its end. */
static bool next_entry(gzFile from, entry *e) {
    char line[512];
    if (!gzgets(from, line, sizeof line)) return false;
    int used = 0;
    ck_assert_int_eq(sscanf(line, "%63s %zu %lf %lf %3s%n", e->name, &e->bytes, &e->factor, &e->offset, e->axes, &used), 5);
    char *at = line + used;
    for (int i = 0; i < 12; i++) e->affine[i] = strtod(at, &at);
    ck_assert_uint_le(e->bytes, sizeof e->data);
    ck_assert_int_eq(gzread(from, e->data, (unsigned)e->bytes), (int)e->bytes);
    return true;
}

/* Writes all fixtures into the scratch folder. */
static void unpack(fixture *f) {
    gzFile from = gzopen("test/data/fixtures/nifti.gz", "rb");
    ck_assert_ptr_nonnull(from);
    for (entry e; next_entry(from, &e);) put_bytes(fixture_path(f, e.name), e.data, e.bytes);
    gzclose(from);
}

static void check_slices(const hl_volume *volume, double factor, double offset, const char *name) {
    float plane[WIDTH * HEIGHT];
    ck_assert_msg(volume->width == WIDTH && volume->height == HEIGHT && volume->slices == SLICES, "%s: %dx%dx%d", name, volume->width,
                  volume->height, volume->slices);
    for (int z = 0; z < SLICES; z++) {
        hl_volume_slice(volume, z, plane);
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            float expected = (float)((z * WIDTH * HEIGHT + i) * factor + offset);
            ck_assert_msg(plane[i] == expected, "%s: slice %d, pixel %d is %.9g, expected %.9g", name, z, i, (double)plane[i],
                          (double)expected);
        }
    }
}

static void check_place(const hl_volume *volume, const entry *e) {
    ck_assert_str_eq(volume->axes, e->axes);
    for (int i = 0; i < 12; i++)
        ck_assert_msg(fabs(volume->affine[i / 4][i % 4] - e->affine[i]) < 1e-5, "%s: the affine's number %d is %g, expected %g", e->name, i,
                      volume->affine[i / 4][i % 4], e->affine[i]);
    const double spacing[] = {0.75, 0.625, 2.5};
    for (int axis = 0; axis < 3; axis++) ck_assert_double_eq_tol(volume->spacing[axis], spacing[axis], 1e-6);
}

/* All that is right with every fixture that is a volume. */
static void check_entry(fixture *f, const entry *e) {
    hl_volume volume, probed;
    ck_ok(f->hl, hl_volume_read(f->hl, fixture_path(f, e->name), &volume));
    check_slices(&volume, e->factor, e->offset, e->name);
    check_place(&volume, e);
    ck_ok(f->hl, hl_volume_probe(f->hl, fixture_path(f, e->name), &probed));
    ck_assert_ptr_null(probed.voxels);
    ck_assert(hl_volume_same_size(&volume, &probed));
    ck_assert_double_eq(hl_volume_distance(&volume, &probed), 0);
    hl_volume_free(&volume);
}

START_TEST(nibabels_files_mean_the_same_here) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    gzFile from = gzopen("test/data/fixtures/nifti.gz", "rb");
    int read = 0;
    for (entry e; next_entry(from, &e);) {
        if (!hl_volume_named(e.name) || !strcmp(e.name, "second.nii")) continue;
        check_entry(&f, &e);
        read++;
    }
    gzclose(from);
    ck_assert_int_eq(read, 48 + 20 + 2 + 3 + 2); /* orientations, types, scaled, geometries, packed and paired */
    fixture_close(&f);
}
END_TEST

/* Cut into slices, put back, written: but for the scaling, which nibabel writes as NaN, the bytes are nibabel's own. */
START_TEST(what_is_written_is_nibabels_file) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    gzFile from = gzopen("test/data/fixtures/nifti.gz", "rb");
    int compared = 0;
    for (entry e; next_entry(from, &e);) {
        if (strncmp(e.name, "orientation_", 12)) continue;
        hl_volume volume, copy;
        float plane[WIDTH * HEIGHT];
        ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, e.name), &volume));
        ck_ok(f.hl, hl_volume_like(f.hl, &volume, &copy));
        for (int z = 0; z < SLICES; z++) hl_volume_slice(&volume, z, plane), hl_volume_put_slice(&copy, z, plane);
        ck_ok(f.hl, hl_volume_write(f.hl, fixture_path(&f, "written.nii"), &copy, HL_VOXEL_UINT8));
        char *data;
        size_t bytes;
        ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, "written.nii"), &data, &bytes));
        ck_assert_uint_eq(bytes, e.bytes);
        memcpy(data + 112, e.data + 112, 8); /* scl_slope, scl_inter */
        ck_assert_msg(!memcmp(data, e.data, bytes), "%s: the bytes differ", e.name);
        free(data), hl_volume_free(&volume), hl_volume_free(&copy);
        compared++;
    }
    gzclose(from);
    ck_assert_int_eq(compared, 48);
    fixture_close(&f);
}
END_TEST

START_TEST(written_files_come_back) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    static const char *const sources[] = {"type_int16_big.nii", "qform_mirrored.nii", "pixdim.nii",
                                          "pair.hdr",           "packed.nii.gz",      "scaled_little.nii"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        hl_volume volume, again;
        ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, sources[i]), &volume));
        float *voxels = volume.voxels;
        for (int v = 0; v < VOXELS; v++) voxels[v] = (float)v / 7;
        for (int packed = 0; packed < 2; packed++) {
            const char *name = packed ? "again.nii.gz" : "again.nii";
            ck_ok(f.hl, hl_volume_write(f.hl, fixture_path(&f, name), &volume, HL_VOXEL_FLOAT32));
            ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, name), &again));
            ck_assert_int_eq(memcmp(again.voxels, voxels, VOXELS * sizeof *voxels), 0);
            ck_assert_str_eq(again.type, "float32");
            ck_assert(again.geometry == volume.geometry && !memcmp(again.affine, volume.affine, sizeof again.affine));
            hl_volume_free(&again);
        }
        hl_volume_free(&volume);
    }
    ck_assert_int_eq(hl_volume_write(f.hl, fixture_path(&f, "no.img"), &(hl_volume){0}, HL_VOXEL_UINT8), HL_USAGE);
    hl_volume volume;
    ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, "packed.nii.gz"), &volume));
    ck_assert_int_eq(hl_volume_write(f.hl, "/nowhere/at/all.nii", &volume, HL_VOXEL_UINT8), HL_FAILED);
    hl_volume_free(&volume);
    fixture_close(&f);
}
END_TEST

START_TEST(corners_tell_how_far_volumes_lie_apart) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    hl_volume a, b, c;
    ck_ok(f.hl, hl_volume_probe(f.hl, fixture_path(&f, "orientation_LPS.nii"), &a));
    ck_ok(f.hl, hl_volume_probe(f.hl, fixture_path(&f, "orientation_SAR.nii"), &b));
    ck_ok(f.hl, hl_volume_probe(f.hl, fixture_path(&f, "qform.nii"), &c));
    ck_assert_double_le(hl_volume_distance(&a, &b), 1e-5);
    ck_assert_double_gt(hl_volume_distance(&a, &c), 1);
    fixture_close(&f);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------------------------------- */

static void check_refused(fixture *f, const char *name, const char *words) {
    hl_volume volume;
    ck_assert_msg(hl_volume_read(f->hl, fixture_path(f, name), &volume) == HL_BAD_INPUT, "%s was read", name);
    ck_assert_ptr_null(volume.voxels);
    check_error(f->hl, HL_BAD_INPUT, words);
    check_error(f->hl, HL_BAD_INPUT, name); /* the sentence names the file */
}

/* The fixture `like` as broken.nii with some of its bytes changed. */
static void put_changed(fixture *f, const char *like, size_t at, const void *bytes, size_t count) {
    char *data;
    size_t length;
    ck_ok(f->hl, hl_file_read(f->hl, fixture_path(f, like), &data, &length));
    memcpy(data + at, bytes, count);
    put_bytes(fixture_path(f, "broken.nii"), data, length);
    free(data);
}

static void refuse_shorts(fixture *f, size_t at, const int16_t *values, size_t count, const char *words) {
    put_changed(f, "type_int16_little.nii", at, values, count * sizeof *values);
    check_refused(f, "broken.nii", words);
}

static void refuse_float(fixture *f, size_t at, float value, const char *words) {
    put_changed(f, "type_float32_little.nii", at, &value, sizeof value);
    check_refused(f, "broken.nii", words);
}

START_TEST(headers_that_lie_are_refused) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    refuse_shorts(&f, 40, (const int16_t[]){3, 2048, 2048, 512}, 4, "2147483648 voxels");
    refuse_shorts(&f, 40, (const int16_t[]){7, 32767, 32767, 32767, 32767, 32767, 32767, 32767}, 8, "volumes along axis 4");
    refuse_shorts(&f, 40, (const int16_t[]){3, 3, -4, 5}, 4, "size of -4 along axis 2");
    refuse_shorts(&f, 40, (const int16_t[]){3, 0, 4, 5}, 4, "size of 0 along axis 1");
    refuse_shorts(&f, 40, (const int16_t[]){-3, 3, 4, 5}, 4, "-3 dimensions");
    refuse_shorts(&f, 40, (const int16_t[]){4, 3, 4, 5, 2}, 5, "holds 2 volumes");
    refuse_shorts(&f, 40, (const int16_t[]){3, 512, 512, 300}, 4, "cannot hold them");
    refuse_shorts(&f, 70, (const int16_t[]){128}, 1, "type 128");
    refuse_shorts(&f, 70, (const int16_t[]){1536}, 1, "type 1536");
    refuse_float(&f, 108, 1e30f, "voxels start at byte 1e+30");
    refuse_float(&f, 108, NAN, "voxels start at byte");
    refuse_float(&f, 108, -8, "voxels start at byte -8");
    refuse_float(&f, 112, INFINITY, "scales voxels by inf");
    refuse_float(&f, 280, NAN, "sform gives no three directions");
    refuse_float(&f, 280, 0, "sform gives no three directions"); /* the first row of a diagonal one */
    put_changed(&f, "type_int16_little.nii", 344, "abcd", 4);
    check_refused(&f, "broken.nii", "the magic is 61 62 63 64");
    put_changed(&f, "type_int16_little.nii", 344, "ni1", 4);
    check_refused(&f, "broken.nii", "expected that of NIfTI-1, \"n+1\"");
    put_changed(&f, "type_int16_little.nii", 0, "PNG!", 4);
    check_refused(&f, "broken.nii", "this is no NIfTI file");
    check_refused(&f, "second.nii", "NIfTI-2");
    fixture_close(&f);
}
END_TEST

START_TEST(broken_files_are_refused) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    refuse_float(&f, OFFSET + 4 * (12 + 3 + 2), NAN, "the voxel at i 2, j 1, k 1 is not a number");
    refuse_float(&f, OFFSET, -INFINITY, "the voxel at i 0, j 0, k 0 is infinite");
    cut_file(&f, "type_int16_little.nii", 1);
    check_refused(&f, "type_int16_little.nii", "cannot hold them");
    put_text(&f, "short.nii", "short");
    check_refused(&f, "short.nii", "ends after 5 of the 348 bytes of its header");
    put_text(&f, "empty.nii.gz", "");
    check_refused(&f, "empty.nii.gz", "ends after 0 of the 348 bytes");
    check_refused(&f, "missing.nii", "No such file");
    ck_ok(f.hl, hl_folder_make(f.hl, fixture_path(&f, "folder.nii")));
    check_refused(&f, "folder.nii", "this is no file");
    check_refused(&f, "other.png", "ends in .nii, .nii.gz or .hdr");
    cut_file(&f, "pair.img", 10);
    hl_volume volume;
    ck_assert_int_eq(hl_volume_read(f.hl, fixture_path(&f, "pair.hdr"), &volume), HL_BAD_INPUT);
    check_error(f.hl, HL_BAD_INPUT, "pair.img: the header promises");
    fixture_close(&f);
}
END_TEST

static void check_packed(fixture *f, size_t left_out, const char *words) {
    cut_file(f, "packed.nii.gz", left_out);
    check_refused(f, "packed.nii.gz", words);
}

START_TEST(broken_compression_is_refused) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    check_packed(&f, 3, "end before their checksum");
    check_packed(&f, 30, "of its voxels");
    check_packed(&f, 120, "of its header");
    unpack(&f);
    char *data;
    size_t bytes;
    ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, "packed.nii.gz"), &data, &bytes));
    data[bytes - 6] ^= 1; /* of the checksum */
    put_bytes(fixture_path(&f, "packed.nii.gz"), data, bytes);
    check_refused(&f, "packed.nii.gz", "incorrect data check: the compressed data are broken");
    data[bytes - 40] ^= 0x55;
    put_bytes(fixture_path(&f, "packed.nii.gz"), data, bytes);
    check_refused(&f, "packed.nii.gz", "compressed data are broken");
    free(data);
    fixture_close(&f);
}
END_TEST

/* The header of a fixture with other sizes, followed by `zeros` zeros, packed. */
static void put_bomb(fixture *f, const int16_t dim[4], size_t zeros) {
    char *data;
    ck_ok(f->hl, hl_file_read(f->hl, fixture_path(f, "type_int16_little.nii"), &data, NULL));
    memcpy(data + 40, dim, 8);
    gzFile to = gzopen(fixture_path(f, "bomb.nii.gz"), "wb1");
    ck_assert_int_eq(gzwrite(to, data, OFFSET), OFFSET);
    static const char nothing[1 << 20];
    for (; zeros; zeros -= sizeof nothing) ck_assert_int_eq(gzwrite(to, nothing, sizeof nothing), (int)sizeof nothing);
    ck_assert_int_eq(gzclose(to), Z_OK);
    free(data);
}

static int64_t peak_kib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* 256 MiB out of 1 MiB: only what the header asks for is unpacked; a header that asks for more than is there costs no memory. */
START_TEST(memory_is_bounded) {
    fixture f;
    fixture_open(&f, 1);
    unpack(&f);
    put_bomb(&f, (const int16_t[]){3, 3, 4, 5}, (size_t)1 << 28);
    int64_t before = peak_kib();
    hl_volume volume;
    ck_ok(f.hl, hl_volume_read(f.hl, fixture_path(&f, "bomb.nii.gz"), &volume));
    hl_volume_free(&volume);
    put_bomb(&f, (const int16_t[]){3, 2048, 2048, 512}, (size_t)1 << 24);
    check_refused(&f, "bomb.nii.gz", "2147483648 voxels");
    put_bomb(&f, (const int16_t[]){3, 1024, 1024, 511}, (size_t)1 << 20);
    check_refused(&f, "bomb.nii.gz", "cannot hold them");
    ck_assert_int_lt(peak_kib() - before, 32 * 1024);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("nifti");
    TCase *tcase = slow_case(suite, "nifti");
    tcase_add_test(tcase, nibabels_files_mean_the_same_here);
    tcase_add_test(tcase, what_is_written_is_nibabels_file);
    tcase_add_test(tcase, written_files_come_back);
    tcase_add_test(tcase, corners_tell_how_far_volumes_lie_apart);
    tcase_add_test(tcase, headers_that_lie_are_refused);
    tcase_add_test(tcase, broken_files_are_refused);
    tcase_add_test(tcase, broken_compression_is_refused);
    tcase_add_test(tcase, memory_is_bounded);
    return run_suite(suite);
}
