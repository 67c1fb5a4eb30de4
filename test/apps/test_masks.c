/* `hilum evaluate --pred DIR --truth DIR`: the tables, the JSON, what is refused. */
#include "program.h"

/* Lesion masks and the second reader's of one phantom patient and of a healthy one, in two folders. */
static void make_folders(void) {
    make_phantom();
    ck_assert_int_eq(shell("mkdir '%s' '%s'", in("pred"), in("truth")), 0);
    for (int p = 1; p <= 4; p += 3) {
        for (int z = 0; z < 3; z++) {
            const char *slice = in("cohort/centre1/p%03d/p%03d_a", p, p);
            ck_assert_int_eq(shell("cp '%s/mask2_%02d.png' '%s/p%d_%d.png'", slice, z, in("pred"), p, z), 0);
            ck_assert_int_eq(shell("cp '%s/mask_%02d.png' '%s/p%d_%d.png'", slice, z, in("truth"), p, z), 0);
        }
    }
}

static void expect_words(const char *const *words) {
    for (; *words; words++) ck_assert_msg(strstr(said.out, *words) != NULL, "\"%s\" is missing in:\n%.3000s", *words, said.out);
}

START_TEST(tables_of_masks) {
    make_folders();
    ck_assert_int_eq(RUN("evaluate", "--pred", in("pred"), "--truth", in("truth"), "--spacing", "2,2,5", "--tolerance", "2.5"), 0);
    expect_words(MORE("Dice, all cases", "surface Dice at 2.5 mm", "HD95 in mm", "lesions found", "1 to below 10 mL",
                      "false alarms per scan", "nnU-Net 1, MedPy", "segmentation_models, per_image", "both empty, left out"));
    ck_assert_int_eq(RUN("evaluate", "--pred", in("pred"), "--truth", in("truth")), 0);
    expect_words(MORE("no spacing or slices missing                 2", "10 to below 100 voxels"));
    ck_assert_int_eq(RUN("evaluate", "--pred", in("pred"), "--truth", in("truth"), "--spacing", "2,2,5", "--json"), 0);
    expect_one_json_line();
    expect_words(MORE("\"dsc_case_mean\":", "\"auc\":", "\"cases\":[{",
                      "\"hd95_mm_mean\":", "\"false_positives_per_scan\":", "\"size_unit\":\"mL\"", "\"library\":\"MONAI\""));
    char first[sizeof said.out];
    strcpy(first, said.out);
    ck_assert_int_eq(RUN("evaluate", "--pred", in("pred"), "--truth", in("truth"), "--spacing", "2,2,5", "--json", "--threads", "3"), 0);
    ck_assert_str_eq(first, said.out);
    RUN("evaluate", "--pred", in("truth"), "--truth", in("truth"), "--spacing=1,1,1", "--classes=2");
    expect_sentence(3, "holds the value 255");
    ck_assert_int_eq(shell("mkdir '%s'; for f in '%s'/*; do cp '%s' '%s'/; done", in("lungs"), in("truth"),
                           in("cohort/centre1/p001/p001_a/lung_01.png"), in("lungs")),
                     0);
    ck_assert_int_eq(RUN("evaluate", "--pred", in("lungs"), "--truth", in("lungs"), "--spacing=1,1,1", "--classes=3"), 0);
    expect_words(MORE("class 1\n", "class 2\n", "surface Dice at 1 mm                      1.0000"));
}
END_TEST

START_TEST(words_that_make_no_sense) {
    static const struct {
        const char *words[8], *part;
    } cases[] = {
        {{"evaluate", "--pred", "d", "--truth", "d", "--spacing", "1,2"}, "--spacing"},
        {{"evaluate", "--pred", "d", "--truth", "d", "--spacing", "1,2,3x"}, "--spacing"},
        {{"evaluate", "--pred", "d", "--truth", "d", "--spacing", "1,2,0"}, "--spacing"},
        {{"evaluate", "--pred", "d", "--truth", "d", "--spacing", "1,2,inf"}, "--spacing"},
        {{"evaluate", "--pred", "d", "--truth", "d", "--tolerance", "0"}, "--tolerance"},
        {{"evaluate", "run", "m.csv", "--spacing", "1,1,1"}, "--spacing goes with --pred"},
        {{"evaluate", "run", "m.csv", "--tolerance", "1"}, "--tolerance goes with --pred"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].words);
        expect_sentence(2, cases[i].part);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("masks");
    TCase *tcase = slow_case(suite, "masks");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tables_of_masks);
    tcase_add_test(tcase, words_that_make_no_sense);
    return run_suite(suite);
}
