/* Augmentation in the program: the list of kinds, the sheet, the loader's figures, what a run records. */
#include "program.h"

START_TEST(kinds_are_listed) {
    ck_assert_int_eq(RUN("augment"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "\nflip "));
    ck_assert_ptr_nonnull(strstr(said.out, "\nelastic "));
    ck_assert_int_eq(RUN("augment", "--json"), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "{\"name\":\"rotate\","));
}
END_TEST

/* Rows of six cells of at least 512 pixels, and the same bytes when it is drawn again. */
START_TEST(a_sheet_is_drawn) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *few = "flip,rotate,noise";
    ck_assert_int_eq(RUN("augment", manifest, "--preview", in("a.png"), "--size", "64", "--augment", few, "--json"), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "\"augment\":\"flip,rotate=15:0.3,noise=0.05:0.2\""));
    ck_assert_int_eq(RUN("augment", manifest, "--preview", in("b.png"), "--size", "64", "--augment", few), 0);
    ck_assert_int_eq(RUN("augment", manifest, "--preview", in("c.png"), "--size", "64", "--augment", few, "--seed", "1"), 0);
    ck_assert_int_eq(RUN("augment", manifest, "--preview", in("d.png"), "--size", "64", "--augment", few, "--target", "lung"), 0);
    ck_assert_int_eq(shell("cmp -s '%s' '%s'", in("a.png"), in("b.png")), 0);
    ck_assert_int_ne(shell("cmp -s '%s' '%s'", in("a.png"), in("c.png")), 0);
    ck_assert_int_ne(shell("cmp -s '%s' '%s'", in("a.png"), in("d.png")), 0);
    hl_context *hl = hl_open(NULL);
    hl_picture sheet = {0};
    ck_ok(hl, hl_png_read(hl, in("a.png"), &sheet));
    ck_assert_int_gt(sheet.width, 6 * 512);
    ck_assert_int_gt(sheet.height, 3 * 512); /* original, flip, two kinds twice, both together twice; the rest of a row; one of samples */
    ck_assert_int_lt(sheet.height, 4 * 512);
    free(sheet.pixels);
    hl_close(hl);
}
END_TEST

START_TEST(a_sheet_needs_a_mask) {
    make_phantom();
    write_file(in("cohort/bare.csv"), "centre,patient,case,slice,image,mask\nc,p,c,1,centre1/p002/p002_a/image_01.png,\n");
    RUN("augment", in("cohort/bare.csv"), "--preview", in("a.png"), "--size", "64");
    expect_sentence(3, "no slice has a mask");
    RUN("bench", "--loader", in("cohort/bare.csv"), "--size", "64");
    expect_sentence(3, "no slice has a mask");
    RUN("augment", in("cohort/none.csv"), "--preview", in("a.png"));
    expect_sentence(3, "none.csv");
    ck_assert_int_ne(access(in("a.png"), F_OK), 0);
}
END_TEST

START_TEST(the_loader_is_timed) {
    make_phantom();
    ck_assert_int_eq(RUN("bench", "--loader", in("cohort/manifest.csv"), "--size", "32", "--loader-threads", "2", "--json"), 0);
    expect_one_json_line();
    static const char *const keys[] = {"\"images_per_second_first\":", "\"images_per_second_plain\":", "\"images_per_second_augmented\":",
                                       "\"us_per_image\":{\"flip\":", "\"augment\":\"flip,rotate=15:0.3,"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) ck_assert_msg(strstr(said.out, keys[i]) != NULL, "%s: %s", keys[i], said.out);
    ck_assert_int_eq(RUN("bench", "--loader", in("cohort/manifest.csv"), "--size", "32"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "cutout"));
}
END_TEST

/* The run's own words are kept with all their numbers, and decide its weights. */
START_TEST(a_run_records_it) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv");
    ck_assert_int_eq(run_tiny("train", manifest, in("some"), MORE("--epochs", "1", "--augment", "gamma=0.5:1,flip")), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "training waited "));
    ck_assert_int_eq(shell("grep -q '\"augment\":.*\"flip,gamma=0.5:1\"' '%s'", in("some/config.json")), 0);
    ck_assert_int_eq(shell("grep -q '\"waited_seconds\":' '%s'", in("some/timing.json")), 0);
    ck_assert_int_eq(run_tiny("train", manifest, in("plain"), MORE("--epochs", "1")), 0);
    ck_assert_int_eq(shell("grep -q '\"augment\":.*\"flip\"' '%s'", in("plain/config.json")), 0);
    ck_assert_int_ne(shell("cmp -s '%s' '%s'", in("some/fold-0/last.safetensors"), in("plain/fold-0/last.safetensors")), 0);
    ck_assert_int_eq(shell("sed -i 's/gamma=0.5:1/gamma=9/' '%s'", in("some/config.json")), 0);
    RUN("train", "--resume", in("some"));
    expect_sentence(3, "\"augment\" is \"flip,gamma=9\"");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("augment");
    TCase *tcase = slow_case(suite, "augment");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, kinds_are_listed);
    tcase_add_test(tcase, a_sheet_is_drawn);
    tcase_add_test(tcase, a_sheet_needs_a_mask);
    tcase_add_test(tcase, the_loader_is_timed);
    tcase_add_test(tcase, a_run_records_it);
    return run_suite(suite);
}
