/* The run in weights/: it finds most of a phantom's lesions, from a fresh checkout. */
#include <cJSON.h>

#include "program.h"

START_TEST(test_shipped_run_finds_lesions) {
    ck_assert_int_eq(RUN("phantom", "--out", in("strangers"), "--patients", "4", "--centres", "1", "--healthy", "0", "--first", "41"), 0);
    ck_assert_int_eq(RUN("evaluate", "weights/phantom-unet-vgg16", in("strangers/manifest.csv"), "--json"), 0);
    cJSON *figures = cJSON_Parse(said.out);
    const cJSON *dice = cJSON_GetObjectItem(figures, "dsc_lesion_mean");
    ck_assert_msg(cJSON_IsNumber(dice) && dice->valuedouble > 0.6, "Dice %g", cJSON_IsNumber(dice) ? dice->valuedouble : -1);
    cJSON_Delete(figures);
    ck_assert_int_eq(RUN("predict", "weights/phantom-unet-vgg16", "--manifest", in("strangers/manifest.csv"), "--out", in("masks")), 0);
    ck_assert_int_eq(shell("test $(ls '%s'/*.png | wc -l) -ge 24", in("masks")), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shipped");
    TCase *tcase = slow_case(suite, "weights");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_shipped_run_finds_lesions);
    return run_suite(suite);
}
