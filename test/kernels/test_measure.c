/* Measuring kernels: every one that fits is timed in all its passes; what makes no sense is refused. */
#include <string.h>

#include "harness.h"
#include "hilum/bench.h"

START_TEST(machine_and_convolutions) {
    static const char *const isas[] = {"ref", NULL};
    for (int i = 0; i < 2; i++) {
        hl_context *hl = hl_open(&(hl_options){.threads = 2, .isa = isas[i]});
        hl_machine machine;
        ck_ok(hl, hl_measure_machine(hl, &machine));
        ck_assert(machine.flops > 0 && machine.bytes > 0);
        hl_kernel_rate rates[8];
        int count, chosen[3] = {0};
        ck_ok(hl, hl_measure_conv(hl, &(hl_conv_shape){.batch = 2, .in = 3, .out = 5, .size = 7, .kernel = 3, .stride = 1}, rates, 8, &count));
        ck_assert_int_ge(count, 1);
        for (int k = 0; k < count; k++)
            for (int pass = 0; pass < 3; pass++) {
                ck_assert(rates[k].seconds[pass] > 0);
                chosen[pass] += rates[k].chosen[pass];
            }
        for (int pass = 0; pass < 3; pass++) ck_assert_int_eq(chosen[pass], 1);
        ck_assert_double_eq(rates[0].flops, 2.0 * 2 * 7 * 7 * 9 * 3 * 5);
        ck_assert_double_eq(rates[0].bytes, 4.0 * (2 * 49 * (3 + 5) + 9 * 3 * 5));
        ck_ok(hl, hl_measure_conv(hl, &(hl_conv_shape){.batch = 1, .in = 6, .out = 6, .size = 8, .kernel = 5, .stride = 2, .depthwise = true}, rates, 1, &count));
        ck_assert_int_eq(count, 1);
        ck_assert_double_eq(rates[0].flops, 2.0 * 4 * 4 * 25 * 6);
        ck_ok(hl, hl_measure_conv(hl, &(hl_conv_shape){.batch = 1, .in = 16, .out = 8, .size = 8, .kernel = 1, .stride = 1}, rates, 8, &count));
        const char *last = rates[count - 1].kernel;
        ck_assert((!strcmp(last, "dots") || !strcmp(last, "amx")) == !hl_bf16_lacks(hl));
        ck_assert_int_eq(hl_measure_conv(hl, &(hl_conv_shape){.batch = 1, .in = 6, .out = 7, .size = 8, .kernel = 3, .stride = 1, .depthwise = true}, rates, 8, &count), HL_USAGE);
        ck_assert_ptr_nonnull(strstr(hl_error(hl), "from 6 to 7 channels"));
        hl_close(hl);
    }
}
END_TEST

START_TEST(shapes_make_sense) {
    int count;
    const hl_conv_shape *shapes = hl_bench_shapes(&count);
    ck_assert_int_ge(count, 9);
    for (int i = 0; i < count; i++) ck_assert(shapes[i].batch > 0 && shapes[i].size > 0 && (!shapes[i].depthwise || shapes[i].in == shapes[i].out));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("measuring kernels");
    TCase *tcase = slow_case(suite, "measuring");
    tcase_add_test(tcase, machine_and_convolutions);
    tcase_add_test(tcase, shapes_make_sense);
    return run_suite(suite);
}
