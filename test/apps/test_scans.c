/* The program on volumes: runs from them and from their slices the same, masks in the scan's geometry, severity, pictures, refusals. */
#include <math.h>

#include "../data/volumes.h"
#include "hilum/geometry.h"
#include "program.h"

enum { SIZE = 40, SLICES = 3, VOXELS = SIZE * SIZE * SLICES };
static const char *const orders[] = {"LPS", "RAS", "SAL", "PIR"};
static hl_context *hl;

/* One kind of a case's PNG files as a volume beside them; of images in Hounsfield units such that the standard window gives the 8-bit
 * pixels, 16 bits wide. */
static void stack(const char *folder_of_case, const char *kind, const char *to, const char *axes) {
    hl_volume v = make_volume(hl, SIZE, SIZE, SLICES, axes);
    for (int z = 0; z < SLICES; z++) {
        hl_picture picture;
        char path[600];
        snprintf(path, sizeof path, "%s/%s_%02d.png", folder_of_case, kind, z);
        ck_ok(hl, hl_png_read(hl, path, &picture));
        for (int i = 0; i < SIZE * SIZE; i++) {
            double value = picture.pixels[i];
            *voxel(&v, i % SIZE, i / SIZE, z) = (float)(!strcmp(kind, "image")  ? value / 255 * 1500 - 1250
                                                        : !strcmp(kind, "mask") ? value > 0
                                                                                : value);
        }
        free(picture.pixels);
    }
    ck_ok(hl, hl_volume_write(hl, to, &v, HL_VOXEL_FLOAT32));
    hl_volume_free(&v);
}

/* cohort/volumes.csv: the phantom's cases as volumes, stored in turns in four ways. The first two columns that follow are what its manifest
 * says of them. */
static void make_volumes(void) {
    make_phantom();
    hl_manifest *manifest = hl_manifest_read(hl, in("cohort/manifest.csv"), NULL);
    ck_assert_ptr_nonnull(manifest);
    FILE *csv = fopen(in("cohort/volumes.csv"), "wb");
    ck_assert_ptr_nonnull(csv);
    fputs("centre,patient,case,slice,image,mask,lung\n", csv);
    for (int i = 0; i < hl_manifest_count(manifest); i++) {
        const hl_row *row = hl_manifest_row(manifest, i);
        int z = i % SLICES;
        char from[512];
        snprintf(from, sizeof from, "%s", row->image);
        *strrchr(from, '/') = 0;
        static const char *const kinds[] = {"image", "mask", "lung"};
        for (int k = 0; k < 3 && z == 0; k++)
            stack(from, kinds[k], in("cohort/%s_%s.nii.gz", row->case_name, kinds[k]), orders[i / SLICES % 4]);
        fprintf(csv, "%s,%s,%s,%d,%s_image.nii.gz,%s_mask.nii.gz,%s_lung.nii.gz\n", row->centre, row->patient, row->case_name, z,
                row->case_name, row->case_name, row->case_name);
    }
    ck_assert_int_eq(fclose(csv), 0);
    hl_manifest_free(manifest);
}

static hl_volume read_volume(const char *path) {
    hl_volume volume;
    ck_ok(hl, hl_volume_read(hl, path, &volume));
    return volume;
}

/* The whole of a run's figures but for the hash of its manifest. */
static void expect_same_figures(const char *a, const char *b) {
    ck_assert_int_eq(shell("diff -r -x timing.json -x config.json -x report.html '%s' '%s' >&2", a, b), 0);
}

START_TEST(runs_from_volumes_are_runs_from_slices) {
    make_volumes();
    const char *const *more = MORE("--folds", "2", "--epochs", "2", "--val", "0.3");
    ck_assert_int_eq(run_tiny("crossval", in("cohort/volumes.csv"), in("a"), more), 0);
    ck_assert_int_eq(run_tiny("crossval", in("cohort/manifest.csv"), in("b"), more), 0);
    expect_same_figures(in("a"), in("b"));
    ck_assert_int_eq(shell("grep -q '\"window\":.\"-1250,250\"' '%s/config.json'", in("a")), 0);
    ck_assert_int_eq(shell("grep -q '\"mm\":.null' '%s/config.json'", in("a")), 0);
    ck_assert_int_eq(RUN("evaluate", in("a"), in("cohort/volumes.csv"), "--json"), 0);
    expect_one_json_line();
    char whole[sizeof said.out];
    memcpy(whole, said.out, sizeof whole);
    ck_assert_int_eq(RUN("evaluate", in("a"), in("cohort/volumes.csv"), "--json", "--window", "-1250,250"), 0);
    ck_assert_str_eq(whole, said.out);
    ck_assert_int_eq(RUN("evaluate", in("a"), in("cohort/volumes.csv"), "--json", "--window", "minmax"), 0);
    ck_assert_str_ne(whole, said.out);
    ck_assert_int_eq(RUN("evaluate", in("a"), in("cohort/volumes.csv"), "--json", "--mm", "2"), 0);
    ck_assert_str_ne(whole, said.out);
    ck_assert_int_eq(run_tiny("train", in("cohort/volumes.csv"), in("c"), MORE("--epochs", "1", "--window", "lung", "--mm", "1.5")), 0);
    ck_assert_int_eq(
        shell("grep -q '\"window\":.\"-1350,150\"' '%s/config.json' && grep -q '\"mm\":.1.5' '%s/config.json'", in("c"), in("c")), 0);
    ck_assert_int_eq(shell("cut -d, -f1-8 '%s' > '%s'", in("cohort/manifest.csv"), in("cohort/plain.csv")), 0);
    RUN("evaluate", in("a"), in("cohort/plain.csv"), "--mm", "2");
    expect_sentence(3, "the spacing is not known");
    run_tiny("train", in("cohort/volumes.csv"), in("d"), MORE("--window", "bone"));
    expect_sentence(2, "the window is \"bone\"");
}
END_TEST

/* A run on volumes for the tests of prediction, with the chance of every pixel near a half. */
static const char *train_on_volumes(const char *name, const char *const *more) {
    const char *trained = in("%s", name);
    ck_assert_int_eq(run_tiny("crossval", in("cohort/volumes.csv"), trained, more), 0);
    return trained;
}

/* The mask and the map lie where the scan lies and agree with each other. Returns what share of the mask is not 0. */
static double expect_geometry(const char *scan, const char *mask, const char *map) {
    hl_volume a = read_volume(scan), b = read_volume(mask), c = read_volume(map);
    ck_assert_str_eq(a.axes, b.axes);
    ck_assert_str_eq(b.type, "uint8");
    ck_assert_str_eq(c.type, "float32");
    ck_assert_int_eq(memcmp(a.size, b.size, sizeof a.size), 0);
    ck_assert_int_eq(memcmp(a.affine, b.affine, sizeof a.affine), 0);
    ck_assert_int_eq(memcmp(a.affine, c.affine, sizeof a.affine), 0);
    int found = 0;
    for (int i = 0; i < VOXELS; i++) {
        ck_assert_float_eq(b.voxels[i], c.voxels[i] > 0.5f);
        found += b.voxels[i] != 0;
    }
    hl_volume_free(&a), hl_volume_free(&b), hl_volume_free(&c);
    return (double)found / VOXELS;
}

/* A slice of a predicted mask against the same slice predicted as a PNG file. */
static void expect_slices(const char *mask, const char *slices, const char *name) {
    hl_volume volume = read_volume(mask);
    float plane[SIZE * SIZE];
    for (int z = 0; z < SLICES; z++) {
        hl_picture picture;
        char path[600];
        snprintf(path, sizeof path, "%s/%s_%d.png", slices, name, z);
        ck_ok(hl, hl_png_read(hl, path, &picture));
        hl_volume_slice(&volume, z, plane);
        for (int i = 0; i < SIZE * SIZE; i++)
            ck_assert_msg((plane[i] != 0) == (picture.pixels[i] != 0), "%s: slice %d differs at pixel %d", mask, z, i);
        free(picture.pixels);
    }
    hl_volume_free(&volume);
}

START_TEST(masks_lie_where_scans_lie) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "2", "--val", "0"));
    static const char *const cases[] = {"p001_a", "p002_a", "p003_a", "p004_a"};
    const char *scans[4];
    for (int i = 0; i < 4; i++) scans[i] = in("cohort/%s_image.nii.gz", cases[i]);
    ck_assert_int_eq(
        RUN("predict", trained, scans[0], scans[1], scans[2], scans[3], "--out", in("masks"), "--probabilities", "--batch", "1"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, in("masks/p001_a_image.nii.gz")));
    ck_assert_ptr_nonnull(strstr(said.err, "severity is empty for p001_a_image and 3 others: no lungs"));
    ck_assert_int_eq(RUN("predict", trained, "--manifest", in("cohort/manifest.csv"), "--out", in("slices")), 0);
    double share = 0;
    for (int i = 0; i < 4; i++) {
        share += expect_geometry(scans[i], in("masks/%s_image.nii.gz", cases[i]), in("masks/%s_image_prob.nii.gz", cases[i])) / 4;
        expect_slices(in("masks/%s_image.nii.gz", cases[i]), in("slices"), cases[i]);
    }
    ck_assert_msg(share > 0.01 && share < 0.99, "the masks hold %g, nothing is compared", share);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", in("cohort/volumes.csv"), "--out", in("by_case"), "--batch", "1"), 0);
    ck_assert_int_eq(shell("cmp '%s' '%s'", in("masks/p002_a_image.nii.gz"), in("by_case/p002_a.nii.gz")), 0);
    expect_nothing_half_written();
}
END_TEST

/* A scan with left and right exchanged, in the same geometry. */
static void put_mirrored(const char *from, const char *to) {
    hl_volume volume = read_volume(from);
    float plane[SIZE * SIZE], turned[SIZE * SIZE];
    for (int z = 0; z < SLICES; z++) {
        hl_volume_slice(&volume, z, plane);
        for (int i = 0; i < SIZE * SIZE; i++) turned[i] = plane[i / SIZE * SIZE + SIZE - 1 - i % SIZE];
        hl_volume_put_slice(&volume, z, turned);
    }
    ck_ok(hl, hl_volume_write(hl, to, &volume, HL_VOXEL_FLOAT32));
    hl_volume_free(&volume);
}

/* The largest difference between one map and the other mirrored. */
static double mirrored_difference(const char *one, const char *other) {
    hl_volume a = read_volume(one), b = read_volume(other);
    double most = 0;
    for (int i = 0; i < VOXELS; i++) {
        int x = i % SIZE, y = i / SIZE % SIZE, z = i / (SIZE * SIZE);
        most = fmax(most, fabs((double)*voxel(&a, x, y, z) - (double)*voxel(&b, SIZE - 1 - x, y, z)));
    }
    hl_volume_free(&a), hl_volume_free(&b);
    return most;
}

/* With --flip-average what a mirrored scan gets is the mirror image of what the scan gets, and of lungs the other one. */
START_TEST(flips_are_averaged) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "1", "--val", "0"));
    const char *lungs = in("lungs");
    ck_assert_int_eq(
        run_tiny("train", in("cohort/volumes.csv"), lungs, MORE("--target", "lung", "--classes", "3", "--epochs", "2", "--val", "0")), 0);
    const char *scan = in("cohort/p003_a_image.nii.gz"), *mirrored = in("mirrored.nii.gz");
    put_mirrored(scan, mirrored);
    ck_assert_int_eq(RUN("predict", trained, scan, mirrored, "--out", in("plain"), "--probabilities"), 0);
    ck_assert_int_eq(RUN("predict", trained, scan, mirrored, "--out", in("flipped"), "--probabilities", "--flip-average"), 0);
    ck_assert_double_gt(mirrored_difference(in("plain/p003_a_image_prob.nii.gz"), in("plain/mirrored_prob.nii.gz")), 1e-4);
    ck_assert_double_lt(mirrored_difference(in("flipped/p003_a_image_prob.nii.gz"), in("flipped/mirrored_prob.nii.gz")), 1e-6);
    ck_assert_int_eq(RUN("predict", lungs, scan, mirrored, "--out", in("lung_masks"), "--probabilities", "--flip-average"), 0);
    ck_assert_double_lt(mirrored_difference(in("lung_masks/p003_a_image_prob_1.nii.gz"), in("lung_masks/mirrored_prob_2.nii.gz")), 1e-6);
    ck_assert_double_lt(mirrored_difference(in("lung_masks/p003_a_image_prob_2.nii.gz"), in("lung_masks/mirrored_prob_1.nii.gz")), 1e-6);
    ck_assert_double_gt(mirrored_difference(in("lung_masks/p003_a_image_prob_1.nii.gz"), in("lung_masks/mirrored_prob_1.nii.gz")), 1e-4);
    ck_assert_int_eq(shell("grep -q 'the run finds lungs, not lesions' '%s'", in("lung_masks/severity.csv")), 0);
    ck_assert_int_eq(RUN("predict", trained, scan, "--out", in("by_run"), "--lung-run", lungs), 0);
    RUN("predict", trained, scan, "--out", in("none"), "--lung-run", trained);
    expect_sentence(2, "finds lesions, expected one of lungs");
}
END_TEST

/* How many voxels of a mask are not 0. */
static int voxels_in(const char *path) {
    hl_volume volume = read_volume(path);
    int found = 0;
    for (int i = 0; i < VOXELS; i++) found += volume.voxels[i] != 0;
    hl_volume_free(&volume);
    return found;
}

START_TEST(masks_are_cleaned) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "2", "--val", "0")),
               *manifest = in("cohort/volumes.csv");
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("plain")), 0);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("clipped"), "--clip-to-lungs"), 0);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("none"), "--smallest", "900"), 0);
    int plain = voxels_in(in("plain/p001_a.nii.gz")), clipped = voxels_in(in("clipped/p001_a.nii.gz"));
    ck_assert_msg(plain > clipped && clipped > 0, "%d and %d voxels", plain, clipped);
    ck_assert_int_eq(voxels_in(in("none/p001_a.nii.gz")), 0);
    RUN("predict", trained, in("cohort/p001_a_image.nii.gz"), "--out", in("no"), "--clip-to-lungs");
    expect_sentence(2, "--clip-to-lungs needs lungs");
    RUN("predict", trained, "--manifest", in("cohort/manifest.csv"), "--out", in("no"), "--fill-holes");
    expect_sentence(2, "--fill-holes says nothing about pictures");
}
END_TEST

static void expect_same_masks(const char *one, const char *other) {
    ck_assert_int_eq(shell("for f in '%s'/*.nii.gz; do cmp \"$f\" '%s'/\"${f##*/}\" || exit 1; done >&2", one, other), 0);
}

/* Whatever the run chose is changed to 100 voxels of its grid, of which a pixel holds 1.25 x 1.25 of the scan's, and clipping. */
START_TEST(the_runs_own_choice_is_applied) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "2", "--val", "0.3", "--postprocess"));
    ck_assert_ptr_nonnull(strstr(said.out, "post-processing ("));
    const char *manifest = in("cohort/volumes.csv"), *size = "0.29296875"; /* 100 x 1.25^2 x 0.75 x 0.5 x 5 / 1000 */
    ck_assert_int_eq(shell("sed -i -E 's/(\"smallest\":.)[0-9.]+/\\1100/; s/(\"fill_holes\":.)true/\\1false/; "
                           "s/(\"clip_to_lungs\":.)false/\\1true/' '%s/metrics.json'",
                           trained),
                     0);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("own")), 0);
    ck_assert_ptr_nonnull(
        strstr(said.err, "post-processing: clipped to the lungs, lesions below 100 voxels of the run's grid removed, as the run chose"));
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("given"), "--clip-to-lungs", "--smallest", size), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "removed, as given instead of the run's"));
    expect_same_masks(in("own"), in("given"));
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("clipped"), "--clip-to-lungs"), 0);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("plain"), "--smallest", "0", "--probabilities"), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "post-processing: nothing is done, as given"));
    expect_geometry(in("cohort/p001_a_image.nii.gz"), in("plain/p001_a.nii.gz"), in("plain/p001_a_prob.nii.gz"));
    int plain = 0, clipped = 0, own = 0;
    for (int patient = 1; patient <= 6; patient++) {
        plain += voxels_in(in("plain/p%03d_a.nii.gz", patient));
        clipped += voxels_in(in("clipped/p%03d_a.nii.gz", patient));
        own += voxels_in(in("own/p%03d_a.nii.gz", patient));
    }
    ck_assert_msg(plain > clipped && clipped > own && own > 0, "%d, %d and %d voxels", plain, clipped, own);
    ck_assert_int_eq(RUN("predict", trained, in("cohort/p001_a_image.nii.gz"), "--out", in("alone")), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "1 of 1 volumes have no lungs to clip their masks to"));
    ck_assert_int_eq(RUN("predict", trained, "--manifest", in("cohort/manifest.csv"), "--out", in("pictures")), 0);
    ck_assert_ptr_nonnull(strstr(said.err, "post-processing: none, the run's goes with volumes"));
}
END_TEST

/* Voxels of a mask's largest component. */
static int64_t largest_in(const char *path) {
    hl_volume volume = read_volume(path);
    hl_stack stack = {.depth = SLICES, .height = SIZE, .width = SIZE};
    static uint8_t mask[VOXELS];
    static int32_t labels[VOXELS];
    static int64_t sizes[VOXELS + 1];
    int count;
    for (int i = 0; i < VOXELS; i++) mask[i] = *voxel(&volume, i % SIZE, i / SIZE % SIZE, i / SIZE / SIZE) != 0;
    ck_ok(hl, hl_components(hl, &stack, mask, HL_CONNECT_26, labels, &count));
    hl_component_sizes(labels, VOXELS, count, sizes);
    int64_t largest = 0;
    for (int k = 1; k <= count; k++) largest = sizes[k] > largest ? sizes[k] : largest;
    hl_volume_free(&volume);
    return largest;
}

/* A size in voxels of the grid that comes to half a voxel of the scan below its largest lesion, and one half a voxel above. */
START_TEST(a_size_on_the_grid_is_one_in_the_scan) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "2", "--val", "0.3", "--postprocess"));
    const char *manifest = in("cohort/volumes.csv"), *mask = in("own/p001_a.nii.gz");
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("plain"), "--smallest", "0"), 0);
    int64_t largest = largest_in(in("plain/p001_a.nii.gz"));
    ck_assert_int_gt(largest, 2);
    for (int above = 0; above < 2; above++) {
        double voxels = ((double)largest + (above ? 0.5 : -0.5)) / (1.25 * 1.25);
        ck_assert_int_eq(shell("sed -i -E 's/(\"smallest\":.)[0-9.]+/\\1%.6f/; s/(\"(fill_holes|clip_to_lungs)\":.)true/\\1false/' "
                               "'%s/metrics.json'",
                               voxels, trained),
                         0);
        ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("own")), 0);
        ck_assert_int_eq(above ? voxels_in(mask) : largest_in(mask), above ? 0 : largest);
    }
}
END_TEST

/* Severity by the manifest's lungs and by a folder of them; pictures. */
START_TEST(severity_and_pictures_are_written) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "1", "--val", "0"));
    ck_assert_int_eq(RUN("predict", trained, "--manifest", in("cohort/volumes.csv"), "--out", in("masks"), "--overlays"), 0);
    ck_assert_int_eq(shell("grep -q '^p001_a,0\\.[0-9]*,0\\.[0-9]*,0\\.[0-9]*,' '%s'", in("masks/severity.csv")), 0);
    ck_assert_int_eq(shell("test -s '%s' && test -s '%s'", in("masks/p001_a_sheet.png"), in("masks/p001_a_overlays/001.png")), 0);
    ck_assert_int_eq(shell("mkdir '%s' && cp '%s' '%s'", in("lungs"), in("cohort/p001_a_lung.nii.gz"), in("lungs/p001_a_image.nii.gz")), 0);
    ck_assert_int_eq(RUN("predict", trained, in("cohort/p001_a_image.nii.gz"), "--out", in("one"), "--lungs", in("lungs")), 0);
    ck_assert_int_eq(shell("test \"$(sed -n 's/^p001_a_image,//p' '%s')\" = \"$(sed -n 's/^p001_a,//p' '%s')\"", in("one/severity.csv"),
                           in("masks/severity.csv")),
                     0);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    make_volumes();
    const char *trained = train_on_volumes("run", MORE("--folds", "2", "--epochs", "1", "--val", "0"));
    const char *scan = in("cohort/p001_a_image.nii.gz"), *slice = in("cohort/centre1/p001/p001_a/image_00.png");
    RUN("predict", trained, slice, "--out", in("none"), "--overlays");
    expect_sentence(2, "--overlays says nothing about pictures");
    RUN("predict", trained, scan, "--out", in("none"), "--window", "5");
    expect_sentence(2, "the window is \"5\"");
    RUN("predict", trained, scan, in("cohort/../cohort/p001_a_image.nii.gz"), "--out", in("none"));
    expect_sentence(2, "would both become");
    RUN("predict", trained, scan, "--out", in("cohort"));
    expect_sentence(2, "would overwrite");
    RUN("predict", trained, slice, "--out", in("none"), "--mm", "1");
    expect_sentence(3, "the spacing is not known");
    ck_assert_int_eq(shell("head -c 2000 '%s' > '%s'", scan, in("short.nii.gz")), 0);
    RUN("predict", trained, in("short.nii.gz"), "--out", in("some"));
    ck_assert_int_eq(said.code, 3);
    ck_assert_ptr_nonnull(strstr(said.err, "short.nii.gz: the file ends after"));
    ck_assert_int_eq(shell("test -z \"$(ls '%s')\"", in("some")), 0);
    RUN("predict", trained, in("cohort/volumes.csv"), "--out", in("none"));
    expect_sentence(3, "expected a file whose name ends in .png, .nii, .nii.gz or .hdr");
}
END_TEST

/* A figure of the JSON object that was printed. */
static double printed(const char *key) {
    char text[64];
    snprintf(text, sizeof text, "\"%s\":", key);
    const char *at = strstr(said.out, text);
    ck_assert_msg(at != NULL, "no %s in %s", key, said.out);
    return atof(at + strlen(text));
}

/* At one scale, 0.6 mm a pixel of 0.75 x 0.5 mm, with the grid cropping the slices: volumes and slices are predicted the same, and scored
 * as they are predicted. */
START_TEST(one_scale_from_volumes_and_slices) {
    make_volumes();
    ck_assert_int_eq(
        shell("cd '%s' && cut -d, -f1-9 manifest.csv | sed '1s/$/,spacing_x,spacing_y/;1!s/$/,0.75,0.5/' > spaced.csv", in("cohort")), 0);
    const char *spaced = in("cohort/spaced.csv"), *volumes = in("cohort/volumes.csv"), *trained = in("run"), *truth = in("truth");
    ck_assert_int_eq(run_tiny("train", volumes, trained, MORE("--epochs", "4", "--lr", "3e-3", "--centre", "centre1", "--mm", "0.6")), 0);
    char *figures[2];
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(
            RUN("evaluate", trained, k ? spaced : volumes, "--centre", "centre2", "--grid", "native", "--threshold", "0.3", "--json"), 0);
        figures[k] = strdup(said.out);
    }
    ck_assert_str_eq(figures[0], figures[1]);
    double evaluated = printed("dsc_case_mean"), sensitivity = printed("sensitivity");
    ck_assert_double_gt(sensitivity, 0); /* something was predicted */
    ck_assert_int_eq(RUN("predict", trained, "--manifest", spaced, "--centre", "centre2", "--threshold", "0.3", "--out", in("slices")), 0);
    ck_assert_int_eq(shell("mkdir '%s' && awk -F, -v to='%s' -v from='%s' 'NR > 1 && $1 == \"centre2\" {system(\"cp \" from \"/\" $6 \" \" "
                           "to \"/\" $3 \"_\" $4 \".png\")}' '%s'",
                           truth, truth, in("cohort"), spaced),
                     0);
    ck_assert_int_eq(RUN("evaluate", "--pred", in("slices"), "--truth", truth, "--json"), 0);
    ck_assert_double_eq_tol(printed("dsc_case_mean"), evaluated, 1e-12);
    ck_assert_double_eq_tol(printed("sensitivity"), sensitivity, 1e-12);
    ck_assert_int_eq(
        RUN("predict", trained, "--manifest", volumes, "--centre", "centre2", "--threshold", "0.3", "--out", in("masks"), "--batch", "1"),
        0);
    expect_slices(in("masks/p006_a.nii.gz"), in("slices"), "p006_a");
    free(figures[0]), free(figures[1]);
}
END_TEST

static void open_all(void) {
    setup();
    hl = hl_open(&(hl_options){.threads = 1});
}
static void close_all(void) {
    hl_close(hl);
    teardown();
}

int main(void) {
    Suite *suite = suite_create("scans");
    TCase *tcase = slow_case(suite, "scans");
    tcase_add_checked_fixture(tcase, open_all, close_all);
    tcase_add_test(tcase, runs_from_volumes_are_runs_from_slices);
    tcase_add_test(tcase, masks_lie_where_scans_lie);
    tcase_add_test(tcase, one_scale_from_volumes_and_slices);
    tcase_add_test(tcase, flips_are_averaged);
    tcase_add_test(tcase, masks_are_cleaned);
    tcase_add_test(tcase, the_runs_own_choice_is_applied);
    tcase_add_test(tcase, a_size_on_the_grid_is_one_in_the_scan);
    tcase_add_test(tcase, severity_and_pictures_are_written);
    tcase_add_test(tcase, what_makes_no_sense_is_refused);
    return run_suite(suite);
}
