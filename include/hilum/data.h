/* Data: PNG slices, the manifest of slices and volumes, a cohort of slices at one size, folds of patients, the phantom cohort. */
#ifndef HILUM_DATA_H
#define HILUM_DATA_H

#include <stdbool.h>

#include "hilum/context.h"
#include "hilum/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- PNG ------------------------------------------------------------------------------------------------------ */

/* A grey picture. Owner of `pixels`: whoever asked for it, free. */
typedef struct hl_picture {
    int width, height;
    int maximum;      /* largest value of the file's type: 255 or 65535 */
    uint16_t *pixels; /* height x width, row by row */
} hl_picture;

/* Reads a PNG of 1 to 16 bits, grey, palette or colour (colour becomes grey: the mean of its three channels, 0 only where all are; alpha is
 * dropped; 1, 2 and 4 bits are widened to 8), interlaced or not. A missing, truncated or broken file is HL_BAD_INPUT. */
hl_status hl_png_read(hl_context *hl, const char *path, hl_picture *picture);
/* The same from memory; `name` stands in error texts. */
hl_status hl_png_decode(hl_context *hl, const char *name, const void *data, size_t bytes, hl_picture *picture);
/* Writes 8-bit grey (channels 1, bits 8), 8-bit RGB (3, 8) or 16-bit grey (1, 16; `pixels` are uint16_t in the machine's
 * order). The file appears whole or not at all. The same pixels give the same bytes. */
hl_status hl_png_write(hl_context *hl, const char *path, int width, int height, int channels, int bits, const void *pixels);
/* The same into memory. Owner of *data: the caller, free. */
hl_status hl_png_encode(hl_context *hl, int width, int height, int channels, int bits, const void *pixels, unsigned char **data, size_t *bytes);

/* --- the manifest --------------------------------------------------------------------------------------------- */

typedef struct hl_row {
    const char *centre, *patient, *case_name;
    int64_t slice; /* orders a case's slices; of a volume the axial index from 0 */
    const char *image, *mask, *lung, *mask2; /* PNG files or volumes: paths that can be opened as they are; "" where the cell is empty */
    bool healthy;                            /* group is `healthy` */
    double spacing[3];                       /* x, y, z in mm; 0 where not given */
    hl_units units;                          /* of a volume's values */
    int line;                                /* in the manifest, from 1 */
} hl_row;

typedef struct hl_manifest hl_manifest;

typedef struct hl_manifest_options {
    bool allow_outside;         /* paths may leave the manifest's folder */
    const char *const *centres; /* only rows of these centres; NULL: all */
    int centre_count;
} hl_manifest_options;

/* Reads and checks a manifest (RFC 4180 CSV with a header): columns, slice numbers, paths that leave the folder, the same
 * case and slice twice, a case of two patients or a patient of two centres. Rows come sorted by centre, patient, case, slice. Files are not opened. A centre asked for that no row
 * has is HL_BAD_INPUT and names those there are. Owner: the caller, hl_manifest_free. */
hl_manifest *hl_manifest_read(hl_context *hl, const char *path, const hl_manifest_options *options);
void hl_manifest_free(hl_manifest *manifest);
int hl_manifest_count(const hl_manifest *manifest);
const hl_row *hl_manifest_row(const hl_manifest *manifest, int row);
const char *hl_manifest_path(const hl_manifest *manifest);

/* --- a cohort: the manifest's slices at one size ---------------------------------------------------------------- */

typedef struct hl_cohort hl_cohort;

/* Which column of the manifest is the truth; a slice without that file is unlabelled. */
typedef enum hl_target {
    HL_TARGET_MASK, /* `mask`. One class: not 0 is lesion. More: the value is the class, 0 the background. */
    HL_TARGET_LUNG, /* `lung`. One class: any lung, divided or not. Three: none, left, right; an undivided lung is HL_BAD_INPUT. */
} hl_target;

enum { HL_CLASSES_MOST = 32 };

typedef struct hl_cohort_options {
    int height, width;        /* of the grid that nets see */
    const char *cache_folder; /* where decoded slices are kept between runs; NULL: in memory only */
    hl_target target;
    int classes;              /* of the truth, the background counted as one from 2 on; at most HL_CLASSES_MOST; 0: 1 */
    hl_window window;         /* of volumes */
    double mm;                /* a pixel of the grid, on a slice's axes: cropped or padded to the grid; 0: each slice is scaled to fit it */
} hl_cohort_options;

/* What is known of a slice after opening a cohort. */
typedef struct hl_slice_info {
    int width, height;                     /* of the file's own grid */
    int64_t lesion_pixels;                 /* of the truth that are not 0, on its own grid; -1 when unlabelled */
    int64_t class_pixels[HL_CLASSES_MOST]; /* the same by value; with one class 0 and 1 */
    bool labelled;
    double spacing[2];                     /* x, y in mm: the manifest's, else the volume's; 0: not known */
    hl_units units;                        /* of a volume's values; HL_UNITS_UNKNOWN: a PNG */
    bool recognised;                       /* the units were recognised: the manifest does not give them */
    hl_geometry geometry;                  /* what says which way left is; of a volume */
} hl_slice_info;

/* Opens every file's header and every mask: a missing file, a truncated PNG or volume, a mask (or mask2, lung) of another size
 * than its image or with a value that is no class is HL_BAD_INPUT here, before anything is trained, naming the file and the
 * manifest's line; so is a slice beyond its volume, a mask volume that lies turned against its image, and with `mm` a slice of unknown
 * spacing. With the target lung masks of lesions are not opened. A volume is read once for all its slices, at most four at a time. What was
 * decoded is kept in a memory-mapped file named after the content of all files and the options, so that a second epoch, and a second
 * run, decodes nothing. The manifest must outlive the cohort. Owner: the caller, hl_cohort_free. */
hl_cohort *hl_cohort_open(hl_context *hl, const hl_manifest *manifest, const hl_cohort_options *options);
void hl_cohort_free(hl_cohort *cohort);
const hl_manifest *hl_cohort_manifest(const hl_cohort *cohort);
int hl_cohort_height(const hl_cohort *cohort);
int hl_cohort_width(const hl_cohort *cohort);
int hl_cohort_classes(const hl_cohort *cohort);
const hl_slice_info *hl_cohort_info(const hl_cohort *cohort, int row);
int64_t hl_cohort_decoded(const hl_cohort *cohort); /* files decoded since it was opened, for tests and logs */

/* What a user should be told of the cohort's volumes, in sentences: how many are taken for 8-bit, or for Hounsfield units beside such, and
 * how many do not say which way left is. Owner: the caller, free. NULL: nothing, or no memory. */
char *hl_cohort_notes(const hl_cohort *cohort);

/* One slice on the cohort's grid, each height x width; any of the outputs may be NULL. image: 0..1; mask: the truth, 0 or 1 or with
 * more classes the class; mask2: the second reader's, with the target lung there is none; lung: 0, 1, 2 or 255. What the manifest
 * does not have is filled with 0. */
hl_status hl_cohort_slice(hl_cohort *cohort, int row, float *image, uint8_t *mask, uint8_t *mask2, uint8_t *lung);
/* The image a net reads of a slice: height x width, or with `context` three of them, the slices -1, 0 and +1 of the same case in
 * the manifest's order, labelled or not; beyond the first and the last the slice itself. */
hl_status hl_cohort_image(hl_cohort *cohort, int row, bool context, float *images);
/* The truth on its own grid, as in hl_cohort_slice, height x width of hl_cohort_info. Owner of *mask: the caller, free. */
hl_status hl_cohort_native_mask(hl_cohort *cohort, int row, uint8_t **mask);

/* Where a picture of height x width lands on a grid: scaled to fit, never stretched, padded with 0 evenly on
 * both sides (the smaller half before). */
typedef struct hl_placement {
    int top, left;     /* first row and column of the picture on the grid; below 0 where it is cropped */
    int height, width; /* of the picture on the grid */
} hl_placement;
hl_placement hl_fit_picture(int height, int width, int grid_height, int grid_width);
/* The same at one scale: spacing x and y and `mm`, a pixel of the grid, in mm. In the middle; a picture larger than the grid begins
 * before it, above or left of 0, and is cropped. */
hl_placement hl_place_picture(int height, int width, const double spacing[2], double mm, int grid_height, int grid_width);
/* Where the slice of a row lies on the grid. */
hl_placement hl_cohort_placement(const hl_cohort *cohort, int row);
/* Picture (0..1 after division by its maximum) to grid: area average when shrinking, bilinear when enlarging. */
hl_status hl_resize_image(hl_context *hl, const hl_picture *picture, int grid_height, int grid_width, float *grid);
/* Labels to grid by nearest: input index floor((i + 0.5) in / out). `labels` height x width. */
void hl_resize_labels(const uint8_t *labels, int height, int width, int grid_height, int grid_width, uint8_t *grid);
/* Probabilities from the grid back to the picture's own grid, bilinearly, padding left out. native: height x width. */
void hl_resize_back(const float *grid, int grid_height, int grid_width, int height, int width, float *native);
/* The three for any placement. Coming back, what lies beyond the grid is 0. */
hl_status hl_image_to_grid(hl_context *hl, const hl_picture *picture, const hl_placement *place, int grid_height, int grid_width, float *grid);
void hl_labels_to_grid(const uint8_t *labels, int height, int width, const hl_placement *place, int grid_height, int grid_width, uint8_t *grid);
void hl_grid_to_native(const float *grid, int grid_height, int grid_width, const hl_placement *place, int height, int width, float *native);

/* --- batches --------------------------------------------------------------------------------------------------- */

typedef struct hl_loader hl_loader;

/* One sample of an epoch: which slice, and how it is augmented. */
typedef struct hl_sample {
    int row;
    bool flip; /* left-right; what was the left lung is the right one then, and its class changes with it */
} hl_sample;

/* Starts a thread that prepares the batches of `samples` ahead of the consumer: batch b holds samples
 * starts[b] .. starts[b+1]-1 (starts has batches + 1 entries). `samples` and `starts` are copied. channels: of the
 * image; a grey slice is repeated on all of them, or with `context` the three are the slices -1, 0, +1. Owner: the caller,
 * hl_loader_free (which stops the thread). */
hl_loader *hl_loader_start(hl_cohort *cohort, const hl_sample *samples, const int *starts, int batches, int channels, bool context);
/* The next batch: *images n x H x W x channels, *masks n x H x W (the truth, as in hl_cohort_slice), *count = n; valid until the next call. After
 * the last one *count is 0. An error of the loader's thread is returned here. Nothing is allocated. */
hl_status hl_loader_next(hl_loader *loader, const float **images, const float **masks, int *count);
void hl_loader_free(hl_loader *loader);

/* --- folds ------------------------------------------------------------------------------------------------------ */

typedef enum hl_role { HL_ROLE_NONE = -1, HL_ROLE_TRAIN = 0, HL_ROLE_VAL = 1, HL_ROLE_TEST = 2 } hl_role;

typedef struct hl_folds hl_folds;

typedef struct hl_folds_options {
    int folds;          /* at least 2; 1: no test part (a `train` run) */
    double validation;  /* share of the patients outside the test part, 0 to below 1 */
    bool by_centre, by_burden; /* stratify */
    uint64_t seed;
} hl_folds_options;

/* Divides the labelled patients. Owner: the caller, hl_folds_free. Fewer patients than folds, or none left to train or
 * validate, is HL_BAD_INPUT. */
hl_folds *hl_folds_make(hl_context *hl, const hl_cohort *cohort, const hl_folds_options *options);
/* folds.csv: patient,fold,role. A patient twice in a fold, an unknown role, folds that do not start at 0 or leave one out:
 * HL_BAD_INPUT with the line. Patients of the cohort (when given, not NULL) that the file does not name, and the other way
 * round, are HL_BAD_INPUT; so is a patient that is test in two folds. */
hl_folds *hl_folds_read(hl_context *hl, const char *path, const hl_cohort *cohort);
hl_status hl_folds_write(hl_context *hl, const hl_folds *folds, const char *path);
void hl_folds_free(hl_folds *folds);
int hl_folds_count(const hl_folds *folds);
hl_role hl_folds_role(const hl_folds *folds, const char *patient, int fold); /* HL_ROLE_NONE: not named */
bool hl_folds_names(const hl_folds *folds, const char *patient);             /* in any fold */
bool hl_folds_have(const hl_folds *folds, hl_role role);                      /* whether anybody has it in any fold */

/* --- the phantom cohort ------------------------------------------------------------------------------------------ */

typedef struct hl_phantom_options {
    int patients;    /* in all */
    int centres;     /* the patients are spread evenly over them */
    int healthy;     /* of `patients`, spread evenly over the centres */
    int slices;      /* a patient */
    int size;        /* height and width in pixels */
    uint64_t seed;
    int first;       /* number of the first patient; 0: 1. Another stretch of numbers is further patients of the same centres. */
} hl_phantom_options;

hl_phantom_options hl_phantom_defaults(void);
/* Writes folder/manifest.csv and the PNG files it names: image (8-bit grey), lesion mask, second reader's mask (mask2) and
 * lung mask (1 left, 2 right). The same options give the same bytes. The manifest is written last. */
hl_status hl_phantom_write(hl_context *hl, const char *folder, const hl_phantom_options *options);

#ifdef __cplusplus
}
#endif
#endif
