/* Every kind of augmentation: what it changes, how far and how often, ranges, padding, and the words that ask for it. */
#include "augmented.h"

/* --- every kind -------------------------------------------------------------------------------------------------------------- */

static bool moves(int kind) { return kind < 5; }

/* Alone, and always: some sample changes, masks only by kinds that move pixels, each in its own way for each sample. */
START_TEST(every_kind_changes_something) {
    const hl_augment_kind *kind = hl_augment_get_kind(_i);
    char text[64];
    snprintf(text, sizeof text, "%s=%g:1", kind->name, kind->standard);
    sample before, s[8];
    fill(&before);
    int different = 0, labels = 0;
    for (int i = 0; i < 8; i++) {
        s[i] = before;
        change(text, draw_of(i), &s[i], false, &everywhere);
        bool changed = memcmp(s[i].images, before.images, sizeof before.images) != 0;
        different += changed;
        labels += memcmp(s[i].labels, before.labels, sizeof before.labels) != 0;
        for (int j = 0; j < i && _i && changed; j++) ck_assert_int_ne(memcmp(s[i].images, s[j].images, sizeof before.images), 0);
        sample again = before;
        change(text, draw_of(i), &again, false, &everywhere);
        ck_assert_mem_eq(&again, &s[i], sizeof again);
    }
    ck_assert_int_ge(different, _i ? 6 : 2); /* a draw may be too small to show; half of the flips */
    if (moves(_i)) ck_assert_int_ge(labels, different - 2);
    else ck_assert_int_eq(labels, 0);
}
END_TEST

/* How often, when nothing is said. */
START_TEST(every_kind_has_its_chance) {
    const hl_augment_kind *kind = hl_augment_get_kind(_i);
    sample before, s;
    fill(&before);
    int applied = 0, expected = (int)(1000 * (_i ? kind->chance : kind->standard));
    for (int i = 0; i < 1000; i++) {
        s = before;
        change(kind->name, draw_of(i), &s, false, &everywhere);
        applied += memcmp(&s, &before, sizeof s) != 0;
    }
    ck_assert_int_gt(applied, expected - 60);
    ck_assert_int_lt(applied, expected + 60);
}
END_TEST

/* As strong as can be: 0..1 is kept, and what is padding, before or after, stays 0. */
START_TEST(ranges_and_padding_are_kept) {
    const hl_augment_kind *kind = hl_augment_get_kind(_i);
    const hl_placement inside = {6, 0, HEIGHT - 12, WIDTH};
    char text[64];
    snprintf(text, sizeof text, "%s=%g:1", kind->name, kind->most);
    for (int i = 0; i < 30; i++) {
        sample s;
        fill(&s);
        for (int p = 0; p < PLANES * PIXELS; p++) {
            int y = p % PIXELS / WIDTH;
            s.images[p] = y < 6 || y >= HEIGHT - 6 ? 0 : s.images[p];
        }
        memset(s.labels, 0, sizeof s.labels);
        change(text, draw_of(i), &s, true, &inside);
        int padding = 0;
        for (int p = 0; p < PLANES * PIXELS; p++) {
            int y = p % PIXELS / WIDTH;
            ck_assert(s.images[p] >= 0 && s.images[p] <= 1);
            if (moves(_i) || (y >= 6 && y < HEIGHT - 6)) continue;
            ck_assert_float_eq(s.images[p], 0);
            padding++;
        }
        ck_assert_int_eq(padding, moves(_i) ? 0 : PLANES * 12 * WIDTH);
    }
}
END_TEST

/* Bright intensities and a mask of all ones: where the mask is 0 now, nothing was, so nothing may be painted there. */
START_TEST(what_comes_from_outside_is_padding) {
    sample s;
    for (int i = 0; i < 40; i++) {
        for (int p = 0; p < PLANES * PIXELS; p++) s.images[p] = 0.6f;
        memset(s.labels, 1, sizeof s.labels);
        change("rotate=90:1,shift=0.3:1,window=0.5:1,gamma:1,noise=0.3:1,cutout=0.9:1", draw_of(i), &s, false, &everywhere);
        int outside = 0;
        for (int p = 0; p < PLANES * PIXELS; p++) {
            if (s.labels[p % PIXELS]) continue;
            ck_assert_float_eq(s.images[p], 0);
            outside++;
        }
        ck_assert_int_gt(outside, 0);
    }
}
END_TEST

/* A slice that does not lie in the middle lies elsewhere when mirrored, and so does its padding. */
START_TEST(padding_is_mirrored) {
    sample s;
    for (int i = 0; i < PLANES * PIXELS; i++) s.images[i] = i % WIDTH < 3 || i % WIDTH >= WIDTH - 11 ? 0 : 0.5f;
    memset(s.labels, 0, sizeof s.labels);
    change("flip=1,window:1,noise:1", draw_of(1), &s, false, &(hl_placement){0, 3, HEIGHT, WIDTH - 14});
    for (int i = 0; i < PLANES * PIXELS; i++) {
        if (i % WIDTH < 11 || i % WIDTH >= WIDTH - 3) ck_assert_float_eq(s.images[i], 0);
        else ck_assert_float_gt(s.images[i], 0);
    }
}
END_TEST

/* --- strengths --------------------------------------------------------------------------------------------------------------- */

/* Least and most of a picture that was all `value`, over many samples. */
static void reach(const char *text, float value, double *least, double *most) {
    sample s;
    memset(s.labels, 0, sizeof s.labels);
    *least = INFINITY, *most = -INFINITY;
    for (int i = 0; i < 300; i++) {
        for (int p = 0; p < PLANES * PIXELS; p++) s.images[p] = value;
        change(text, draw_of(i), &s, false, &everywhere);
        for (int p = 0; p < PLANES * PIXELS; p++) {
            if (s.images[p] < *least) *least = s.images[p];
            if (s.images[p] > *most) *most = s.images[p];
        }
    }
}

START_TEST(strengths_mean_what_they_say) {
    const struct {
        const char *text;
        float value;
        double least, most;
    } cases[] = {
        {"brightness=0.2:1", 0.5f, 0.4, 0.6},
        {"gamma=1:1", 0.25f, 0.0625, 0.5},              /* squared, and its root */
        {"window=0.1:1", 0.5f, 0.5 - 0.11, 0.5 + 0.11}, /* a level 0.1 off in a window of 1 / 1.1 */
        {"blur=4:1", 0.5f, 0.5, 0.5},                   /* what is even stays so, borders too */
        {"cutout=0.9:1", 0.5f, 0.5, 0.5},
        {"noise=0.05:1", 0.5f, 0.5 - 0.05 * 3.47, 0.5 + 0.05 * 3.47},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double least, most, slack = 1e-5 + 0.08 * (cases[i].most - cases[i].least);
        reach(cases[i].text, cases[i].value, &least, &most);
        ck_assert_msg(least >= cases[i].least - 1e-5 && most <= cases[i].most + 1e-5, "%s: %g to %g", cases[i].text, least, most);
        ck_assert_msg(least <= cases[i].least + slack && most >= cases[i].most - slack, "%s: %g to %g", cases[i].text, least, most);
    }
}
END_TEST

static void light(sample *s, int y, int x) {
    memset(s, 0, sizeof *s);
    for (int p = 0; p < PLANES; p++) s->images[p * PIXELS + y * WIDTH + x] = 1;
}

/* The same up and down, left and right, at the borders too; in the middle nothing is lost. */
START_TEST(a_blur_is_even) {
    static const int places[][2] = {{HEIGHT / 2, WIDTH / 2}, {0, 0}, {1, WIDTH - 3}, {HEIGHT - 1, 4}};
    for (int i = 0; i < 4; i++) {
        sample s, turned;
        light(&s, places[i][0], places[i][1]), light(&turned, HEIGHT - 1 - places[i][0], WIDTH - 1 - places[i][1]);
        change("blur=4:1", draw_of(3), &s, false, &everywhere), change("blur=4:1", draw_of(3), &turned, false, &everywhere);
        double sum = 0;
        for (int p = 0; p < PLANES * PIXELS; p++) {
            int plane = p / PIXELS * PIXELS, at = p % PIXELS;
            ck_assert_float_eq_tol(s.images[p], turned.images[plane + PIXELS - 1 - at], 1e-6);
            sum += s.images[p];
        }
        if (i == 0) ck_assert_double_eq_tol(sum, PLANES, 1e-4);
        ck_assert_float_lt(s.images[places[i][0] * WIDTH + places[i][1]], 0.9f);
    }
}
END_TEST

/* A lit pixel's way under a shift of up to a quarter. */
START_TEST(shifts_reach_as_far_as_asked) {
    sample s;
    int farthest = 0;
    for (int i = 0; i < 200; i++) {
        memset(&s, 0, sizeof s);
        s.labels[HEIGHT / 2 * WIDTH + WIDTH / 2] = 1;
        change("shift=0.25:1", draw_of(i), &s, false, &everywhere);
        int found = 0;
        for (int p = 0; p < PIXELS; p++) {
            if (!s.labels[p]) continue;
            int down = abs(p / WIDTH - HEIGHT / 2), across = abs(p % WIDTH - WIDTH / 2);
            ck_assert(down <= HEIGHT / 4 && across <= WIDTH / 4);
            farthest = down > farthest ? down : farthest;
            found++;
        }
        ck_assert_int_eq(found, 1);
    }
    ck_assert_int_ge(farthest, HEIGHT / 4 - 1);
}
END_TEST

START_TEST(slices_of_a_sample_go_together) {
    for (int i = 0; i < 20; i++) {
        sample s;
        fill(&s);
        for (int p = 1; p < PLANES; p++) memcpy(s.images + p * PIXELS, s.images, PIXELS * sizeof *s.images);
        sample noisy = s;
        change("flip,rotate:1,elastic:1,scale:1,shift:1,gamma:1,brightness:1,window:1,blur:1,cutout:1", draw_of(i), &s, true, &everywhere);
        for (int p = 1; p < PLANES; p++) ck_assert_mem_eq(s.images + p * PIXELS, s.images, PIXELS * sizeof *s.images);
        change("noise:1", draw_of(i), &noisy, true, &everywhere); /* which is each slice's own */
        for (int p = 1; p < PLANES; p++) ck_assert_int_ne(memcmp(noisy.images + p * PIXELS, noisy.images, PIXELS * sizeof *s.images), 0);
    }
}
END_TEST

START_TEST(kinds_do_not_disturb_one_another) {
    for (int i = 0; i < 30; i++) {
        sample s, t;
        fill(&s), fill(&t);
        change("flip,rotate,elastic", draw_of(i), &s, true, &everywhere);
        change("flip,rotate,elastic,window,brightness,gamma,blur,noise,cutout", draw_of(i), &t, true, &everywhere);
        ck_assert_mem_eq(s.labels, t.labels, sizeof s.labels);
        fill(&s), fill(&t);
        change("gamma:1,cutout=0,noise:1", draw_of(i), &s, true, &everywhere);
        change("noise:1,gamma:1", draw_of(i), &t, true, &everywhere);
        ck_assert_mem_eq(s.images, t.images, sizeof s.images);
    }
}
END_TEST

/* Masks alone are welcome to be missing, and NaN is no intensity. */
START_TEST(odd_samples) {
    sample s;
    fill(&s);
    s.images[100] = NAN, s.images[200] = 7, s.images[300] = -1;
    hl_augmentation augmentation = meaning("flip=1,gamma:1");
    hl_augmenter *augmenter = hl_augmenter_new(hl, &augmentation, HEIGHT, WIDTH, PLANES);
    hl_augment(augmenter, 1, s.images, NULL, true, &everywhere);
    for (int p = 0; p < PLANES * PIXELS; p++) ck_assert(s.images[p] >= 0 && s.images[p] <= 1);
    hl_augmenter_free(augmenter);
    augmentation = meaning("rotate:1,elastic:1,blur=4:1,cutout=0.9:1");
    for (int height = 1; height < 6; height++) { /* grids of next to nothing */
        augmenter = hl_augmenter_new(hl, &augmentation, height, 7 - height, 1);
        for (int i = 0; i < 50; i++) {
            fill(&s);
            hl_augment(augmenter, draw_of(i), s.images, s.labels, true, &(hl_placement){0, 0, height, 7 - height});
        }
        hl_augmenter_free(augmenter);
    }
    hl_augmenter_free(NULL);
}
END_TEST

/* --- words ------------------------------------------------------------------------------------------------------------------- */

START_TEST(words_come_back) {
    const struct {
        const char *text, *full;
    } cases[] = {
        {"none", "none"},
        {"flip", "flip"},
        {"flip=0.25", "flip=0.25"},
        {"flip:0.5", "flip=0.5:0.5"},
        {"rotate", "rotate=15:0.3"},
        {"gamma=0.1:1,flip,rotate=20", "flip,rotate=20:0.3,gamma=0.1:1"},
        {"noise=0.1,cutout=0", "noise=0.1:0.2"},
        {"rotate=0", "none"},
        {"all", "flip,rotate=15:0.3,scale=0.2:0.3,shift=0.1:0.3,elastic=0.04:0.3,window=0.1:0.3,brightness=0.2:0.3,gamma=0.4:0.3,blur=1:0."
                "2,noise=0.05:0.2,cutout=0.3:0.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hl_augmentation once = meaning(cases[i].text);
        char *text = hl_augmentation_text(hl, &once);
        ck_assert_str_eq(text, cases[i].full);
        hl_augmentation again = meaning(text);
        char *same = hl_augmentation_text(hl, &again);
        ck_assert_str_eq(same, text);
        free(text), free(same);
    }
}
END_TEST

START_TEST(senseless_words_are_refused) {
    const struct {
        const char *text, *words;
    } cases[] = {
        {"", "augmentation \"\" is unknown"},
        {"flip,", "augmentation \"\" is unknown"},
        {"turn", "augmentation \"turn\" is unknown, expected none, all or some of flip, rotate,"},
        {"all,flip", "augmentation \"all\" is unknown"},
        {"none,flip", "augmentation \"none\" is unknown"},
        {"flip,flip", "flip is named twice"},
        {"rotate=much", "rotate has the strength \"much\""},
        {"rotate=", "rotate has the strength \"\""},
        {"rotate:", "rotate has the chance \"\""},
        {"rotate=nan", "rotate has the strength \"nan\""},
        {"rotate=181", "rotate of strength 181: expected 0 to 180"},
        {"rotate=-1", "rotate of strength -1"},
        {"rotate=1:1.5", "rotate by a chance of 1.5: expected 0 to 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hl_augmentation augmentation;
        ck_assert_int_eq(hl_augmentation_parse(hl, cases[i].text, &augmentation), HL_USAGE);
        check_error(hl, HL_USAGE, cases[i].words);
        ck_assert(!hl_augmentation_any(&augmentation));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("augment/kinds");
    TCase *tcase = slow_case(suite, "kinds");
    int kinds = hl_augment_count();
    tcase_add_checked_fixture(tcase, open_library, close_library);
    tcase_add_loop_test(tcase, every_kind_changes_something, 0, kinds);
    tcase_add_loop_test(tcase, every_kind_has_its_chance, 0, kinds);
    tcase_add_loop_test(tcase, ranges_and_padding_are_kept, 0, kinds);
    tcase_add_test(tcase, what_comes_from_outside_is_padding);
    tcase_add_test(tcase, padding_is_mirrored);
    tcase_add_test(tcase, a_blur_is_even);
    tcase_add_test(tcase, strengths_mean_what_they_say);
    tcase_add_test(tcase, shifts_reach_as_far_as_asked);
    tcase_add_test(tcase, slices_of_a_sample_go_together);
    tcase_add_test(tcase, kinds_do_not_disturb_one_another);
    tcase_add_test(tcase, odd_samples);
    tcase_add_test(tcase, words_come_back);
    tcase_add_test(tcase, senseless_words_are_refused);
    return run_suite(suite);
}
