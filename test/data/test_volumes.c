/* Cohorts of volumes: the same as the same slices in PNG files, each volume read once; what is refused; one scale for all. */
#include <math.h>

#include "fixture.h"
#include "volumes.h"

enum { WIDTH = 12, HEIGHT = 9, SLICES = 4, CASES = 3, GRID = 8, PIXELS = GRID * GRID };
static const char *const orders[CASES] = {"LPS", "SAR", "AIL"};

/* A pattern that no turn or flip leaves as it is. Case 2 is an 8-bit volume. */
static int value_at(int which, int x, int y, int z) {
    int pattern = (x * 37 + y * 101 + z * 53 + x * y * 7) % 256;
    return which == 2 ? pattern : pattern * 8 - 1500;
}
static int lesion_at(int x, int y, int z) { return x > 6 && y > 2 + z; }
static int lung_at(int x, int y, int z) { return y < 2 || z == 3 ? 0 : x < 5 ? 2 : x > 6 ? 1 : 0; }

static void put_volumes(fixture *f, int which) {
    static const char *const names[] = {"image", "mask", "lung"};
    for (int file = 0; file < 3; file++) {
        hl_volume v =
            make_volume(f->hl, WIDTH, HEIGHT, SLICES, orders[(which + (file == 1)) % CASES]); /* masks are stored in another way */
        for (int i = 0; i < WIDTH * HEIGHT * SLICES; i++) {
            int x = i % WIDTH, y = i / WIDTH % HEIGHT, z = i / (WIDTH * HEIGHT);
            *voxel(&v, x, y, z) = (float)(file == 0 ? value_at(which, x, y, z) : file == 1 ? lesion_at(x, y, z) : lung_at(x, y, z));
        }
        char name[64];
        snprintf(name, sizeof name, "%s%d.nii.gz", names[file], which);
        ck_ok(f->hl, hl_volume_write(f->hl, fixture_path(f, name), &v, file ? HL_VOXEL_UINT8 : HL_VOXEL_FLOAT32));
        hl_volume_free(&v);
    }
}

static void put_picture(fixture *f, const char *name, int bits, const void *pixels) {
    ck_ok(f->hl, hl_png_write(f->hl, fixture_path(f, name), WIDTH, HEIGHT, 1, bits, pixels));
}

/* The slices of a case as PNG files: 16-bit ones through the standard window, 8-bit ones of the 8-bit volume. */
static void put_pictures(fixture *f, int which, int z) {
    uint16_t wide[WIDTH * HEIGHT];
    uint8_t bytes[WIDTH * HEIGHT], mask[WIDTH * HEIGHT], lung[WIDTH * HEIGHT];
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int x = i % WIDTH, y = i / WIDTH, value = value_at(which, x, y, z);
        wide[i] = (uint16_t)rint(fmin(fmax((value + 1250) * 65535.0 / 1500, 0), 65535));
        bytes[i] = (uint8_t)value, mask[i] = (uint8_t)lesion_at(x, y, z), lung[i] = (uint8_t)lung_at(x, y, z);
    }
    char name[64];
    snprintf(name, sizeof name, "image%d_%d.png", which, z);
    put_picture(f, name, which == 2 ? 8 : 16, which == 2 ? (const void *)bytes : wide);
    snprintf(name, sizeof name, "mask%d_%d.png", which, z);
    put_picture(f, name, 8, mask);
    snprintf(name, sizeof name, "lung%d_%d.png", which, z);
    put_picture(f, name, 8, lung);
}

#define HEADER "centre,patient,case,slice,image,mask,lung,units\n"

/* All cases as volumes and as PNG files, and a manifest of each. */
static void put_cohorts(fixture *f) {
    char volumes[4096] = HEADER, pictures[4096] = HEADER;
    for (int which = 0; which < CASES; which++) {
        put_volumes(f, which);
        for (int z = 0; z < SLICES; z++) {
            put_pictures(f, which, z);
            char row[256];
            snprintf(row, sizeof row, "a,p%d,c%d,%d,image%d.nii.gz,mask%d.nii.gz,lung%d.nii.gz,\n", which, which, z, which, which, which);
            strcat(volumes, row);
            snprintf(row, sizeof row, "a,p%d,c%d,%d,image%d_%d.png,mask%d_%d.png,lung%d_%d.png,\n", which, which, z, which, z, which, z,
                     which, z);
            strcat(pictures, row);
        }
    }
    put_text(f, "volumes.csv", volumes), put_text(f, "pictures.csv", pictures);
}

typedef struct opened {
    hl_manifest *manifest;
    hl_cohort *cohort;
} opened;

static opened open_with(fixture *f, const char *name, const hl_cohort_options *options) {
    opened o = {.manifest = hl_manifest_read(f->hl, fixture_path(f, name), NULL)};
    ck_assert_msg(o.manifest != NULL, "%s", hl_error(f->hl));
    o.cohort = hl_cohort_open(f->hl, o.manifest, options);
    return o;
}

static opened open_cohort(fixture *f, const char *name, const hl_cohort_options *options) {
    opened o = open_with(f, name, options);
    ck_assert_msg(o.cohort != NULL, "%s", hl_error(f->hl));
    return o;
}

static void close_cohort(opened *o) {
    hl_cohort_free(o->cohort);
    hl_manifest_free(o->manifest);
}

static void check_same(fixture *f, hl_cohort *a, hl_cohort *b) {
    float images[2][PIXELS];
    uint8_t masks[2][PIXELS], lungs[2][PIXELS], *native[2];
    for (int row = 0; row < CASES * SLICES; row++) {
        ck_ok(f->hl, hl_cohort_slice(a, row, images[0], masks[0], NULL, lungs[0]));
        ck_ok(f->hl, hl_cohort_slice(b, row, images[1], masks[1], NULL, lungs[1]));
        ck_assert_msg(!memcmp(images[0], images[1], sizeof *images), "the images of row %d differ", row);
        ck_assert_msg(!memcmp(masks[0], masks[1], sizeof *masks), "the masks of row %d differ", row);
        ck_assert_msg(!memcmp(lungs[0], lungs[1], sizeof *lungs), "the lungs of row %d differ", row);
        ck_assert_int_eq(hl_cohort_info(a, row)->lesion_pixels, hl_cohort_info(b, row)->lesion_pixels);
        ck_ok(f->hl, hl_cohort_native_mask(a, row, &native[0]));
        ck_ok(f->hl, hl_cohort_native_mask(b, row, &native[1]));
        ck_assert_int_eq(memcmp(native[0], native[1], WIDTH * HEIGHT), 0);
        free(native[0]), free(native[1]);
    }
}

START_TEST(volumes_are_their_slices) {
    fixture f;
    fixture_open(&f, 2);
    put_cohorts(&f);
    hl_cohort_options options = {.height = GRID, .width = GRID};
    opened volumes = open_cohort(&f, "volumes.csv", &options), pictures = open_cohort(&f, "pictures.csv", &options);
    ck_assert_int_eq(hl_cohort_decoded(volumes.cohort), 3 * CASES); /* each file once */
    check_same(&f, volumes.cohort, pictures.cohort);
    ck_assert_int_eq(hl_cohort_decoded(volumes.cohort), 3 * CASES + CASES); /* masks on their own pixels: once a case */
    const hl_slice_info *info = hl_cohort_info(volumes.cohort, 0);
    ck_assert(info->units == HL_UNITS_HU && info->recognised);
    ck_assert_double_eq(info->spacing[0], 0.75);
    ck_assert_double_eq(info->spacing[1], 0.5);
    ck_assert_int_eq(hl_cohort_info(volumes.cohort, CASES * SLICES - 1)->units, HL_UNITS_8BIT);
    ck_assert_int_eq(hl_cohort_info(pictures.cohort, 0)->units, HL_UNITS_UNKNOWN);
    char *notes = hl_cohort_notes(volumes.cohort);
    ck_assert_ptr_nonnull(notes);
    ck_assert_str_eq(notes, "1 of 3 volumes hold values from 0 to 255 and are taken for 8-bit ones, the others for Hounsfield units.");
    free(notes);
    ck_assert_ptr_null(hl_cohort_notes(pictures.cohort));
    close_cohort(&volumes), close_cohort(&pictures);
    fixture_close(&f);
}
END_TEST

/* units.csv: volumes.csv with the units given. */
static void give_units(fixture *f) {
    char command[512];
    snprintf(command, sizeof command, "sed 's/,$/,HU/' '%s/volumes.csv' > '%s/units.csv'", f->folder, f->folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(what_was_decoded_is_kept_by_window) {
    fixture f;
    fixture_open(&f, 1);
    put_cohorts(&f);
    char cache[128];
    snprintf(cache, sizeof cache, "%s/cache", f.folder);
    hl_cohort_options options = {.height = GRID, .width = GRID, .cache_folder = cache};
    float first[PIXELS], image[PIXELS];
    opened o = open_cohort(&f, "volumes.csv", &options);
    ck_ok(f.hl, hl_cohort_slice(o.cohort, 0, first, NULL, NULL, NULL));
    close_cohort(&o);
    o = open_cohort(&f, "volumes.csv", &options);
    ck_ok(f.hl, hl_cohort_slice(o.cohort, 0, image, NULL, NULL, NULL));
    ck_assert_int_eq(hl_cohort_decoded(o.cohort), 0);
    ck_assert_int_eq(memcmp(first, image, sizeof image), 0);
    ck_assert(hl_cohort_info(o.cohort, 0)->recognised);
    close_cohort(&o);
    options.window = (hl_window){HL_WINDOW_RANGE, -1350, 150};
    o = open_cohort(&f, "volumes.csv", &options);
    ck_ok(f.hl, hl_cohort_slice(o.cohort, 0, image, NULL, NULL, NULL));
    ck_assert_int_eq(hl_cohort_decoded(o.cohort), 3 * CASES);
    ck_assert_int_ne(memcmp(first, image, sizeof image), 0);
    close_cohort(&o);
    options.window = (hl_window){0};
    give_units(&f);
    o = open_cohort(&f, "units.csv", &options); /* given units are not recognised ones */
    ck_assert_int_eq(hl_cohort_decoded(o.cohort), 3 * CASES);
    ck_assert(hl_cohort_info(o.cohort, 2 * SLICES)->units == HL_UNITS_HU && !hl_cohort_info(o.cohort, 2 * SLICES)->recognised);
    close_cohort(&o);
    fixture_close(&f);
}
END_TEST

/* Slices of 12 x 9 pixels of 0.75 x 0.5 mm are 9 x 4.5 mm: at 1 mm 9 x 4 pixels (4.5 to the even one) on the 8 x 8 grid, cropped to the
 * left and padded above; at 3 mm 3 x 2. */
START_TEST(slices_come_to_one_scale) {
    fixture f;
    fixture_open(&f, 1);
    put_cohorts(&f);
    opened o = open_cohort(&f, "volumes.csv", &(hl_cohort_options){.height = GRID, .width = GRID, .mm = 1});
    hl_placement place = hl_cohort_placement(o.cohort, 1);
    ck_assert(place.width == 9 && place.height == 4 && place.left == 0 && place.top == 2);
    float image[PIXELS];
    ck_ok(f.hl, hl_cohort_slice(o.cohort, 1, image, NULL, NULL, NULL));
    for (int x = 0; x < GRID; x++)
        ck_assert(image[1 * GRID + x] == 0 && image[2 * GRID + x] > 0 && image[5 * GRID + x] > 0 && image[6 * GRID + x] == 0);
    close_cohort(&o);
    o = open_cohort(&f, "volumes.csv", &(hl_cohort_options){.height = GRID, .width = GRID, .mm = 3});
    place = hl_cohort_placement(o.cohort, 1);
    ck_assert(place.width == 3 && place.height == 2 && place.left == 2 && place.top == 3);
    close_cohort(&o);
    o = open_with(&f, "pictures.csv", &(hl_cohort_options){.height = GRID, .width = GRID, .mm = 1});
    ck_assert_ptr_null(o.cohort);
    check_error(f.hl, HL_BAD_INPUT, "pictures.csv:2: ");
    check_error(f.hl, HL_BAD_INPUT, "the spacing is not known");
    hl_manifest_free(o.manifest);
    fixture_close(&f);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------------------------------- */

static void check_refused(fixture *f, const char *row, const char *words) {
    char text[512];
    snprintf(text, sizeof text, HEADER "a,p,c,0,image0.nii.gz,mask0.nii.gz,,\n%s\n", row);
    put_text(f, "refused.csv", text);
    opened o = open_with(f, "refused.csv", &(hl_cohort_options){.height = GRID, .width = GRID});
    ck_assert_msg(o.cohort == NULL, "%s was taken", row);
    check_error(f->hl, HL_BAD_INPUT, "refused.csv:3: ");
    check_error(f->hl, HL_BAD_INPUT, words);
    hl_manifest_free(o.manifest);
}

/* A mask of 0.5 in the corner, in another's place, of another shape. */
static void put_odd_masks(fixture *f) {
    hl_volume v = make_volume(f->hl, WIDTH, HEIGHT, SLICES, "LPS");
    *voxel(&v, 1, 1, 2) = 0.5f;
    ck_ok(f->hl, hl_volume_write(f->hl, fixture_path(f, "half.nii"), &v, HL_VOXEL_FLOAT32));
    *voxel(&v, 1, 1, 2) = NAN;
    ck_ok(f->hl, hl_volume_write(f->hl, fixture_path(f, "nan.nii"), &v, HL_VOXEL_FLOAT32));
    hl_volume_free(&v);
    v = make_volume(f->hl, WIDTH, HEIGHT, SLICES + 1, "LPS");
    ck_ok(f->hl, hl_volume_write(f->hl, fixture_path(f, "longer.nii"), &v, HL_VOXEL_UINT8));
    hl_volume_free(&v);
    v = make_volume(f->hl, WIDTH, HEIGHT, SLICES, "RAS");
    nifti_1_header h;
    memcpy(&h, v.header, sizeof h);
    h.srow_x[3] += 500; /* nowhere near the image */
    memcpy(v.header, &h, sizeof h);
    ck_ok(f->hl, hl_volume_write(f->hl, fixture_path(f, "turned.nii"), &v, HL_VOXEL_UINT8));
    hl_volume_free(&v);
}

START_TEST(what_does_not_fit_is_refused) {
    fixture f;
    fixture_open(&f, 1);
    put_cohorts(&f);
    put_odd_masks(&f);
    check_refused(&f, "a,q,d,4,image1.nii.gz,mask1.nii.gz,,", "image1.nii.gz: slice 4 was asked for, the volume has slices 0 to 3");
    check_refused(&f, "a,q,d,-1,image1.nii.gz,mask1.nii.gz,,", "slice -1 was asked for");
    check_refused(&f, "a,q,d,2,image1.nii.gz,half.nii,,", "half.nii: slice 2 holds the value 0.5, expected labels");
    check_refused(&f, "a,q,d,2,nan.nii,,,", "is not a number");
    check_refused(&f, "a,q,d,2,image1.nii.gz,longer.nii,,", "is 12x9 of 5 slices, its image is 12x9 of 4");
    check_refused(&f, "a,q,d,2,image0.nii.gz,turned.nii,,", "turned.nii is stored as RAS and its image as LPS, with corners 500 mm apart");
    check_refused(&f, "a,q,d,2,image1.nii.gz,,,8bit", "image1.nii.gz: values run from -1500");
    check_refused(&f, "a,q,d,2,missing.nii.gz,,,", "missing.nii.gz: cannot be read");
    check_refused(&f, "a,q,d,2,image1.nii.gz,mask1_2.png,missing.nii,", "missing.nii: cannot be read");
    put_text(&f, "units.csv", HEADER "a,p,c,0,image0.nii.gz,,,hounsfield\n");
    ck_assert_ptr_null(hl_manifest_read(f.hl, fixture_path(&f, "units.csv"), NULL));
    check_error(f.hl, HL_BAD_INPUT, "the units \"hounsfield\" is unknown, expected HU or 8bit");
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("volumes");
    TCase *tcase = slow_case(suite, "volumes");
    tcase_add_test(tcase, volumes_are_their_slices);
    tcase_add_test(tcase, what_was_decoded_is_kept_by_window);
    tcase_add_test(tcase, slices_come_to_one_scale);
    tcase_add_test(tcase, what_does_not_fit_is_refused);
    return run_suite(suite);
}
