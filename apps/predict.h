/* What the parts of `hilum predict` share: its words, what becomes of each picture and scan. */
#ifndef HL_APPS_PREDICT_H
#define HL_APPS_PREDICT_H

#include "hilum/scan.h"
#include "hilum/study.h"
#include "options.h"

typedef struct predict_request {
    const char *out, *manifest; /* manifest: NULL where the pictures are named one by one */
    const char *lung_run, *lungs, *window_text;
    double threshold, mm;
    int fold, threads, batch; /* fold -1: the mean of all models */
    bool probabilities, allow_outside, flip, overlays;
    hl_cleaning cleaning;
    bool cleans; /* the words say what is done to masks, so that the run's own choice is not applied */
    text_list centres;
} predict_request;

/* A picture, or a scan, and what becomes of it. */
typedef struct job {
    hl_prediction what; /* of a scan only the image, the mask and the probabilities are read */
    bool is_scan;
    hl_units units;
    char *name, *mask, **maps; /* what `what` points to; maps: of the probabilities, `session.maps` of them, or NULL */
    char *sheet, *lung;        /* of a scan: NULL: no pictures, no mask of lungs */
} job;

/* The models of a run. */
typedef struct models {
    hl_model **items;
    int count;
} models;

/* A call of the command on its way. */
typedef struct session {
    const predict_request *r;
    hl_context *hl;
    hl_run *run, *lung_run; /* lung_run: NULL where none was named */
    models models, lung_models;
    hl_manifest *manifest;
    hl_window window; /* where r->window_text is there */
    double threshold;
    hl_postprocess post; /* the run's own, where it is applied; otherwise all 0 */
    job *jobs;
    int count, scans, maps;      /* pictures and scans; scans of them; maps of probabilities for each */
    hl_scan_severity_row *severities; /* of the scans that are done */
    int severity_count;
    int unclipped;         /* scans without lungs that the run's post-processing would clip to them */
    int bytes, unoriented; /* of the scans: recognised as 8-bit, without a word on which way left is */
    bool told;             /* what is wrong stands on stderr already */
} session;

/* Notes that the reason has been told. */
hl_status told(session *s, hl_status status);

/* --- predict_jobs.c: what goes where --- */

/* Pictures and scans named one by one: NAME.png becomes OUT/NAME.png, NAME.nii OUT/NAME.nii.gz. */
hl_status take_words(session *s, const char *const *images, int count);
/* A manifest's slices: slice 3 of the case NAME becomes OUT/NAME_3.png, as `hilum evaluate --pred` reads it; a case that is a volume
 * becomes OUT/NAME.nii.gz. */
hl_status take_manifest(session *s);
/* Before anything is written: no two outputs of one name, and none that is an input. */
hl_status check_outputs(session *s);
void free_jobs(session *s);
/* Whether a file can be read and its name is a picture's or a volume's; false after telling. */
bool check_input(const char *image);

/* --- predict_scans.c: scans --- */

/* Predicts a scan and writes all that is wanted of it; its severity joins the session's. */
hl_status predict_scan(session *s, const job *one, void (*report)(void *user, double fraction), void *user);
/* OUT/severity.csv. */
hl_status write_severities(session *s);

#endif
