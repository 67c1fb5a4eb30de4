/* A cohort and its cache: what is decoded when, what is kept, what is refused. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define HEADER "centre,patient,case,slice,image,mask,lung,mask2\n"

/* Three slices of 8 x 6 (width x height): with everything, with a mask alone, with an image alone. */
static void put_cohort(fixture *f) {
    put_text(f, "manifest.csv", HEADER "a,p,c,1,i1.png,m1.png,l1.png,r1.png\na,p,c,2,i2.png,m2.png,,\na,q,d,1,i3.png,,,\n");
    put_png(f, "i1.png", 8, 6, 51, 0, 0);
    put_png(f, "m1.png", 8, 6, 0, 11, 255);
    put_png(f, "l1.png", 8, 6, 2, 24, 1);
    put_png(f, "r1.png", 8, 6, 0, 3, 7);
    put_png(f, "i2.png", 8, 6, 102, 0, 0);
    put_png(f, "m2.png", 8, 6, 0, 0, 0);
    put_png(f, "i3.png", 8, 6, 255, 0, 0);
}

static hl_cohort *try_cohort(fixture *f, const hl_manifest *manifest, const char *cache) {
    return hl_cohort_open(f->hl, manifest, &(hl_cohort_options){.height = 4, .width = 4, .cache_folder = cache});
}

static hl_cohort *open_cohort(fixture *f, const hl_manifest *manifest, const char *cache) {
    hl_cohort *cohort = try_cohort(f, manifest, cache);
    ck_assert_msg(cohort != NULL, "%s", hl_error(f->hl));
    return cohort;
}

static void check_bytes(const uint8_t *found, const char *expected) {
    char text[17] = "";
    for (int i = 0; i < 16; i++) text[i] = found[i] == 255 ? 'u' : (char)('0' + found[i]);
    ck_assert_str_eq(text, expected);
}

/* 8 x 6 fits 4 x 4 as 4 x 3 in rows 0 to 2; labels come from columns 1, 3, 5, 7 and rows 1, 3, 5. */
static void check_epoch(hl_cohort *cohort) {
    float image[16];
    uint8_t mask[16], mask2[16], lung[16];
    ck_assert_int_eq(hl_cohort_slice(cohort, 0, image, mask, mask2, lung), HL_OK);
    for (int i = 0; i < 16; i++) ck_assert_float_eq(image[i], i < 12 ? 0.2f : 0);
    check_bytes(mask, "1000000000000000");
    check_bytes(mask2, "0000000000000000");
    check_bytes(lung, "1111222222220000");
    ck_assert_int_eq(hl_cohort_slice(cohort, 1, image, mask, mask2, lung), HL_OK);
    for (int i = 0; i < 16; i++) ck_assert_float_eq(image[i], i < 12 ? 0.4f : 0);
    check_bytes(mask, "0000000000000000");
    check_bytes(lung, "0000000000000000");
    memset(mask, 9, sizeof mask);
    ck_assert_int_eq(hl_cohort_slice(cohort, 2, image, mask, NULL, NULL), HL_OK);
    for (int i = 0; i < 16; i++) ck_assert_float_eq(image[i], i < 12 ? 1 : 0);
    check_bytes(mask, "0000000000000000");
}

static void check_infos(const hl_cohort *cohort) {
    const int64_t lesion_pixels[] = {11, 0, -1};
    for (int row = 0; row < 3; row++) {
        const hl_slice_info *info = hl_cohort_info(cohort, row);
        ck_assert_int_eq(info->width, 8);
        ck_assert_int_eq(info->height, 6);
        ck_assert_int_eq(info->lesion_pixels, lesion_pixels[row]);
        ck_assert(info->labelled == (row < 2));
    }
}

/* The number of cache files, and the name of one of them. */
static int count_caches(const char *folder, char *name, size_t room) {
    DIR *listing = opendir(folder);
    if (!listing) return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (entry->d_name[0] == '.') continue;
        ck_assert_msg(strstr(entry->d_name, ".cache") != NULL, "%s was left behind", entry->d_name);
        count++;
        snprintf(name, room, "%s/%s", folder, entry->d_name);
    }
    closedir(listing);
    return count;
}

START_TEST(decodes_each_file_once) {
    fixture f;
    fixture_open(&f, 2);
    put_cohort(&f);
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, NULL);
    ck_assert_ptr_eq(hl_cohort_manifest(cohort), manifest);
    ck_assert_int_eq(hl_cohort_height(cohort), 4);
    ck_assert_int_eq(hl_cohort_width(cohort), 4);
    check_infos(cohort);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 4); /* the masks */
    check_epoch(cohort);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 7); /* and the images */
    check_epoch(cohort);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 7);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

START_TEST(second_run_decodes_nothing) {
    fixture f;
    fixture_open(&f, 2);
    put_cohort(&f);
    char cache[128], name[400];
    snprintf(cache, sizeof cache, "%s/deep/cache", f.folder);
    hl_manifest *manifest = read_manifest(&f);
    for (int run = 0; run < 2; run++) {
        hl_cohort *cohort = open_cohort(&f, manifest, cache);
        check_infos(cohort);
        check_epoch(cohort);
        ck_assert_int_eq(hl_cohort_decoded(cohort), run == 0 ? 7 : 0);
        hl_cohort_free(cohort);
    }
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 1);
    /* Two at once share it, and the order of names, not of lines, counts. */
    put_text(&f, "manifest.csv", HEADER "a,q,d,1,i3.png,,,\na,p,c,2,i2.png,m2.png,,\na,p,c,1,i1.png,m1.png,l1.png,r1.png\n");
    hl_manifest *other = read_manifest(&f);
    hl_cohort *one = open_cohort(&f, manifest, cache), *two = open_cohort(&f, other, cache);
    check_epoch(one);
    check_epoch(two);
    ck_assert_int_eq(hl_cohort_decoded(one) + hl_cohort_decoded(two), 0);
    hl_cohort_free(one);
    hl_cohort_free(two);
    hl_manifest_free(manifest);
    hl_manifest_free(other);
    fixture_close(&f);
}
END_TEST

START_TEST(other_content_or_size_is_another_cache) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    char cache[128], name[400];
    snprintf(cache, sizeof cache, "%s/cache", f.folder);
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort_free(open_cohort(&f, manifest, cache));
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 1);
    put_png(&f, "m1.png", 8, 6, 0, 12, 255); /* one pixel more */
    hl_cohort *cohort = open_cohort(&f, manifest, cache);
    ck_assert_int_eq(hl_cohort_info(cohort, 0)->lesion_pixels, 12);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 4);
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 2);
    hl_cohort_free(cohort);
    cohort = hl_cohort_open(f.hl, manifest, &(hl_cohort_options){.height = 4, .width = 5, .cache_folder = cache});
    ck_assert_ptr_nonnull(cohort);
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 3);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

/* Opens a cohort whose one cache file holds, or misses, something, and checks that it makes good. */
static void check_mended(fixture *f, const hl_manifest *manifest, const char *cache, int least_decoded) {
    for (int run = 0; run < 2; run++) {
        hl_cohort *cohort = open_cohort(f, manifest, cache);
        check_infos(cohort);
        check_epoch(cohort);
        if (run == 0) ck_assert_int_ge(hl_cohort_decoded(cohort), least_decoded);
        else ck_assert_int_eq(hl_cohort_decoded(cohort), 0);
        hl_cohort_free(cohort);
    }
}

START_TEST(damaged_cache_is_mended) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    char cache[128], name[400];
    snprintf(cache, sizeof cache, "%s/cache", f.folder);
    hl_manifest *manifest = read_manifest(&f);
    check_mended(&f, manifest, cache, 7);
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 1);
    struct stat status;
    ck_assert_int_eq(stat(name, &status), 0);
    ck_assert_int_eq(truncate(name, status.st_size - 1), 0); /* of another length */
    check_mended(&f, manifest, cache, 7);
    char *data;
    size_t bytes;
    ck_ok(f.hl, hl_file_read(f.hl, name, &data, &bytes));
    ck_assert_int_eq((int64_t)bytes, status.st_size);
    data[0] ^= 1; /* of another kind */
    put_bytes(name, data, bytes);
    check_mended(&f, manifest, cache, 7);
    data[0] ^= 1;
    for (size_t i = 64; i < bytes; i++) { /* any byte wrong: nothing wrong comes out */
        data[i] ^= 0x10;
        put_bytes(name, data, bytes);
        check_mended(&f, manifest, cache, 0);
        data[i] ^= 0x10;
    }
    memset(data + 64, 0, bytes - 64); /* never written to */
    put_bytes(name, data, bytes);
    check_mended(&f, manifest, cache, 7);
    free(data);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

START_TEST(no_room_or_no_folder_falls_back_to_memory) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    char cache[128], name[400];
    hl_manifest *manifest = read_manifest(&f);
    snprintf(cache, sizeof cache, "%s/i1.png/cache", f.folder); /* below a file */
    hl_cohort *cohort = open_cohort(&f, manifest, cache);
    check_epoch(cohort);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 7);
    hl_cohort_free(cohort);
    snprintf(cache, sizeof cache, "%s/cache", f.folder);
    struct rlimit before, none = {.rlim_cur = 100};
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0); /* files of 100 bytes at most */
    cohort = open_cohort(&f, manifest, cache);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_infos(cohort);
    check_epoch(cohort);
    ck_assert_int_eq(hl_cohort_decoded(cohort), 7);
    ck_assert_int_eq(count_caches(cache, name, sizeof name), 0);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

static void check_refused(fixture *f, const char *words) {
    char expected[512];
    snprintf(expected, sizeof expected, "%s/%s", f->folder, words);
    hl_manifest *manifest = read_manifest(f);
    ck_assert_ptr_null(try_cohort(f, manifest, NULL));
    check_error(f->hl, HL_BAD_INPUT, expected);
    hl_manifest_free(manifest);
    put_cohort(f); /* whole again */
}

START_TEST(faults_name_line_and_file) {
    fixture f;
    fixture_open(&f, 2);
    put_cohort(&f);
    char words[256];
    put_png(&f, "m2.png", 6, 8, 0, 0, 0);
    snprintf(words, sizeof words, "manifest.csv:3: mask %s/m2.png is 6x8, its image is 8x6", f.folder);
    check_refused(&f, words);
    put_png(&f, "l1.png", 8, 7, 0, 0, 0);
    snprintf(words, sizeof words, "manifest.csv:2: lung mask %s/l1.png is 8x7, its image is 8x6", f.folder);
    check_refused(&f, words);
    put_png(&f, "r1.png", 7, 6, 0, 0, 0);
    snprintf(words, sizeof words, "manifest.csv:2: second mask %s/r1.png is 7x6, its image is 8x6", f.folder);
    check_refused(&f, words);
    put_png(&f, "l1.png", 8, 6, 3, 0, 0);
    snprintf(words, sizeof words, "manifest.csv:2: lung mask %s/l1.png holds the value 3, expected 0, 1, 2 or 255", f.folder);
    check_refused(&f, words);
    ck_assert_int_eq(unlink(fixture_path(&f, "i3.png")), 0);
    snprintf(words, sizeof words, "manifest.csv:4: %s/i3.png: cannot be read", f.folder);
    check_refused(&f, words);
    put_text(&f, "i3.png", "GIF89a");
    snprintf(words, sizeof words, "manifest.csv:4: %s/i3.png: this is no PNG file", f.folder);
    check_refused(&f, words);
    ck_assert_ptr_null(hl_cohort_open(f.hl, NULL, &(hl_cohort_options){.height = 0, .width = 4}));
    check_error(f.hl, HL_USAGE, "the size 0x4");
    fixture_close(&f);
}
END_TEST

/* Wherever an image or a mask ends too early, opening says so. */
START_TEST(truncated_files_are_refused_on_opening) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    const char *names[] = {"i3.png", "m1.png"};
    for (int i = 0; i < 2; i++) {
        char *data, words[256];
        size_t bytes;
        ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, names[i]), &data, &bytes));
        free(data);
        snprintf(words, sizeof words, "manifest.csv:%d: %s/%s", i == 0 ? 4 : 2, f.folder, names[i]);
        for (size_t cut = 1; cut <= bytes; cut++) {
            cut_file(&f, names[i], cut);
            check_refused(&f, words);
        }
    }
    fixture_close(&f);
}
END_TEST

START_TEST(broken_image_is_refused_on_opening) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    char *data, words[256];
    size_t bytes;
    ck_ok(f.hl, hl_file_read(f.hl, fixture_path(&f, "i3.png"), &data, &bytes));
    data[bytes - 18] ^= 1; /* within the pixels' chunk, before its checksum and the 12 bytes of the end */
    put_bytes(fixture_path(&f, "i3.png"), data, bytes);
    free(data);
    snprintf(words, sizeof words, "manifest.csv:4: %s/i3.png: the PNG chunk at byte 33 is broken", f.folder);
    check_refused(&f, words);
    fixture_close(&f);
}
END_TEST

START_TEST(first_row_is_told_on_any_number_of_threads) {
    for (int threads = 1; threads <= 4; threads++) {
        fixture f;
        fixture_open(&f, threads);
        char text[4096] = HEADER;
        for (int i = 0; i < 40; i++) {
            char name[32];
            snprintf(text + strlen(text), sizeof text - strlen(text), "a,p,c,%d,i%d.png,m%d.png,,\n", i, i, i);
            snprintf(name, sizeof name, "i%d.png", i);
            put_png(&f, name, 8, 6, i, 0, 0);
            snprintf(name, sizeof name, "m%d.png", i);
            put_png(&f, name, i < 7 ? 8 : i, 6, 0, 0, 0);
        }
        put_text(&f, "manifest.csv", text);
        hl_manifest *manifest = read_manifest(&f);
        ck_assert_ptr_null(try_cohort(&f, manifest, NULL));
        check_error(f.hl, HL_BAD_INPUT, "manifest.csv:9: mask ");
        check_error(f.hl, HL_BAD_INPUT, "m7.png is 7x6, its image is 8x6");
        hl_manifest_free(manifest);
        fixture_close(&f);
    }
}
END_TEST

START_TEST(file_changed_after_opening_is_refused) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, NULL);
    float image[16];
    put_png(&f, "i2.png", 8, 6, 103, 0, 0);
    ck_assert_int_eq(hl_cohort_slice(cohort, 1, image, NULL, NULL, NULL), HL_BAD_INPUT);
    check_error(f.hl, HL_BAD_INPUT, "manifest.csv:3: ");
    check_error(f.hl, HL_BAD_INPUT, "i2.png: the file has changed");
    put_png(&f, "i2.png", 8, 6, 102, 0, 0);
    check_epoch(cohort);
    ck_assert_int_eq(hl_cohort_slice(cohort, 3, image, NULL, NULL, NULL), HL_USAGE);
    ck_assert_int_eq(hl_cohort_slice(cohort, -1, image, NULL, NULL, NULL), HL_USAGE);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

START_TEST(native_mask_keeps_its_own_grid) {
    fixture f;
    fixture_open(&f, 1);
    put_cohort(&f);
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = open_cohort(&f, manifest, NULL);
    uint8_t *mask;
    ck_ok(f.hl, hl_cohort_native_mask(cohort, 0, &mask));
    for (int i = 0; i < 48; i++) ck_assert_int_eq(mask[i], i < 11);
    free(mask);
    ck_assert_int_eq(hl_cohort_native_mask(cohort, 2, &mask), HL_USAGE);
    ck_assert_ptr_null(mask);
    check_error(f.hl, HL_USAGE, "manifest.csv:4: the slice has no mask");
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

START_TEST(values_are_shares_of_the_type) {
    fixture f;
    fixture_open(&f, 1);
    const uint16_t wide[] = {0, 13107, 65535, 26214}, undivided[] = {0, 255, 65535, 1};
    const unsigned char colour[] = {0, 0, 0, 0, 0, 3, 255, 255, 255, 9, 0, 0};
    ck_ok(f.hl, hl_png_write(f.hl, fixture_path(&f, "i.png"), 2, 2, 1, 16, wide));
    ck_ok(f.hl, hl_png_write(f.hl, fixture_path(&f, "l.png"), 2, 2, 1, 16, undivided));
    ck_ok(f.hl, hl_png_write(f.hl, fixture_path(&f, "m.png"), 2, 2, 3, 8, colour));
    put_text(&f, "manifest.csv", HEADER "a,p,c,1,i.png,m.png,l.png,\n");
    hl_manifest *manifest = read_manifest(&f);
    hl_cohort *cohort = hl_cohort_open(f.hl, manifest, &(hl_cohort_options){.height = 2, .width = 2});
    ck_assert_msg(cohort != NULL, "%s", hl_error(f.hl));
    float image[4];
    uint8_t mask[4], mask2[4] = {9, 9, 9, 9}, lung[4];
    ck_ok(f.hl, hl_cohort_slice(cohort, 0, image, mask, mask2, lung));
    for (int i = 0; i < 4; i++) ck_assert_float_eq(image[i], (float)(wide[i] / 65535.0));
    ck_assert_mem_eq(mask, ((uint8_t[]){0, 1, 1, 1}), 4);
    ck_assert_mem_eq(lung, ((uint8_t[]){0, 255, 255, 1}), 4);
    ck_assert_mem_eq(mask2, ((uint8_t[]){0, 0, 0, 0}), 4);
    ck_assert_int_eq(hl_cohort_info(cohort, 0)->lesion_pixels, 3);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cohort");
    TCase *tcase = slow_case(suite, "cohort");
    tcase_add_test(tcase, decodes_each_file_once);
    tcase_add_test(tcase, second_run_decodes_nothing);
    tcase_add_test(tcase, other_content_or_size_is_another_cache);
    tcase_add_test(tcase, damaged_cache_is_mended);
    tcase_add_test(tcase, no_room_or_no_folder_falls_back_to_memory);
    tcase_add_test(tcase, faults_name_line_and_file);
    tcase_add_test(tcase, truncated_files_are_refused_on_opening);
    tcase_add_test(tcase, broken_image_is_refused_on_opening);
    tcase_add_test(tcase, first_row_is_told_on_any_number_of_threads);
    tcase_add_test(tcase, file_changed_after_opening_is_refused);
    tcase_add_test(tcase, native_mask_keeps_its_own_grid);
    tcase_add_test(tcase, values_are_shares_of_the_type);
    return run_suite(suite);
}
