/* The float exponential against the C library's in double. */
#include <math.h>
#include <string.h>

#include "../harness.h"
#include "kernels/blas/exp.h"

START_TEST(exp_is_right_to_a_unit_in_the_last_place) {
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 4001) {
        uint32_t pattern = (uint32_t)bits;
        float x;
        memcpy(&x, &pattern, sizeof x);
        if (isnan(x)) {
            ck_assert(isnan(hl_blas_exp(x)));
            continue;
        }
        double right = exp((double)x), mine = (double)hl_blas_exp(x), unit = right >= 0x1p-126 ? right * 0x1p-23 : 0x1p-149;
        if (right >= 0x1p128) ck_assert_msg(isinf(mine), "exp(%a) = %g", (double)x, mine);
        else ck_assert_msg(fabs(mine - right) <= 1.1 * unit, "exp(%a) = %a, not %a", (double)x, mine, right);
    }
}
END_TEST

START_TEST(exp_has_the_right_ends) {
    ck_assert(hl_blas_exp(0) == 1 && hl_blas_exp(-0.f) == 1);
    ck_assert(hl_blas_exp(-INFINITY) == 0 && isinf(hl_blas_exp(INFINITY)));
    ck_assert(hl_blas_exp(-103.5f) > 0 && hl_blas_exp(-105) == 0);
    ck_assert(!isinf(hl_blas_exp(88.7f)) && isinf(hl_blas_exp(88.8f)));
    ck_assert(isnan(hl_blas_exp(NAN)) && isnan(hl_blas_exp(-NAN)));
}
END_TEST

START_TEST(sigmoid_and_its_rest_add_up_to_1) {
    for (float x = -120; x <= 120; x += 0.37f) {
        float rest, p = hl_blas_sigmoid(x, &rest), turned_rest, turned = hl_blas_sigmoid(-x, &turned_rest);
        ck_assert_float_eq_tol(p + rest, 1, 1.2e-7f);
        ck_assert(p == turned_rest && rest == turned);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("exp");
    TCase *tcase = slow_case(suite, "exp");
    tcase_add_test(tcase, exp_is_right_to_a_unit_in_the_last_place);
    tcase_add_test(tcase, exp_has_the_right_ends);
    tcase_add_test(tcase, sigmoid_and_its_rest_add_up_to_1);
    return run_suite(suite);
}
