/* The goldens with all the kernels that test_golden.c leaves out. */
#include "nets/golden.h"

START_TEST(agrees) {
    const golden *g;
    int way;
    ck_assert(golden_pair(false, _i, &g, &way));
    check_golden(g, way);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("goldens, the rest");
    tcase_add_loop_test(slow_case(suite, "golden"), agrees, 0, golden_pairs(false));
    return run_suite(suite);
}
