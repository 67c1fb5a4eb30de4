/* The depthwise kernel against the plain loops in double, on odd sizes, and with the same bits on 1, 2, 3 threads. */
#include "convs.h"

static const int channels[] = {1, 3, 15, 16, 17, 33}, widths[] = {1, 2, 5, 7, 31}, batches[] = {1, 3};
enum { CHANNELS = 6, WIDTHS = 5, BATCHES = 2, KERNELS = 2, STRIDES = 2, GRID = CHANNELS * WIDTHS * BATCHES * KERNELS * STRIDES };

/* TensorFlow's `same`: the smaller half of the padding comes first. */
static int pad_before(int size, int kernel, int stride) {
    int pad = ((size + stride - 1) / stride - 1) * stride + kernel - size;
    return pad > 0 ? pad / 2 : 0;
}

static hl_conv conv_same(int n, int h, int w, int c, int kernel, int stride) {
    return (hl_conv){n,      h,      w,      c,      (h + stride - 1) / stride,     (w + stride - 1) / stride,     c,
                     kernel, kernel, stride, stride, pad_before(h, kernel, stride), pad_before(w, kernel, stride), c};
}

static shape grid_shape(int i) {
    int stride = 1 + i % STRIDES, kernel = 3 + i / STRIDES % KERNELS * 2, n = batches[i / STRIDES / KERNELS % BATCHES];
    int w = i / STRIDES / KERNELS / BATCHES % WIDTHS, c = channels[i / STRIDES / KERNELS / BATCHES / WIDTHS];
    return (shape){.conv = conv_same(n, widths[(w + c) % WIDTHS], widths[w], c, kernel, stride), .gap = i % 3, .segments = 1};
}

/* n, in h w c, out h w c, k h w, stride h w, pad top left, groups */
static const shape others[] = {
    {{1, 8, 6, 64, 8, 6, 64, 3, 3, 1, 1, 1, 1, 64}, 0, 2, 2},       {{3, 6, 8, 33, 6, 8, 33, 5, 5, 1, 1, 2, 2, 33}, 3, 2, 1},
    {{2, 8, 12, 200, 4, 6, 200, 5, 5, 2, 2, 1, 1, 200}, 1, 3, 2},   {{1, 2, 2, 5, 1, 1, 5, 3, 3, 2, 2, 0, 0, 5}, 0, 2, 3},
    {{2, 31, 40, 64, 31, 40, 64, 3, 3, 1, 1, 1, 1, 64}, 0, 1, 0},   {{1, 9, 21, 144, 9, 21, 144, 5, 5, 1, 1, 2, 2, 144}, 1, 1, 0},
    {{3, 16, 16, 130, 8, 8, 130, 3, 3, 2, 2, 0, 0, 130}, 0, 2, 0},  {{1, 4, 4, 672, 4, 4, 672, 5, 5, 1, 1, 2, 2, 672}, 0, 1, 0},
    {{2, 9, 7, 20, 4, 6, 20, 2, 3, 2, 1, 0, 0, 20}, 2, 1, 0},       {{1, 9, 9, 17, 5, 5, 17, 1, 1, 2, 2, 0, 0, 17}, 0, 1, 0},
    {{2, 5, 6, 18, 5, 6, 18, 1, 1, 1, 1, 0, 0, 18}, 0, 1, 0},       {{1, 10, 23, 16, 4, 8, 16, 3, 2, 3, 3, 1, 0, 16}, 0, 1, 0},
    {{1, 3, 4, 19, 3, 4, 19, 9, 11, 1, 1, 4, 5, 19}, 0, 1, 0},      {{1, 6, 9, 16, 2, 3, 16, 2, 2, 3, 3, 0, 0, 16}, 1, 1, 0},
    {{2, 5, 5, 2100, 5, 5, 2100, 3, 3, 1, 1, 1, 1, 2100}, 0, 1, 0},
};
enum { OTHERS = sizeof others / sizeof *others, SHAPES = GRID + OTHERS };

static shape shape_at(int i) { return i < GRID ? grid_shape(i) : others[i - GRID]; }

static const hl_conv_kernel *depthwise_of(const hl_kernels *k) {
    for (const hl_conv_kernel *const *at = k->convs; *at; at++)
        if (!strcmp((*at)->name, "depthwise")) return *at;
    ck_abort_msg("table %s has no depthwise kernel", k->name);
    return NULL;
}

START_TEST(depthwise_is_right) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < SHAPES && runs_here(k); i++) {
        shape s = shape_at(i);
        ck_assert(depthwise_of(k)->fits(&s.conv));
        hold_against_double(&s, depthwise_of(k), 1 + i % 3);
    }
}
END_TEST

START_TEST(same_bits_on_any_number_of_threads) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < SHAPES && runs_here(k); i++) {
        shape s = shape_at(i);
        hold_against_one_thread(&s, depthwise_of(k));
    }
}
END_TEST

START_TEST(it_is_chosen_for_depthwise_convolutions_alone) {
    const hl_conv_kernel *depthwise = depthwise_of(tables[_i]);
    hl_conv first = conv_same(8, 128, 128, 32, 3, 1), last = conv_same(1, 2, 2, 1920, 3, 1), halved = conv_same(8, 32, 32, 240, 5, 2);
    for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) {
        ck_assert_ptr_eq(hl_conv_choose(tables[_i], &first, (hl_pass)pass), depthwise);
        ck_assert_ptr_eq(hl_conv_choose(tables[_i], &last, (hl_pass)pass), depthwise);
        ck_assert_ptr_eq(hl_conv_choose(tables[_i], &halved, (hl_pass)pass), depthwise);
    }
    hl_conv grouped = first, doubled = first;
    grouped.groups = 16, doubled.out_c = 64;
    ck_assert(!depthwise->fits(&grouped) && !depthwise->fits(&doubled));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("depthwise convolution");
    TCase *tcase = slow_case(suite, "depthwise convolution");
    tcase_add_loop_test(tcase, depthwise_is_right, 0, TABLES);
    tcase_add_loop_test(tcase, same_bits_on_any_number_of_threads, 0, TABLES);
    tcase_add_loop_test(tcase, it_is_chosen_for_depthwise_convolutions_alone, 0, TABLES);
    return run_suite(suite);
}
