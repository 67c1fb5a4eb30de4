/* `hilum predict`: the masks a run predicts for pictures. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "common.h"
#include "hilum/study.h"
#include "program.h"
#include "progress.h"

typedef struct request {
    const char *out, *manifest; /* manifest: NULL where the pictures are named one by one */
    double threshold;
    int fold, threads; /* fold -1: the mean of all models */
    bool probabilities, allow_outside;
    text_list centres;
} request;

/* A picture and what becomes of it. */
typedef struct job {
    hl_prediction what;
    char *mask, **maps; /* what `what` points to; maps: of the probabilities, `session.maps` of them, or NULL */
} job;

/* A call of the command on its way. */
typedef struct session {
    const request *r;
    hl_context *hl;
    hl_run *run;
    hl_manifest *manifest;
    double threshold;
    job *jobs;
    int count, maps; /* pictures; maps of probabilities for each */
    bool told; /* what is wrong stands on stderr already */
} session;

/* Notes that the reason has been told. */
static hl_status told(session *s, hl_status status) {
    s->told = true;
    return status;
}

/* --- what goes where ----------------------------------------------------------------------------------------------- */

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

/* No two outputs of one name, and none that is an input. 0 or the exit code. */
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

/* Before anything is written. */
static hl_status check_outputs(session *s) {
    place *inputs = calloc((size_t)s->count * (size_t)(2 + s->maps), sizeof *inputs), *outputs = inputs + s->count;
    int output_count = 0;
    if (!inputs) return HL_NO_MEMORY;
    for (int i = 0; i < s->count; i++) {
        const job *one = &s->jobs[i];
        inputs[i] = place_of(one->what.image, one->what.image);
        outputs[output_count++] = place_of(one->mask, one->what.image);
        for (int m = 0; m < s->maps; m++) outputs[output_count++] = place_of(one->maps[m], one->what.image);
    }
    int code = check_places(inputs, s->count, outputs, output_count);
    free(inputs);
    return code ? told(s, (hl_status)code) : HL_OK;
}

/* The files that a job writes: OUT/NAME.png and, where they are wanted, OUT/NAME_prob.png or one for each of several classes. */
static hl_status name_outputs(const session *s, job *one, const char *name, int length) {
    const char *out = s->r->out;
    if (asprintf(&one->mask, "%s/%.*s.png", out, length, name) < 0) return one->mask = NULL, HL_NO_MEMORY;
    one->what.mask = one->mask, one->what.threshold = s->threshold;
    if (!s->maps) return HL_OK;
    one->maps = calloc((size_t)s->maps, sizeof *one->maps);
    for (int m = 0; one->maps && m < s->maps; m++) {
        char class[16] = "";
        if (hl_run_get_options(s->run)->net_options.classes > 1) snprintf(class, sizeof class, "_%d", m + 1);
        if (asprintf(&one->maps[m], "%s/%.*s_prob%s.png", out, length, name, class) < 0) return one->maps[m] = NULL, HL_NO_MEMORY;
    }
    one->what.probabilities = (const char *const *)one->maps;
    return one->maps ? HL_OK : HL_NO_MEMORY;
}

/* Pictures named one by one: NAME.png becomes OUT/NAME.png. */
static hl_status take_pictures(session *s, const char *const *images, int count) {
    if (hl_run_get_options(s->run)->context)
        return talk("predict: the run reads each slice with its neighbours (--context): give its slices by --manifest"), told(s, HL_USAGE);
    s->jobs = calloc((size_t)count, sizeof *s->jobs);
    if (!s->jobs) return HL_NO_MEMORY;
    s->count = count;
    hl_status status = HL_OK;
    for (int i = 0; i < count && !status; i++) {
        const char *slash = strrchr(images[i], '/'), *name = slash ? slash + 1 : images[i];
        s->jobs[i].what.image = images[i];
        status = name_outputs(s, &s->jobs[i], name, (int)strlen(name) - 4);
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

/* A manifest's slices: slice 3 of the case NAME becomes OUT/NAME_3.png, as `hilum evaluate --pred` reads it. */
static hl_status take_manifest(session *s) {
    const request *r = s->r;
    hl_manifest_options options = {.allow_outside = r->allow_outside, .centres = r->centres.items, .centre_count = r->centres.count};
    s->manifest = hl_manifest_read(s->hl, r->manifest, &options);
    if (!s->manifest) return hl_error_status(s->hl);
    int count = hl_manifest_count(s->manifest);
    s->jobs = calloc((size_t)count, sizeof *s->jobs);
    if (!s->jobs) return HL_NO_MEMORY;
    s->count = count;
    hl_status status = HL_OK;
    for (int i = 0; i < count && !status; i++) {
        const hl_row *row = hl_manifest_row(s->manifest, i);
        char name[512];
        int length = snprintf(name, sizeof name, "%s_%lld", row->case_name, (long long)row->slice);
        if (strchr(name, '/') || length >= (int)sizeof name)
            return talk("predict: %s:%d: the case %s cannot name a file", r->manifest, row->line, row->case_name), told(s, HL_BAD_INPUT);
        s->jobs[i].what = (hl_prediction){.image = row->image, .before = neighbour(s, i, -1), .after = neighbour(s, i, 1)};
        status = name_outputs(s, &s->jobs[i], name, length);
    }
    return status;
}

/* --- predicting ------------------------------------------------------------------------------------------------------ */

/* The models to predict with: *count of them, from the run's folds. Owner: the caller, hl_model_free each, then free. */
static hl_status open_models(const session *s, hl_model ***models, int *count) {
    int folds = hl_run_get_options(s->run)->folds, fold = s->r->fold;
    *count = 0;
    *models = calloc((size_t)folds, sizeof **models);
    if (!*models) return HL_NO_MEMORY;
    int first = fold < 0 ? 0 : fold, end = fold < 0 ? folds : fold + 1;
    for (int k = first; k < end; k++) {
        hl_model *model = hl_run_model(s->run, k, 1);
        if (!model) return hl_error_status(s->hl);
        (*models)[(*count)++] = model;
    }
    return HL_OK;
}

static hl_status predict_all(const session *s) {
    hl_model **models = NULL;
    int model_count = 0;
    hl_status status = open_models(s, &models, &model_count);
    if (!status) status = hl_folder_make(s->hl, s->r->out);
    progress bar = progress_start("predicting");
    for (int i = 0; i < s->count && !status; i++) {
        if (*stop_flag()) status = HL_INTERRUPTED;
        else status = hl_run_predict(s->run, models, model_count, &s->jobs[i].what);
        if (!status) progress_of_test(&bar, (i + 1.0) / s->count);
    }
    progress_end(&bar);
    for (int m = 0; m < model_count; m++) hl_model_free(models[m]);
    free(models);
    return status;
}

static int end(session *s, hl_status status) {
    for (int i = 0; i < s->count; i++) {
        for (int m = 0; s->jobs[i].maps && m < s->maps; m++) free(s->jobs[i].maps[m]);
        free(s->jobs[i].maps), free(s->jobs[i].mask);
    }
    free(s->jobs);
    hl_run_close(s->run);
    if (s->manifest) hl_manifest_free(s->manifest);
    if (!s->told) return end_with(s->hl, status);
    hl_close(s->hl);
    return (int)status;
}

static bool check_input(const char *image) {
    size_t length = strlen(image);
    if (length < 5 || strcasecmp(image + length - 4, ".png") || image[length - 5] == '/')
        return talk("predict: %s: expected a file whose name ends in .png", image), false;
    if (access(image, R_OK)) return talk("predict: %s: there is no such file, or it cannot be read", image), false;
    return true;
}

/* Maps of probabilities that a run gives for a picture. */
static int maps_of(const hl_run *run) {
    int classes = hl_run_get_options(run)->net_options.classes;
    return classes > 1 ? classes - 1 : 1;
}

static int predict(const request *r, const char *folder, const char *const *images, int count) {
    for (int i = 0; i < count; i++) {
        if (!check_input(images[i])) return 3;
    }
    session s = {.r = r, .hl = open_library(r->threads), .threshold = r->threshold};
    if (!s.hl) return 2;
    catch_signals();
    s.run = hl_run_open(s.hl, folder);
    hl_status status = s.run ? HL_OK : hl_error_status(s.hl);
    if (!status && !take_threshold("predict", s.run, &s.threshold)) status = told(&s, HL_USAGE);
    if (!status && r->probabilities) s.maps = maps_of(s.run);
    if (!status) status = r->manifest ? take_manifest(&s) : take_pictures(&s, images, count);
    if (!status) status = check_outputs(&s);
    if (!status) status = predict_all(&s);
    for (int i = 0; i < s.count && !status; i++) puts(s.jobs[i].mask);
    return end(&s, status);
}

/* Pictures are named one by one or by a manifest, and a manifest's options go with a manifest. */
static bool complete(const request *r, int images) {
    if (!r->out) return talk("predict: --out is missing: where the masks go"), false;
    if (!r->manifest && !images) return talk("predict: a picture is missing, see: hilum predict --help"), false;
    if (r->manifest && images) return talk("predict: pictures beside --manifest, expected one or the other"), false;
    if (!r->manifest && (r->centres.count || r->allow_outside))
        return talk("predict: --%s goes with --manifest", r->centres.count ? "centre" : "allow-outside"), false;
    return true;
}

int command_predict(int argc, char **argv) {
    request r = {.fold = -1};
    option fold = integer_option("fold", &r.fold, 0, 999, "this fold's model alone");
    fold.standard = "the mean of all";
    option table[] = {
        out_option(&r.out, "DIR", "where NAME.png goes for each picture NAME.png, or CASE_SLICE.png for a manifest's"),
        text_option("manifest", &r.manifest, "FILE", "predict a manifest's slices; runs with --context need their neighbours"),
        centre_option(&r.centres),
        allow_outside_option(&r.allow_outside),
        threshold_option(&r.threshold),
        flag_option("probabilities", &r.probabilities,
                    "also NAME_prob.png, or of more than one class NAME_prob_K.png for class K: probability times 65535, 16 bits"),
        fold,
        threads_option(&r.threads),
    };
    usage u = {.name = "predict",
               .synopsis = "predict RUN IMAGE... --out DIR [options]\npredict RUN --manifest FILE --out DIR [options]",
               .about = "Writes the mask of each picture in the picture's own size: 255 is lesion, 0 is none; of a run of more\n"
                        "than one class the value is the class. The probability is the mean of the run's models. Prints the\n"
                        "masks' paths.",
               .example = "hilum predict run slices/*.png --out masks\nhilum predict run --manifest cohort/manifest.csv --out masks",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = INT_MAX};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!complete(&r, count - 1)) return 2;
    return predict(&r, words[0], words + 1, count - 1);
}
