/* `hilum predict`: which pictures and scans there are and what files each becomes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "predict.h"
#include "program.h"

/* --- places ---------------------------------------------------------------------------------------------------------- */

/* A file to be written, with the picture it comes from, or a picture with itself. */
typedef struct place {
    const char *path, *image;
    dev_t device;
    ino_t inode; /* 0: not there yet */
} place;

static place place_of(const char *path, const char *image) {
    struct stat status;
    if (stat(path, &status)) return (place){.path = path, .image = image};
    return (place){.path = path, .image = image, .device = status.st_dev, .inode = status.st_ino};
}

static int by_path(const void *a, const void *b) { return strcmp(((const place *)a)->path, ((const place *)b)->path); }

static int by_file(const void *left, const void *right) {
    const place *a = left, *b = right;
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

/* 0 or the exit code. */
static int check_places(place *inputs, int input_count, place *outputs, int output_count) {
    qsort(outputs, (size_t)output_count, sizeof *outputs, by_path);
    qsort(inputs, (size_t)input_count, sizeof *inputs, by_file);
    for (int i = 0; i < output_count; i++) {
        if (i && !by_path(&outputs[i - 1], &outputs[i]))
            return talk("predict: %s and %s would both become %s", outputs[i - 1].image, outputs[i].image, outputs[i].path), 2;
        const place *over = outputs[i].inode ? bsearch(&outputs[i], inputs, (size_t)input_count, sizeof *inputs, by_file) : NULL;
        if (over) return talk("predict: %s would overwrite the picture %s, choose another --out", outputs[i].path, over->image), 2;
    }
    return 0;
}

hl_status check_outputs(session *s) {
    size_t most = (size_t)s->count * (size_t)(3 + s->maps);
    place *inputs = calloc((size_t)s->count * 2 + most, sizeof *inputs), *outputs = inputs + (size_t)s->count * 2;
    int input_count = 0, output_count = 0;
    if (!inputs) return HL_NO_MEMORY;
    for (int i = 0; i < s->count; i++) {
        const job *one = &s->jobs[i];
        inputs[input_count++] = place_of(one->what.image, one->what.image);
        if (one->lung) inputs[input_count++] = place_of(one->lung, one->lung);
        outputs[output_count++] = place_of(one->mask, one->what.image);
        for (int m = 0; m < s->maps; m++) outputs[output_count++] = place_of(one->maps[m], one->what.image);
        if (one->sheet) outputs[output_count++] = place_of(one->sheet, one->what.image);
    }
    int code = check_places(inputs, input_count, outputs, output_count);
    free(inputs);
    return code ? told(s, (hl_status)code) : HL_OK;
}

void free_jobs(session *s) {
    for (int i = 0; i < s->count; i++) {
        job *one = &s->jobs[i];
        for (int m = 0; one->maps && m < s->maps; m++) free(one->maps[m]);
        free(one->maps), free(one->mask), free(one->name), free(one->sheet), free(one->lung);
    }
    free(s->jobs);
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

static bool is_png(const char *name) { return strlen(name) > 4 && !strcasecmp(name + strlen(name) - 4, ".png"); }

bool check_input(const char *image) {
    const char *slash = strrchr(image, '/'), *name = slash ? slash + 1 : image;
    if (!is_png(name) && !hl_volume_named(image))
        return talk("predict: %s: expected a file whose name ends in .png, .nii, .nii.gz or .hdr", image), false;
    if (access(image, R_OK)) return talk("predict: %s: there is no such file, or it cannot be read", image), false;
    return true;
}

/* The length of a name without its ending. */
static int stem_of(const char *name) {
    int length = (int)strlen(name);
    return length > 7 && !strcasecmp(name + length - 7, ".nii.gz") ? length - 7 : length - 4;
}

/* A file of the output folder. NULL: no memory. */
static char *output(const session *s, const job *one, const char *ending) {
    char *path;
    return asprintf(&path, "%s/%s%s", s->r->out, one->name, ending) < 0 ? NULL : path;
}

/* --lungs DIR: DIR/NAME.nii.gz or DIR/NAME.nii. A scan without one has no lungs. */
static hl_status find_lungs(const session *s, job *one) {
    static const char *const endings[] = {".nii.gz", ".nii", ".hdr"};
    for (int i = 0; i < 3 && s->r->lungs && !one->lung; i++) {
        if (asprintf(&one->lung, "%s/%s%s", s->r->lungs, one->name, endings[i]) < 0) return one->lung = NULL, HL_NO_MEMORY;
        if (access(one->lung, R_OK)) free(one->lung), one->lung = NULL;
    }
    return HL_OK;
}

/* The files that a job writes: OUT/NAME.png or .nii.gz and, where they are wanted, NAME_prob or one for each of several classes. Takes
 * `name`. */
static hl_status name_outputs(session *s, job *one, char *name) {
    const char *ending = one->is_scan ? ".nii.gz" : ".png";
    one->name = name;
    one->what.mask = one->mask = name ? output(s, one, ending) : NULL;
    if (!one->mask) return HL_NO_MEMORY;
    one->what.threshold = s->threshold, one->what.flip = s->r->flip, one->what.mm = s->r->mm;
    if (s->maps && !(one->maps = calloc((size_t)s->maps, sizeof *one->maps))) return HL_NO_MEMORY;
    for (int m = 0; m < s->maps; m++) {
        char tail[40];
        if (hl_run_get_options(s->run)->net_options.classes > 1) snprintf(tail, sizeof tail, "_prob_%d%s", m + 1, ending);
        else snprintf(tail, sizeof tail, "_prob%s", ending);
        if (!(one->maps[m] = output(s, one, tail))) return HL_NO_MEMORY;
    }
    one->what.probabilities = (const char *const *)one->maps;
    s->scans += one->is_scan;
    if (!one->is_scan) return HL_OK;
    if (s->r->overlays && !(one->sheet = output(s, one, "_sheet.png"))) return HL_NO_MEMORY;
    return find_lungs(s, one);
}

/* --- words and manifests ----------------------------------------------------------------------------------------------- */

hl_status take_words(session *s, const char *const *images, int count) {
    s->jobs = calloc((size_t)count, sizeof *s->jobs);
    if (!s->jobs) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    for (int i = 0; i < count && !status; i++) {
        job *one = &s->jobs[s->count++];
        const char *slash = strrchr(images[i], '/'), *name = slash ? slash + 1 : images[i];
        one->what.image = images[i], one->is_scan = hl_volume_named(images[i]);
        if (!one->is_scan && hl_run_get_options(s->run)->context)
            return talk("predict: the run reads each slice with its neighbours (--context): give its slices by --manifest"),
                   told(s, HL_USAGE);
        status = name_outputs(s, one, strndup(name, (size_t)stem_of(name)));
    }
    return status;
}

/* The picture of the slice `step` further on in the same case, or the slice's own at the case's end. */
static const char *neighbour(const session *s, int row, int step) {
    int to = row + step;
    const hl_row *here = hl_manifest_row(s->manifest, row);
    if (to < 0 || to >= hl_manifest_count(s->manifest)) return here->image;
    const hl_row *there = hl_manifest_row(s->manifest, to);
    return strcmp(here->case_name, there->case_name) ? here->image : there->image; /* a case belongs to one patient */
}

/* What a manifest's row becomes. */
static hl_status take_row(session *s, int index, job *one) {
    const hl_row *row = hl_manifest_row(s->manifest, index);
    char *name = NULL;
    if (strchr(row->case_name, '/') || strlen(row->case_name) > 200)
        return talk("predict: %s:%d: the case %s cannot name a file", s->r->manifest, row->line, row->case_name), told(s, HL_BAD_INPUT);
    one->what = (hl_prediction){.image = row->image, .spacing = {row->spacing[0], row->spacing[1]}};
    one->is_scan = hl_volume_named(row->image), one->units = row->units;
    if (one->is_scan) {
        if (hl_volume_named(row->lung) && !(one->lung = strdup(row->lung))) return HL_NO_MEMORY;
        return name_outputs(s, one, strdup(row->case_name));
    }
    one->what.before = neighbour(s, index, -1), one->what.after = neighbour(s, index, 1);
    if (asprintf(&name, "%s_%lld", row->case_name, (long long)row->slice) < 0) return HL_NO_MEMORY;
    return name_outputs(s, one, name);
}

/* Whether a row is of the volume that the row before it is of. */
static bool same_scan(const session *s, int row) {
    if (row == 0) return false;
    const hl_row *here = hl_manifest_row(s->manifest, row), *before = hl_manifest_row(s->manifest, row - 1);
    return hl_volume_named(here->image) && !strcmp(here->image, before->image) && !strcmp(here->case_name, before->case_name);
}

hl_status take_manifest(session *s) {
    const predict_request *r = s->r;
    hl_manifest_options options = {.allow_outside = r->allow_outside, .centres = r->centres.items, .centre_count = r->centres.count};
    s->manifest = hl_manifest_read(s->hl, r->manifest, &options);
    if (!s->manifest) return hl_error_status(s->hl);
    int count = hl_manifest_count(s->manifest);
    s->jobs = calloc((size_t)count, sizeof *s->jobs);
    hl_status status = s->jobs ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < count && !status; i++)
        if (!same_scan(s, i)) status = take_row(s, i, &s->jobs[s->count++]);
    return status;
}
