/* The baseline without learning: each step by hand, and a search that has to find what was planted. */
#include "hilum/baseline.h"

#include "masks.h"

enum { SIDE = 40, SLICES = 2, VOXELS = SLICES * SIDE * SIDE };

/* A case drawn for a test: lungs of grey 0.3 with bright discs of 0.6, vessels two pixels wide of 0.6, and a wall of 0.9 beside the lungs.
 */
typedef struct drawing {
    float image[VOXELS];
    uint8_t lung[VOXELS], lesion[VOXELS];
    hl_baseline_case of;
} drawing;

static void draw(drawing *d, float grey, int shift, bool lesions) {
    *d = (drawing){.of = {.stack = {SLICES, SIDE, SIDE, {0}}}};
    for (int i = 0; i < VOXELS; i++) d->image[i] = 0.9f;
    for (int z = 0; z < SLICES; z++) {
        for (int y = 4; y < 36; y++) {
            for (int x = 2; x < 38; x++) {
                int i = (z * SIDE + y) * SIDE + x, far = (y - 14 - shift) * (y - 14 - shift) + (x - 12) * (x - 12);
                bool vessel = x == 26 || x == 27;
                d->lung[i] = HL_LUNG_UNDIVIDED;
                d->lesion[i] = lesions && far <= 25;
                d->image[i] = grey + (d->lesion[i] || vessel ? 0.3f : 0) + ((x * 7 + y * 5 + z * 3) % 4) * 0.01f;
            }
        }
    }
    d->of.image = d->image, d->of.lung = d->lung, d->of.lesion = d->lesion;
}

/* Each step of the six alone. */
START_TEST(steps_by_hand) {
    static drawing d;
    static uint8_t mask[VOXELS];
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(SLICES, SIDE, SIDE, NULL);
    draw(&d, 0.3f, 0, true);
    int64_t lesion = count_inside(&stack, d.lesion), vessel = 2 * 2 * 32;
    hl_baseline plain = {.low = 0.1, .high = 1};
    ck_ok(hl, hl_baseline_apply(hl, &plain, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), lesion + vessel);
    plain.erode = 2; /* two rows less of the vessel at either end */
    ck_ok(hl, hl_baseline_apply(hl, &plain, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), lesion + vessel - 2 * 2 * 4);
    hl_baseline opened = {.low = 0.1, .high = 1, .open = 2};
    ck_ok(hl, hl_baseline_apply(hl, &opened, &d.of, mask));
    ck_assert(count_inside(&stack, mask) <= lesion && count_inside(&stack, mask) > lesion * 9 / 10);
    hl_baseline none = {.low = 0.1, .high = 0.2};
    ck_ok(hl, hl_baseline_apply(hl, &none, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 0); /* all that is brighter is brighter than high */
    hl_baseline large = {.low = 0.1, .high = 1, .least = 65};
    ck_ok(hl, hl_baseline_apply(hl, &large, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), lesion); /* 64 pixels of vessel a slice are too few */
    d.image[14 * SIDE + 12] = 0.3f;                       /* a hole */
    ck_ok(hl, hl_baseline_apply(hl, &large, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), lesion - 1);
    large.close = 1;
    ck_ok(hl, hl_baseline_apply(hl, &large, &d.of, mask));
    ck_assert_int_eq(mask[14 * SIDE + 12], 1);
    d.lung[14 * SIDE + 12] = 0; /* a hole in the lungs stays one */
    ck_ok(hl, hl_baseline_apply(hl, &large, &d.of, mask));
    ck_assert_int_eq(mask[14 * SIDE + 12], 0);
    hl_baseline wrong = {.open = -1};
    ck_assert_int_eq(hl_baseline_apply(hl, &wrong, &d.of, mask), HL_USAGE);
    hl_close(hl);
}
END_TEST

/* The mean is over the lung's pixels alone: the bright wall does not leak in. */
START_TEST(smoothing_stays_within_the_lungs) {
    static drawing d;
    static uint8_t mask[VOXELS];
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(SLICES, SIDE, SIDE, NULL);
    draw(&d, 0.3f, 0, false);
    for (int i = 0; i < VOXELS; i++) d.image[i] = d.lung[i] ? 0.3f : 0.9f;
    d.image[10 * SIDE + 10] = 0.3f + 0.25f; /* shared out over 3 x 3: 0.0278 each */
    hl_baseline b = {.smooth = 1, .low = 0.027, .high = 0.028};
    ck_ok(hl, hl_baseline_apply(hl, &b, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 9);
    ck_assert(mask[9 * SIDE + 9] && mask[11 * SIDE + 11]);
    d.image[10 * SIDE + 10] = 0.3f,
                        d.image[4 * SIDE + 2] =
                            0.3f + 0.25f; /* in a corner of the lungs: a quarter for itself, a sixth or a ninth for its neighbours */
    hl_baseline corner = {.smooth = 1, .low = 0.06, .high = 0.07};
    ck_ok(hl, hl_baseline_apply(hl, &corner, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 1);
    ck_assert(mask[4 * SIDE + 2]);
    hl_close(hl);
}
END_TEST

/* Three fifths of the lungs at 0.5: that is the median, and nothing is brighter. With two fifths it is 0.2. */
START_TEST(thresholds_count_from_the_median) {
    static drawing d;
    static uint8_t mask[VOXELS];
    hl_context *hl = hl_open(NULL);
    hl_stack stack = stack_of(SLICES, SIDE, SIDE, NULL);
    hl_baseline b = {.low = 0.1, .high = 1};
    draw(&d, 0.3f, 0, false);
    for (int bright = 2; bright <= 3; bright++) {
        int pixels = 0;
        for (int i = 0; i < VOXELS; i++) d.image[i] = d.lung[i] && pixels++ % 5 < bright ? 0.5f : 0.2f;
        ck_ok(hl, hl_baseline_apply(hl, &b, &d.of, mask));
        ck_assert_int_eq(count_inside(&stack, mask), bright == 3 ? 0 : (pixels + 3) / 5 * 2);
    }
    hl_close(hl);
}
END_TEST

/* Thresholds count from the lungs' median, so that another scanner's grey makes no difference; vessels are opened away. */
START_TEST(search_finds_what_was_planted) {
    static drawing d[3];
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *three = hl_open(&(hl_options){.threads = 3});
    hl_baseline_tuning t, again;
    double dice, all;
    draw(&d[0], 0.3f, 0, true), draw(&d[1], 0.35f, 3, true), draw(&d[2], 0.5f, -2, true);
    const hl_baseline_case cases[2] = {d[0].of, d[1].of};
    memset(&t, 0, sizeof t), memset(&again, 0, sizeof again);
    ck_ok(one, hl_baseline_tune(one, cases, 2, &t));
    ck_ok(three, hl_baseline_tune(three, cases, 2, &again));
    ck_assert_mem_eq(&t, &again, sizeof t);
    ck_assert_double_gt(t.dsc, 0.95);
    ck_assert_int_eq(t.tried, 3 * 4 * 1085 + 135);
    ck_ok(one, hl_baseline_dice(one, &t.best, &d[2].of, &dice));
    ck_ok(one, hl_baseline_dice(one, NULL, &d[2].of, &all));
    ck_assert_msg(dice > 0.95 && all < 0.2, "%g against %g", dice, all);
    expect_near(all, 2.0 * 162 / (162 + 2 * 32 * 36), 1e-15);
    double first, second; /* what the search says of its own cases is what applying it gives */
    ck_ok(one, hl_baseline_dice(one, &t.best, &d[0].of, &first));
    ck_ok(one, hl_baseline_dice(one, &t.best, &d[1].of, &second));
    expect_near(t.dsc, (first + second) / 2, 1e-15);
    hl_close(one), hl_close(three);
}
END_TEST

/* A block brighter than lesions is kept out by high alone: the least that takes in all of the lesion, at 0.30 to 0.33. */
START_TEST(search_finds_both_thresholds) {
    static drawing d;
    hl_context *hl = hl_open(NULL);
    hl_baseline_tuning t;
    draw(&d, 0.3f, 0, true);
    for (int z = 0; z < SLICES; z++) {
        for (int y = 22; y < 34; y++) {
            for (int x = 6; x < 18; x++) d.image[(z * SIDE + y) * SIDE + x] = 0.75f;
        }
    }
    ck_ok(hl, hl_baseline_tune(hl, &d.of, 1, &t));
    ck_assert_double_gt(t.dsc, 0.95);
    expect_near(t.best.high, 0.32, 1e-12);
    hl_close(hl);
}
END_TEST

/* The best without morphology, by trying all thresholds one by one. */
START_TEST(search_is_the_best_of_its_grid) {
    static drawing d;
    hl_context *hl = hl_open(NULL);
    hl_baseline_tuning t;
    draw(&d, 0.3f, 0, true);
    for (int i = 0; i < VOXELS; i++) d.image[i] += ((unsigned)i * 2654435761u >> 16 & 255) / 1000.0f;
    ck_ok(hl, hl_baseline_tune(hl, &d.of, 1, &t));
    double best = 0;
    for (int low = 0; low < 31; low++) {
        for (int smooth = 0; smooth < 4; smooth++) {
            double dice;
            hl_baseline b = {.smooth = smooth, .low = low * 0.02, .high = 1};
            ck_ok(hl, hl_baseline_dice(hl, &b, &d.of, &dice));
            best = fmax(best, dice);
        }
    }
    ck_assert_double_ge(t.dsc, best);
    hl_close(hl);
}
END_TEST

START_TEST(nothing_to_tune_on) {
    static drawing d;
    static uint8_t mask[VOXELS];
    hl_context *hl = hl_open(NULL);
    hl_baseline_tuning t;
    double dice;
    hl_stack stack = stack_of(SLICES, SIDE, SIDE, NULL);
    draw(&d, 0.3f, 0, false);
    ck_assert_int_eq(hl_baseline_tune(hl, &d.of, 0, &t), HL_BAD_INPUT);
    ck_assert_int_eq(hl_baseline_tune(hl, &d.of, 1, &t), HL_BAD_INPUT);
    memset(d.lung, 0, sizeof d.lung); /* no lung: no lesion */
    hl_baseline b = {.smooth = 1, .low = 0.1, .high = 1};
    ck_ok(hl, hl_baseline_apply(hl, &b, &d.of, mask));
    ck_assert_int_eq(count_inside(&stack, mask), 0);
    ck_ok(hl, hl_baseline_dice(hl, &b, &d.of, &dice));
    ck_assert(dice == 1);
    for (int i = 0; i < HL_BASELINE_STEPS; i++) ck_assert_uint_gt(strlen(hl_baseline_steps[i]), 10);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("baseline");
    TCase *tcase = slow_case(suite, "baseline");
    tcase_add_test(tcase, steps_by_hand);
    tcase_add_test(tcase, thresholds_count_from_the_median);
    tcase_add_test(tcase, smoothing_stays_within_the_lungs);
    tcase_add_test(tcase, search_finds_what_was_planted);
    tcase_add_test(tcase, search_finds_both_thresholds);
    tcase_add_test(tcase, search_is_the_best_of_its_grid);
    tcase_add_test(tcase, nothing_to_tune_on);
    return run_suite(suite);
}
