/* Augmentation that moves pixels: masks follow images, nothing moves without being asked, nothing folds, sides change places. */
#include "augmented.h"

static const char *const moving[] = {"flip=1",      "rotate=60:1",     "scale=0.7:1",
                                     "shift=0.3:1", "elastic=0.095:1", "flip=1,rotate=60:1,scale=0.7:1,shift=0.3:1,elastic=0.095:1"};
enum { MOVING = sizeof moving / sizeof *moving };

/* A picture that is its own mask: the pixel nearest to a source has a quarter of the bilinear weights at least, so that wherever the mask
 * goes, more than a quarter of the picture is there, and where it is not, no more than three quarters. */
START_TEST(masks_follow_images) {
    sample s;
    for (int i = 0; i < 40; i++) {
        fill(&s);
        for (int p = 0; p < PLANES * PIXELS; p++) s.images[p] = s.labels[p % PIXELS] ? 1 : 0;
        change(moving[_i], draw_of(i), &s, false, &everywhere);
        int inside = 0;
        for (int p = 0; p < PLANES * PIXELS; p++) {
            float value = s.images[p], label = s.labels[p % PIXELS] ? 1 : 0;
            ck_assert_msg(fabsf(value - label) <= 0.7501f, "%s, draw %d, pixel %d: %g of the picture, mask %g", moving[_i], i, p, value,
                          label);
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

static const char *const nothing[] = {"none", "flip=0", "flip:0",
                                      "rotate=0,scale=0,shift=0,elastic=0,window=0,brightness=0,gamma=0,blur=0,noise=0,cutout=0:1",
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
                float area = (across[at + 1] - across[at]) * (down[at + WIDTH] - down[at]) -
                             (across[at + WIDTH] - across[at]) * (down[at + 1] - down[at]);
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

int main(void) {
    Suite *suite = suite_create("augment");
    TCase *tcase = slow_case(suite, "augment");
    tcase_add_checked_fixture(tcase, open_library, close_library);
    tcase_add_loop_test(tcase, masks_follow_images, 0, MOVING);
    tcase_add_test(tcase, a_turned_ramp_is_a_ramp);
    tcase_add_loop_test(tcase, nothing_asked_nothing_changed, 0, NOTHING);
    tcase_add_test(tcase, resampling_by_the_identity_is_exact);
    tcase_add_test(tcase, bending_never_folds);
    tcase_add_test(tcase, a_flip_mirrors_exactly_and_swaps_sides);
    return run_suite(suite);
}
