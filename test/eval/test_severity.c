/* Left and right lung, and how much of each is lesion: drawn lungs and hand-counted voxels. */
#include "hilum/data.h"
#include "masks.h"

static hl_lung_split split(const hl_stack *stack, const uint8_t *lung, uint8_t *sides) {
    hl_lung_split how;
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    ck_ok(hl, hl_split_lungs(hl, stack, lung, sides, &how));
    for (size_t i = 0; i < hl_stack_voxels(stack); i++) ck_assert((sides[i] != 0) == (lung[i] != 0) && sides[i] <= 2);
    hl_close(hl);
    return how;
}

static void expect_sides(const hl_stack *stack, const uint8_t *sides, const char *text) {
    for (size_t i = 0; i < hl_stack_voxels(stack); i++)
        ck_assert_msg(sides[i] == (text[i] == '.' ? 0 : text[i] - '0'), "voxel %zu is %d, expected %c", i, sides[i], text[i]);
}

/* The picture's left is the patient's right. Lungs of unequal size, in one slice and in two. */
START_TEST(lungs_apart) {
    hl_stack stack = stack_of(2, 3, 10, NULL);
    uint8_t lung[60], sides[60];
    static const char text[] = ".22...1..."
                               "222...11.."
                               ".22...1..."
                               ".222..11.."
                               ".22...1..."
                               "..........";
    mask_from_text(text, lung);
    hl_lung_split how = split(&stack, lung, sides);
    expect_sides(&stack, sides, text);
    ck_assert(how.slices == 2 && how.apart == 2 && how.cut == 0 && how.carried == 0);
    for (int i = 0; i < 60; i++) lung[i] = lung[i] ? 255 : 0;
    split(&stack, lung, sides);
    expect_sides(&stack, sides, text);
}
END_TEST

/* In the second slice a bridge joins them: it is cut at the midline that the slices around it give, 4 and 6: 5. */
START_TEST(lungs_that_touch_are_cut) {
    hl_stack stack = stack_of(3, 3, 10, NULL);
    uint8_t lung[90], sides[90];
    static const char text[] = "222..11111"
                               "222..11111"
                               "222..11111"
                               "2222..1111"
                               "2222211111"
                               "2222..1111"
                               "22222..111"
                               "22222..111"
                               "22222..111";
    mask_from_text(text, lung);
    hl_lung_split how = split(&stack, lung, sides);
    expect_sides(&stack, sides, text);
    ck_assert(how.slices == 3 && how.apart == 2 && how.cut == 1 && how.carried == 1);
}
END_TEST

/* Lungs of unequal width: the midline is the middle of the gap, not of the box. */
START_TEST(lungs_of_unequal_width) {
    hl_stack stack = stack_of(3, 1, 10, NULL);
    uint8_t lung[30], sides[30];
    static const char text[] = "222..11111"
                               "2222111111"
                               "222..11111";
    mask_from_text(text, lung);
    ck_assert_int_eq(split(&stack, lung, sides).cut, 1);
    expect_sides(&stack, sides, text);
}
END_TEST

/* A speck beside a lung gives no midline: it belongs to the side on which the other slice has it. */
START_TEST(specks_give_no_midline) {
    hl_stack stack = stack_of(2, 1, 16, NULL);
    uint8_t lung[32], sides[32];
    static const char text[] = ".222222.2......."
                               ".2222222...1111.";
    mask_from_text(text, lung);
    ck_assert_int_eq(split(&stack, lung, sides).carried, 1);
    expect_sides(&stack, sides, text);
}
END_TEST

/* What reaches over the midline in one slice is the lung with which it hangs together in 3-D. */
START_TEST(solid_parts_stay_whole) {
    hl_stack stack = stack_of(2, 10, 16, NULL);
    uint8_t lung[320] = {0}, sides[320];
    for (int y = 0; y < 10; y++) mask_from_text(y ? ".2222222...1111." : ".2222222........", lung + 16 * y);
    mask_from_text(".......2222.....", lung + 160);
    hl_lung_split how = split(&stack, lung, sides);
    ck_assert_mem_eq(sides, lung, sizeof sides);
    ck_assert(how.cut == 0 && how.carried == 1);
}
END_TEST

/* The waist beside the midline is where it is cut: lungs of 100 columns whose midline is 50 and whose waist is at 46. */
START_TEST(cut_at_the_waist) {
    enum { W = 100, H = 9 };
    hl_stack stack = stack_of(2, H, W, NULL);
    uint8_t lung[2 * H * W] = {0}, sides[2 * H * W];
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            lung[y * W + x] = x < 48 || x >= 52;
            lung[(H + y) * W + x] = (x != 45 && x != 46) || (x == 46 && y == 4) || (x == 45 && y > 2);
        }
    }
    hl_lung_split how = split(&stack, lung, sides);
    for (int x = 0; x < W; x++) ck_assert_int_eq(sides[(H + 4) * W + x], x < 46 ? HL_LUNG_RIGHT : HL_LUNG_LEFT);
    ck_assert(how.cut == 1 && how.carried == 1);
}
END_TEST

/* A slice that shows one lung takes the midline of the next; without any such slice the box's middle counts. */
START_TEST(one_lung_alone) {
    hl_stack stack = stack_of(2, 2, 12, NULL), single = stack_of(1, 2, 12, NULL), flat = stack_of(2, 1, 12, NULL);
    uint8_t lung[48], sides[48];
    static const char text[] = "........11.."
                               ".........1.."
                               ".222...1111."
                               ".222...1111.";
    mask_from_text(text, lung);
    hl_lung_split how = split(&stack, lung, sides);
    expect_sides(&stack, sides, text);
    ck_assert(how.slices == 2 && how.carried == 1);
    mask_from_text("..22222.1111..22222.1111", lung);
    split(&single, lung, sides);
    expect_sides(&single, sides, "..22222.1111..22222.1111");
    mask_from_text("...22221111....22221111.", lung); /* always joined: columns 3 to 10 */
    how = split(&flat, lung, sides);
    expect_sides(&flat, sides, "...22221111....22221111.");
    ck_assert(how.cut == 2 && how.carried == 2);
    memset(lung, 0, sizeof lung);
    how = split(&stack, lung, sides);
    ck_assert(how.slices == 0 && how.apart == 0 && how.cut == 0 && how.carried == 0);
}
END_TEST

/* Two large parts of one lung, one above the other, give no midline. */
START_TEST(parts_of_one_lung) {
    hl_stack stack = stack_of(2, 5, 12, NULL);
    uint8_t lung[120], sides[120];
    static const char text[] = ".2222..1111."
                               ".2222..1111."
                               ".2222..1111."
                               ".2222..1111."
                               ".2222..1111."
                               ".2222......."
                               ".2222......."
                               "............"
                               ".2222....1.."
                               ".2222.......";
    mask_from_text(text, lung);
    hl_lung_split how = split(&stack, lung, sides);
    expect_sides(&stack, sides, text);
    ck_assert_int_eq(how.carried, 1);
}
END_TEST

/* The phantom's lungs are drawn left and right: told apart again without exception. */
START_TEST(lungs_of_the_phantom) {
    enum { SIDE = 64, SLICES = 6 };
    hl_context *hl = hl_open(NULL);
    hl_phantom_options options = hl_phantom_defaults();
    char folder[64], path[128];
    scratch_folder(folder);
    options.patients = 3, options.centres = 1, options.healthy = 0, options.slices = SLICES, options.size = SIDE;
    ck_ok(hl, hl_phantom_write(hl, folder, &options));
    for (int patient = 1; patient <= 3; patient++) {
        static uint8_t truth[SLICES * SIDE * SIDE], lung[SLICES * SIDE * SIDE], sides[SLICES * SIDE * SIDE];
        hl_stack stack = stack_of(SLICES, SIDE, SIDE, NULL);
        for (int z = 0; z < SLICES; z++) {
            hl_picture picture;
            snprintf(path, sizeof path, "%s/centre1/p%03d/p%03d_a/lung_%02d.png", folder, patient, patient, z);
            ck_ok(hl, hl_png_read(hl, path, &picture));
            for (int i = 0; i < SIDE * SIDE; i++) truth[z * SIDE * SIDE + i] = (uint8_t)picture.pixels[i];
            free(picture.pixels);
        }
        for (int i = 0; i < SLICES * SIDE * SIDE; i++) lung[i] = truth[i] != 0;
        ck_assert_int_gt(split(&stack, lung, sides).slices, 0);
        ck_assert_mem_eq(sides, truth, sizeof truth);
    }
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* --- severity --------------------------------------------------------------------------------------------------------- */

/* 8 voxels of left lung with 2 of lesion, 10 of right with 5, 1 lesion outside; a voxel is 0.5 mL. */
START_TEST(severity_by_hand) {
    hl_context *hl = hl_open(NULL);
    uint8_t lung[30], lesion[30];
    hl_severity s;
    hl_stack stack = stack_of(1, 3, 10, (const double[]){5, 10, 10}), bare = stack_of(1, 3, 10, NULL);
    mask_from_text(".222..111."
                   "2222..111."
                   ".222..11..",
                   lung);
    mask_from_text(".77......."
                   ".77.9....."
                   ".7....77..",
                   lesion);
    ck_ok(hl, hl_severity_measure(hl, &stack, lesion, lung, &s));
    ck_assert(s.millilitres && s.left.lung == 4 && s.left.lesion == 1 && s.left.share == 0.25);
    ck_assert(s.right.lung == 5 && s.right.lesion == 2.5 && s.right.share == 0.5);
    ck_assert(s.both.lung == 9 && s.both.lesion == 3.5 && s.lesion == 4);
    expect_near(s.both.share, 7.0 / 18, 1e-15), expect_near(s.outside, 1.0 / 8, 1e-15);
    ck_ok(hl, hl_severity_measure(hl, &bare, lesion, lung, &s));
    ck_assert(!s.millilitres && s.left.lung == 8 && s.right.lesion == 5 && s.lesion == 8);
    for (int i = 0; i < 30; i++) lung[i] = lung[i] ? HL_LUNG_UNDIVIDED : 0;
    ck_ok(hl, hl_severity_measure(hl, &stack, lesion, lung, &s));
    ck_assert(isnan(s.left.share) && isnan(s.right.lung) && s.both.lung == 9 && s.both.lesion == 3.5);
    hl_close(hl);
}
END_TEST

START_TEST(severity_of_nothing) {
    hl_context *hl = hl_open(NULL);
    uint8_t lung[4] = {1, 1, 0, 0}, none[4] = {0};
    hl_severity s;
    hl_stack stack = stack_of(1, 2, 2, NULL);
    ck_ok(hl, hl_severity_measure(hl, &stack, none, lung, &s));
    ck_assert(s.left.share == 0 && isnan(s.right.share) && s.both.share == 0 && isnan(s.outside) && s.lesion == 0);
    ck_ok(hl, hl_severity_measure(hl, &stack, lung, none, &s));
    ck_assert(isnan(s.both.share) && s.outside == 1);
    lung[3] = 3;
    ck_assert_int_eq(hl_severity_measure(hl, &stack, none, lung, &s), HL_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "value 3"));
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("severity");
    TCase *tcase = slow_case(suite, "severity");
    tcase_add_test(tcase, lungs_apart);
    tcase_add_test(tcase, lungs_that_touch_are_cut);
    tcase_add_test(tcase, lungs_of_unequal_width);
    tcase_add_test(tcase, specks_give_no_midline);
    tcase_add_test(tcase, solid_parts_stay_whole);
    tcase_add_test(tcase, cut_at_the_waist);
    tcase_add_test(tcase, one_lung_alone);
    tcase_add_test(tcase, parts_of_one_lung);
    tcase_add_test(tcase, lungs_of_the_phantom);
    tcase_add_test(tcase, severity_by_hand);
    tcase_add_test(tcase, severity_of_nothing);
    return run_suite(suite);
}
