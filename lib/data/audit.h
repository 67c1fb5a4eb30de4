/* What an audit knows of slices and cases while it looks for faults. */
#ifndef HL_DATA_AUDIT_H
#define HL_DATA_AUDIT_H

#include <xxhash.h>

#include "data/faults.h"
#include "hilum/dataset.h"
#include "hilum/volume.h"

enum {
    HL_AUDIT_GRID = 64,  /* side of a case's mean slice */
    HL_AUDIT_SMALL = 32, /* side of the slices that are compared with one another */
    HL_AUDIT_SPECK = 20, /* pixels below which a mask's place says nothing */
    HL_AUDIT_LOWEST = -32768,
    HL_AUDIT_BINS = 32768 + 65536, /* a value a bin, from HL_AUDIT_LOWEST on */
};

/* What was found in the files of a manifest's row. */
typedef struct hl_slice_facts {
    bool read, flat;           /* the image could be read; it has one value only */
    XXH128_hash_t image, mask; /* of the decoded pixels */
    int width, height;
    float least, most;             /* of the image, as stored */
    double spacing[3];             /* of a volume; else the manifest's */
    bool has_mask, has_lung;       /* they could be read */
    int64_t lesion, lung, outside; /* pixels; of the lesion those outside of the lung */
    int64_t sided[2];              /* pixels labelled left lung, right lung */
    double middle[2][2];           /* of each: mean column and row */
    uint8_t small[HL_AUDIT_SMALL * HL_AUDIT_SMALL];
} hl_slice_facts;

typedef struct hl_case_facts {
    int first, end, centre; /* rows; index of the centre */
    int read;               /* slices read */
    int first_fault;        /* index of the first that may be its own while it is read */
    bool volumes;
    float least, most;
    double mean[HL_AUDIT_GRID * HL_AUDIT_GRID]; /* of the slices on a grid, their sum while reading */
    int64_t shown_lesion;                       /* pixels of the slice that is shown */
    bool mirrored;                              /* left and right are exchanged, or are not to be told */
} hl_case_facts;

typedef struct hl_auditing {
    hl_context *hl;
    const hl_manifest *manifest;
    const hl_audit_options *options;
    int rows;
    hl_slice_facts *slices; /* by row */
    hl_case_facts *cases;
    int64_t *bins; /* of each centre, HL_AUDIT_BINS */
    hl_audit *audit;
} hl_auditing;

static inline const hl_row *hl_audit_row(const hl_auditing *a, int row) { return hl_manifest_row(a->manifest, row); }
/* The first row of a case: whose it is. */
static inline const hl_row *hl_audit_of(const hl_auditing *a, int which) { return hl_audit_row(a, a->cases[which].first); }

/* Adds a fault about a case. */
hl_status hl_audit_fault(hl_auditing *a, int which, const char *kind, const char *format, ...) HL_PRINTF(4, 5);
/* Adds a file to the case's fault of this kind; where there is none yet, the fault is made with the sentence. */
hl_status hl_audit_file_fault(hl_auditing *a, int which, const char *kind, const char *path, const char *format, ...) HL_PRINTF(5, 6);
/* Names the images of a case in the last fault. */
hl_status hl_audit_name_images(hl_auditing *a, int which);

/* --- reading: audit_read.c --------------------------------------------------------------------------------------------- */

enum { HL_FILE_IMAGE, HL_FILE_MASK, HL_FILE_LUNG, HL_FILE_MASK2, HL_FILES };
extern const char *const hl_audit_file_names[HL_FILES];

/* The volume open for each of the columns. */
typedef struct hl_audit_reader {
    hl_context *hl;
    struct {
        const char *path; /* of the last volume; NULL: none yet */
        hl_status status; /* of reading it */
        char error[512];
        hl_volume volume;
        float least, most;
    } open[HL_FILES];
} hl_audit_reader;

/* One file of a row. */
typedef struct hl_plane {
    int width, height;
    float *values;   /* as stored; owner: whoever asked for it, free */
    float low, high; /* what is shown as black and as white */
    int slices;      /* of the volume; 0: a picture */
} hl_plane;

hl_status hl_audit_plane(hl_audit_reader *reader, int file, const char *path, int64_t slice, hl_plane *plane);
void hl_audit_reader_close(hl_audit_reader *reader);

/* Reads all files of a case, keeps the facts, and tells of what is wrong with single files. */
hl_status hl_audit_read_case(hl_auditing *a, hl_audit_reader *reader, int which);

/* A slice by what its pixels hash to. */
typedef struct hl_hashed {
    XXH128_hash_t hash;
    int which, row;
} hl_hashed;

/* Images, but for those of one value; or lesion masks, but for small ones. Sorted by hash, then row. Owner of *list: the caller, free. */
hl_status hl_audit_hashes(hl_auditing *a, bool masks, hl_hashed **list, int *count);

/* --- faults that cases have with one another, and the summary ------------------------------------------------------------ */

hl_status hl_audit_masks(hl_auditing *a);        /* audit_masks.c: empty, out of place, the same on two images */
hl_status hl_audit_turned(hl_auditing *a);       /* audit_turn.c */
hl_status hl_audit_sides(hl_auditing *a);        /* audit_masks.c: left and right exchanged; after hl_audit_turned */
hl_status hl_audit_same(hl_auditing *a);         /* audit_same.c */
hl_status hl_audit_patients(hl_auditing *a);     /* audit_cohort.c: patients of two centres, units */
hl_status hl_audit_fingerprints(hl_auditing *a); /* audit_cohort.c */

#endif
