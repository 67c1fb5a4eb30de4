/* Augmentation: masks follow images, nothing changes without being asked, ranges, padding, sides, draws, words. */
#include <math.h>

#include "base/random.h"
#include "data/augment.h"
#include "fixture.h"

enum { HEIGHT = 48, WIDTH = 40, PIXELS = HEIGHT * WIDTH, PLANES = 3 };
static const hl_placement everywhere = {0, 0, HEIGHT, WIDTH};

/* A sample with a picture that tells where each pixel was, in three different planes, and a mask. */
typedef struct sample {
    float images[PLANES * PIXELS];
    uint8_t labels[PIXELS];
} sample;

static hl_context *hl;

static void open_library(void) { hl = hl_open(&(hl_options){.threads = 1}); }
static void close_library(void) { hl_close(hl); }

static uint64_t draw_of(int i) { return hl_random_u64(5, HL_RANDOM_AUGMENT, 0, (uint64_t)i); }

static void fill(sample *s) {
    for (int p = 0; p < PLANES; p++) {
        for (int i = 0; i < PIXELS; i++) s->images[p * PIXELS + i] = (float)hl_random_uniform(3, HL_RANDOM_PHANTOM, (uint64_t)p, (uint64_t)i);
    }
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) s->labels[y * WIDTH + x] = (uint8_t)(hypot(y - 20, x - 12) < 9 ? 1 : hypot(y - 28, x - 27) < 8 ? 2 : 0);
    }
}

static hl_augmentation meaning(const char *text) {
    hl_augmentation augmentation;
    ck_ok(hl, hl_augmentation_parse(hl, text, &augmentation));
    return augmentation;
}

static void change(const char *text, uint64_t draw, sample *s, bool sided, const hl_placement *inside) {
    hl_augmentation augmentation = meaning(text);
    hl_augmenter *augmenter = hl_augmenter_new(hl, &augmentation, HEIGHT, WIDTH, PLANES);
    ck_assert_msg(augmenter != NULL, "%s", hl_error(hl));
    hl_augment(augmenter, draw, s->images, s->labels, sided, inside);
    hl_augmenter_free(augmenter);
}

static const char *const moving[] = {"flip=1",          "rotate=60:1", "scale=0.7:1",
                                     "shift=0.3:1",     "elastic=0.095:1", "flip=1,rotate=60:1,scale=0.7:1,shift=0.3:1,elastic=0.095:1"};
enum { MOVING = sizeof moving / sizeof *moving };

/* A picture that is its own mask: the pixel nearest to a source has a quarter of the bilinear weights at least, so that wherever the mask goes, more than
 * a quarter of the picture is there, and where it is not, no more than three quarters. */
START_TEST(masks_follow_images) {
    sample s;
    for (int i = 0; i < 40; i++) {
        fill(&s);
        for (int p = 0; p < PLANES * PIXELS; p++) s.images[p] = s.labels[p % PIXELS] ? 1 : 0;
        change(moving[_i], draw_of(i), &s, false, &everywhere);
        int inside = 0;
        for (int p = 0; p < PLANES * PIXELS; p++) {
            float value = s.images[p], label = s.labels[p % PIXELS] ? 1 : 0;
            ck_assert_msg(fabsf(value - label) <= 0.7501f, "%s, draw %d, pixel %d: %g of the picture, mask %g", moving[_i], i, p, value, label);
            inside += s.labels[p % PIXELS] > 0;
        }
        ck_assert_int_gt(inside, PLANES * 10);
    }
}
END_TEST

/* Without a curve in it a ramp stays one: where pixels come from is what the picture says, for the map of each draw. */
START_TEST(a_turned_ramp_is_a_ramp) {
    sample s;
    for (int i = 0; i < 10; i++) {
        for (int p = 0; p < PLANES * PIXELS; p++) s.images[p] = (float)(p % WIDTH) / 64 + (float)(p % PIXELS / WIDTH) / 128;
        memset(s.labels, 1, sizeof s.labels);
        change("rotate=20:1,scale=0.1:1", draw_of(i), &s, false, &everywhere);
        for (int y = 14; y < HEIGHT - 14; y++) {
            for (int x = 14; x < WIDTH - 14; x++) {
                const float *at = s.images + y * WIDTH + x;
                ck_assert_float_eq_tol(at[1] - at[0], at[0] - at[-1], 1e-5);
                ck_assert_float_eq_tol(at[WIDTH] - at[0], at[0] - at[-WIDTH], 1e-5);
            }
        }
        const float *middle = s.images + (HEIGHT / 2 - 1) * WIDTH + WIDTH / 2 - 1; /* the grid's centre is amid these four */
        ck_assert_float_eq_tol((middle[0] + middle[1] + middle[WIDTH] + middle[WIDTH + 1]) / 4, 19.5f / 64 + 23.5f / 128, 1e-5);
    }
}
END_TEST

static const char *const nothing[] = {"none", "flip=0", "flip:0", "rotate=0,scale=0,shift=0,elastic=0,window=0,brightness=0,gamma=0,blur=0,noise=0,cutout=0:1",
                                      "rotate:0,scale:0,shift:0,elastic:0,window:0,brightness:0,gamma:0,blur:0,noise:0,cutout:0"};
enum { NOTHING = sizeof nothing / sizeof *nothing };

START_TEST(nothing_asked_nothing_changed) {
    sample s, before;
    fill(&before);
    for (int i = 0; i < 20; i++) {
        s = before;
        change(nothing[_i], draw_of(i), &s, true, &(hl_placement){5, 0, HEIGHT - 11, WIDTH});
        ck_assert_mem_eq(&s, &before, sizeof s);
    }
    hl_augmentation augmentation = meaning(nothing[_i]);
    ck_assert(!hl_augmentation_any(&augmentation));
}
END_TEST

/* The way that resamples is exact, too, where the map is the identity. */
START_TEST(resampling_by_the_identity_is_exact) {
    sample s, before;
    uint8_t inside[PIXELS];
    fill(&before);
    hl_resampler *resampler = hl_resampler_new(hl, HEIGHT, WIDTH, PLANES);
    ck_assert_ptr_nonnull(resampler);
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        hl_warp warp = {.height = HEIGHT, .width = WIDTH, .moves = true, .bends = true, .matrix = {{1, 0}, {0, mirrored ? -1 : 1}}};
        s = before;
        hl_resample(resampler, &warp, &(hl_placement){2, 3, 40, 30}, s.images, s.labels, inside);
        for (int i = 0; i < PIXELS; i++) {
            int y = i / WIDTH, x = mirrored ? WIDTH - 1 - i % WIDTH : i % WIDTH, from = y * WIDTH + x;
            for (int p = 0; p < PLANES; p++) ck_assert_float_eq(s.images[p * PIXELS + i], before.images[p * PIXELS + from]);
            ck_assert_int_eq(s.labels[i], before.labels[from]);
            ck_assert_int_eq(inside[i], y >= 2 && y < 42 && x >= 3 && x < 33);
        }
    }
    hl_resampler_free(resampler);
}
END_TEST

/* A pixel's neighbours stay on the sides where they were: the strongest bending folds nothing. */
START_TEST(bending_never_folds) {
    sample s;
    for (int i = 0; i < 60; i++) {
        for (int p = 0; p < PIXELS; p++) {
            s.images[p] = (float)(p % WIDTH) / WIDTH, s.images[PIXELS + p] = (float)(p / WIDTH) / HEIGHT, s.images[2 * PIXELS + p] = 1;
        }
        change("elastic=0.095:1", draw_of(i), &s, false, &everywhere);
        const float *across = s.images, *down = s.images + PIXELS, *there = s.images + 2 * PIXELS;
        for (int y = 0; y + 1 < HEIGHT; y++) {
            for (int x = 0; x + 1 < WIDTH; x++) {
                int at = y * WIDTH + x;
                if (there[at] < 1 || there[at + 1] < 1 || there[at + WIDTH] < 1) continue; /* from outside the grid */
                float area = (across[at + 1] - across[at]) * (down[at + WIDTH] - down[at]) - (across[at + WIDTH] - across[at]) * (down[at + 1] - down[at]);
                ck_assert_float_gt(area, 0);
            }
        }
    }
}
END_TEST

START_TEST(a_flip_mirrors_exactly_and_swaps_sides) {
    sample s, before;
    fill(&before);
    for (int sided = 0; sided < 2; sided++) {
        for (int turned = 0; turned < 2; turned++) { /* resampled, by a turn too small to matter */
            s = before;
            change(turned ? "flip=1,rotate=1e-9:1" : "flip=1", draw_of(0), &s, sided, &everywhere);
            for (int i = 0; i < PIXELS; i++) {
                int from = i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH, label = before.labels[from];
                ck_assert_int_eq(s.labels[i], sided && label ? 3 - label : label);
                for (int p = 0; p < PLANES && !turned; p++) ck_assert_float_eq(s.images[p * PIXELS + i], before.images[p * PIXELS + from]);
            }
        }
    }
    int flipped = 0;
    for (int i = 0; i < 1000; i++) {
        s = before;
        change("flip", draw_of(i), &s, true, &everywhere);
        bool is = s.images[0] != before.images[0];
        ck_assert(is == draw_of(i) >> 63); /* the bit that runs have always been flipped by */
        flipped += is;
    }
    ck_assert_int_gt(flipped, 430);
    ck_assert_int_lt(flipped, 570);
}
END_TEST

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
        {"gamma=1:1", 0.25f, 0.0625, 0.5},                  /* squared, and its root */
        {"window=0.1:1", 0.5f, 0.5 - 0.11, 0.5 + 0.11},     /* a level 0.1 off in a window of 1 / 1.1 */
        {"blur=4:1", 0.5f, 0.5, 0.5},                       /* what is even stays so, borders too */
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
        {"all", "flip,rotate=15:0.3,scale=0.2:0.3,shift=0.1:0.3,elastic=0.04:0.3,window=0.1:0.3,brightness=0.2:0.3,gamma=0.4:0.3,blur=1:0.2,noise=0.05:0.2,cutout=0.3:0.2"},
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
    Suite *suite = suite_create("augment");
    TCase *tcase = slow_case(suite, "augment");
    int kinds = hl_augment_count();
    tcase_add_checked_fixture(tcase, open_library, close_library);
    tcase_add_loop_test(tcase, masks_follow_images, 0, MOVING);
    tcase_add_test(tcase, a_turned_ramp_is_a_ramp);
    tcase_add_loop_test(tcase, nothing_asked_nothing_changed, 0, NOTHING);
    tcase_add_test(tcase, resampling_by_the_identity_is_exact);
    tcase_add_test(tcase, bending_never_folds);
    tcase_add_test(tcase, a_flip_mirrors_exactly_and_swaps_sides);
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
