/* A cohort whose slices are masked to the lungs, written slice by slice; its manifest comes last. */
#include "study/masked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/csv.h"

static const char *const names[] = {"image", "mask", "lung", "mask2"};

/* What a slice is written from and into. */
typedef struct masking {
    hl_session *s;
    hl_cohort *cohort;
    hl_model *model; /* NULL: the given lungs */
    int fold, height, width;
    size_t plane;
    float *image, *probabilities;
    uint8_t *mask, *mask2, *lung;
    uint16_t *grey;
    FILE *to; /* the manifest */
} masking;

char *hl_masked_manifest(const hl_session *s, int fold) {
    return fold < 0 ? hl_session_path(s, "data/masked-given/manifest.csv") : hl_session_path(s, "data/masked-%d/manifest.csv", fold);
}

/* data/masked-K/mask-000012.png */
static char *file_path(const masking *m, int what, int row) {
    if (m->fold < 0) return hl_session_path(m->s, "data/masked-given/%s-%06d.png", names[what], row);
    return hl_session_path(m->s, "data/masked-%d/%s-%06d.png", m->fold, names[what], row);
}

static hl_status write_file(const masking *m, int what, int row, const void *pixels) {
    char *path = file_path(m, what, row);
    hl_status status = path ? hl_png_write(m->s->hl, path, m->width, m->height, 1, what ? 8 : 16, pixels) : HL_NO_MEMORY;
    free(path);
    return status;
}

static hl_status find_lungs(masking *m, int row) {
    hl_status status = hl_cohort_slice(m->cohort, row, m->image, m->mask, m->mask2, m->lung);
    if (status || !m->model) return status;
    status = hl_cohort_image(m->cohort, row, false, m->image);
    if (!status) status = hl_model_predict(m->model, m->image, 1, m->probabilities);
    if (!status) hl_most_probable(m->probabilities, 3, m->plane, m->lung);
    return status;
}

static void put_row(const masking *m, int number, const hl_row *row, const hl_slice_info *info) {
    hl_placement placed = hl_cohort_placement(m->cohort, number);
    double spacing[3] = {info->spacing[0] * info->width / placed.width, info->spacing[1] * info->height / placed.height, row->spacing[2]};
    const char *texts[] = {row->centre, row->patient, row->case_name};
    for (int i = 0; i < 3; i++) hl_csv_put(m->to, texts[i]), fputc(',', m->to);
    fprintf(m->to, "%lld,image-%06d.png,", (long long)row->slice, number);
    if (*row->mask) fprintf(m->to, "mask-%06d.png", number);
    fprintf(m->to, ",lung-%06d.png,", number);
    if (*row->mask2) fprintf(m->to, "mask2-%06d.png", number);
    fprintf(m->to, ",%s", row->healthy ? "healthy" : "");
    for (int i = 0; i < 3; i++) {
        char text[32] = "";
        if (spacing[i] > 0) hl_number_text(text, spacing[i]);
        fprintf(m->to, ",%s", text);
    }
    fputc('\n', m->to);
}

static hl_status write_slice(masking *m, int number) {
    const hl_row *row = hl_manifest_row(hl_cohort_manifest(m->cohort), number);
    hl_status status = find_lungs(m, number);
    for (size_t i = 0; i < m->plane && !status; i++) {
        float value = m->lung[i] ? m->image[i] : 0;
        m->grey[i] = (uint16_t)(value * 65535 + 0.5f);
        m->mask[i] = m->mask[i] ? 255 : 0, m->mask2[i] = m->mask2[i] ? 255 : 0;
    }
    if (!status) status = write_file(m, 0, number, m->grey);
    if (!status && *row->mask) status = write_file(m, 1, number, m->mask);
    if (!status) status = write_file(m, 2, number, m->lung);
    if (!status && *row->mask2) status = write_file(m, 3, number, m->mask2);
    if (!status) put_row(m, number, row, hl_cohort_info(m->cohort, number));
    return status;
}

static hl_status allocate(masking *m) {
    hl_context *hl = m->s->hl;
    m->height = hl_cohort_height(m->cohort), m->width = hl_cohort_width(m->cohort), m->plane = (size_t)m->height * (size_t)m->width;
    m->image = hl_calloc(hl, m->plane, sizeof *m->image), m->probabilities = hl_calloc(hl, m->plane, 3 * sizeof *m->probabilities);
    m->mask = hl_calloc(hl, m->plane, 1), m->mask2 = hl_calloc(hl, m->plane, 1), m->lung = hl_calloc(hl, m->plane, 1);
    m->grey = hl_calloc(hl, m->plane, sizeof *m->grey);
    return m->image && m->probabilities && m->mask && m->mask2 && m->lung && m->grey ? HL_OK : HL_NO_MEMORY;
}

static hl_status write_all(masking *m, const char *manifest) {
    hl_new_file file = {0};
    hl_status status = hl_file_create(m->s->hl, &file, manifest);
    m->to = file.stream;
    if (!status) fputs("centre,patient,case,slice,image,mask,lung,mask2,group,spacing_x,spacing_y,spacing_z\n", m->to);
    for (int row = 0; row < hl_manifest_count(hl_cohort_manifest(m->cohort)) && !status; row++) {
        status = hl_session_stopped(m->s);
        if (!status) status = write_slice(m, row);
    }
    if (!status) return hl_file_commit(m->s->hl, &file);
    hl_file_discard(&file);
    return status;
}

hl_status hl_masked_write(hl_session *s, hl_run *lung, int fold, hl_cohort *cohort) {
    masking m = {.s = s, .cohort = cohort, .fold = fold};
    char *manifest = hl_masked_manifest(s, fold), *folder = hl_session_path(s, "data/masked-%d", fold);
    if (fold < 0) free(folder), folder = hl_session_path(s, "data/masked-given");
    hl_status status = manifest && folder ? HL_OK : HL_NO_MEMORY;
    if (!status && !hl_file_exists(manifest)) {
        hl_session_tell(s, "masking slices to the lungs", NULL, -1);
        status = hl_folder_make(s->hl, folder);
        if (!status && lung && !(m.model = hl_run_model(lung, fold, 1))) status = hl_error_status(s->hl);
        if (!status) status = allocate(&m);
        if (!status) status = write_all(&m, manifest);
    }
    hl_model_free(m.model);
    free(m.image), free(m.probabilities), free(m.mask), free(m.mask2), free(m.lung), free(m.grey), free(manifest), free(folder);
    return status;
}
