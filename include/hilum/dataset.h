/* Datasets as they are found: a folder's layout recognised and made into a manifest, and the audit of a manifest. */
#ifndef HILUM_DATASET_H
#define HILUM_DATASET_H

#include "hilum/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- faults --------------------------------------------------------------------------------------------------------- */

/* Something that should be looked at before anything is trained. */
typedef struct hl_fault {
    const char *kind; /* one of hl_fault_kinds */
    char *text;       /* one sentence */
    char **files;     /* all that it is about */
    int file_count;
} hl_fault;

typedef struct hl_faults {
    hl_fault *items;
    int count;
    size_t capacity;
} hl_faults;

void hl_faults_free(hl_faults *faults);

/* --- a folder's layout ------------------------------------------------------------------------------------------------ */

/* Slices that share their files: all of a volume, or one picture. */
typedef struct hl_dataset_scan {
    char *centre, *patient, *case_name;
    int64_t slice;             /* number of the first */
    int slices;                /* how many; volumes have their number of axial slices */
    char *image, *mask, *lung; /* paths that can be opened; NULL: none */
    char *combined;            /* labels 1 left lung, 2 right lung, 3 lesion, of which missing masks are made; NULL: none is needed */
    bool healthy;
    hl_units units;    /* of a volume's values, recognised from them */
    double spacing[3]; /* x, y, z in mm; 0: not known */
} hl_dataset_scan;

typedef struct hl_dataset {
    const char *layout;     /* its name */
    int classes;            /* of the masks, the background counted; 1: lesion or not */
    char *manifest;         /* where the folder holds a manifest already; NULL: it does not */
    hl_dataset_scan *scans; /* sorted by centre, patient, case, slice */
    int count;
    hl_faults faults; /* such as masks whose image is not there */
    size_t capacity;
} hl_dataset;

typedef struct hl_dataset_options {
    const char
        *work; /* a folder for volumes made of DICOM files, made when it is needed; with files in it HL_FAILED. NULL: DICOM is HL_USAGE */
    bool allow_outside; /* paths of a manifest that lies in the folder may leave it */
    bool ct0_healthy;   /* MosMedData's CT-0 counts as healthy: slices without lesion, group `healthy` */
} hl_dataset_options;

/* Recognises what lies in a folder by names (and for nnU-Net and the Decathlon by dataset.json) and lists its scans; headers of volumes
 * are opened, and voxels for their units. A DICOM folder goes through the program dcm2niix, whose absence is HL_FAILED in a sentence. A
 * layout that nobody knows is HL_BAD_INPUT and names those that are known. Owner: the caller, hl_dataset_free. */
hl_dataset *hl_dataset_open(hl_context *hl, const char *folder, const hl_dataset_options *options);
void hl_dataset_free(hl_dataset *dataset);
/* Writes the manifest of a dataset; one that lies in the folder already is copied, with paths from its new place. Paths inside the
 * manifest's folder are written relative to it; *outside (may be NULL) counts files elsewhere, whose paths are absolute and need
 * `--allow-outside`. Masks that have to be made of combined ones go into the folder PATH-masks, PATH without .csv. */
hl_status hl_dataset_write(hl_context *hl, hl_dataset *dataset, const char *path, int *outside);

/* --- the audit of a manifest -------------------------------------------------------------------------------------------- */

/* What a centre's slices are like; of all centres where the name is NULL. What is not known is NaN. */
typedef struct hl_fingerprint {
    const char *name;
    int patients, cases, slices, labelled, lesion_slices;
    double burden;                            /* lesion pixels of all cases by their lung pixels, of slices that have both */
    double lesion_share;                      /* the same by all pixels of labelled slices */
    double spacing_least[3], spacing_most[3]; /* x, y, z in mm */
    int width[2], height[2];                  /* least and most */
    double least, low, median, high, most;    /* values as stored, low and high the 1st and 99th percentile in steps of 1 */
} hl_fingerprint;

enum { HL_THUMBNAIL = 128 };
/* A case to look at. */
typedef struct hl_audit_case {
    const hl_row *row; /* of the slice shown: the one with the largest lesion, or the middle one */
    bool faulty;       /* some fault is about it */
    bool labelled;
    uint8_t *image, *mask; /* HL_THUMBNAIL x HL_THUMBNAIL; mask 0 or 1. NULL: nothing could be read */
} hl_audit_case;

typedef struct hl_audit {
    hl_fingerprint all, *centres;
    int centre_count;
    hl_audit_case *cases; /* in the manifest's order */
    int case_count;
    int size, batch; /* suggested for training */
    hl_faults faults;
} hl_audit;

typedef struct hl_audit_options {
    int classes;                                 /* of the masks; 0 or 1: lesion or not */
    void (*report)(void *user, double fraction); /* how far it is, 0 to 1; may be NULL */
    void *user;
    volatile const int *stop; /* HL_INTERRUPTED soon after it is not 0; may be NULL */
} hl_audit_options;

/* Reads every file of a manifest (volumes one case at a time) and tells what does not fit: the kinds of hl_fault_kind. Files that cannot be
 * read are faults like the others; HL_OK however many there are. The manifest must outlive the audit. Owner: the caller, hl_audit_free. */
hl_status hl_audit_run(hl_context *hl, const hl_manifest *manifest, const hl_audit_options *options, hl_audit *audit);
void hl_audit_free(hl_audit *audit);
/* The kinds of faults and what each means; false from `index` = their number on. */
bool hl_fault_kind(int index, const char **kind, const char **meaning);
/* Adds faults found elsewhere, such as by hl_dataset_open. `from` is empty afterwards. */
hl_status hl_faults_move(hl_context *hl, hl_faults *from, hl_faults *to);

/* The audit as one JSON object on one line: centres, patients, cases, slices, lesion_slices, fingerprints, faults. `dataset` may be NULL.
 * Owner: the caller, free. */
char *hl_audit_json(hl_context *hl, const hl_audit *audit, const hl_dataset *dataset);
/* A page of faults, fingerprint and thumbnails of the cases, faulty ones first. */
hl_status hl_audit_page(hl_context *hl, const hl_audit *audit, const char *title, const char *path);

#ifdef __cplusplus
}
#endif
#endif
