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
    const char *out;
    double threshold;
    int fold, threads; /* fold -1: the mean of all models */
    bool probabilities;
} request;

/* A picture and what it becomes. */
typedef struct job {
    const char *image;
    char *mask, *probabilities; /* probabilities: NULL where none are wanted */
} job;

static char *output_of(const char *folder, const char *image, const char *ending) {
    const char *slash = strrchr(image, '/'), *name = slash ? slash + 1 : image;
    char *path = NULL;
    if (asprintf(&path, "%s/%.*s%s.png", folder, (int)strlen(name) - 4, name, ending) < 0) return NULL;
    return path;
}

static void free_jobs(job *jobs, int count) {
    for (int i = 0; jobs && i < count; i++) free(jobs[i].mask), free(jobs[i].probabilities);
    free(jobs);
}

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
static int check_outputs(const job *jobs, int count) {
    place *inputs = calloc((size_t)count * 3, sizeof *inputs), *outputs = inputs + count;
    int output_count = 0;
    if (!inputs) return talk("no memory"), 1;
    for (int i = 0; i < count; i++) {
        inputs[i] = place_of(jobs[i].image, jobs[i].image);
        outputs[output_count++] = place_of(jobs[i].mask, jobs[i].image);
        if (jobs[i].probabilities) outputs[output_count++] = place_of(jobs[i].probabilities, jobs[i].image);
    }
    int code = check_places(inputs, count, outputs, output_count);
    free(inputs);
    return code;
}

static int check_input(const char *image) {
    size_t length = strlen(image);
    if (length < 5 || strcasecmp(image + length - 4, ".png") || image[length - 5] == '/')
        return talk("predict: %s: expected a file whose name ends in .png", image), 3;
    if (access(image, R_OK)) return talk("predict: %s: there is no such file, or it cannot be read", image), 3;
    return 0;
}

static int make_jobs(const request *r, const char *const *images, int count, job **jobs) {
    *jobs = calloc((size_t)count, sizeof **jobs);
    if (!*jobs) return talk("no memory"), 1;
    for (int i = 0; i < count; i++) {
        job *one = &(*jobs)[i];
        int code = check_input(images[i]);
        if (code) return code;
        *one = (job){.image = images[i], .mask = output_of(r->out, images[i], "")};
        if (r->probabilities) one->probabilities = output_of(r->out, images[i], "_prob");
        if (!one->mask || (r->probabilities && !one->probabilities)) return talk("no memory"), 1;
    }
    return check_outputs(*jobs, count);
}

/* The models to predict with: *count of them, from the run's folds. Owner: the caller, hl_model_free each, then free. */
static hl_status open_models(hl_context *hl, hl_run *run, const request *r, hl_model ***models, int *count) {
    int folds = hl_run_get_options(run)->folds;
    *count = 0;
    *models = calloc((size_t)folds, sizeof **models);
    if (!*models) return HL_NO_MEMORY;
    int first = r->fold < 0 ? 0 : r->fold, end = r->fold < 0 ? folds : r->fold + 1;
    for (int k = first; k < end; k++) {
        hl_model *model = hl_run_model(run, k, 1);
        if (!model) return hl_error_status(hl);
        (*models)[(*count)++] = model;
    }
    return HL_OK;
}

static hl_status predict_all(hl_context *hl, const char *folder, const request *r, const job *jobs, int count) {
    hl_model **models = NULL;
    int model_count = 0;
    hl_run *run = hl_run_open(hl, folder);
    hl_status status = run ? open_models(hl, run, r, &models, &model_count) : hl_error_status(hl);
    if (!status) status = hl_folder_make(hl, r->out);
    progress bar = progress_start("predicting");
    for (int i = 0; i < count && !status; i++) {
        if (*stop_flag()) status = HL_INTERRUPTED;
        else status = hl_run_predict(run, models, model_count, jobs[i].image, r->threshold, jobs[i].mask, jobs[i].probabilities);
        if (!status) progress_of_test(&bar, (i + 1.0) / count);
    }
    progress_end(&bar);
    for (int m = 0; m < model_count; m++) hl_model_free(models[m]);
    free(models);
    hl_run_close(run);
    return status;
}

static int predict(const request *r, const char *folder, const char *const *images, int count) {
    job *jobs;
    int code = make_jobs(r, images, count, &jobs);
    hl_context *hl = code ? NULL : open_library(r->threads);
    if (!code && !hl) code = 2;
    if (!code) {
        catch_signals();
        hl_status status = predict_all(hl, folder, r, jobs, count);
        for (int i = 0; i < count && !status; i++) puts(jobs[i].mask);
        code = end_with(hl, status);
    }
    free_jobs(jobs, count);
    return code;
}

int command_predict(int argc, char **argv) {
    request r = {.threshold = 0.5, .fold = -1};
    option fold = integer_option("fold", &r.fold, 0, 999, "this fold's model alone");
    fold.standard = "the mean of all";
    option table[] = {
        out_option(&r.out, "DIR", "where NAME.png goes for each picture NAME.png"),
        threshold_option(&r.threshold),
        flag_option("probabilities", &r.probabilities, "also NAME_prob.png: probability times 65535, 16 bits"),
        fold,
        threads_option(&r.threads),
    };
    usage u = {.name = "predict",
               .synopsis = "predict RUN IMAGE... --out DIR [options]",
               .about = "Writes the mask of each picture in the picture's own size: 255 is lesion, 0 is none. The\n"
                        "probability is the mean of the run's models. Prints the masks' paths.",
               .example = "hilum predict run slices/*.png --out masks",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 2,
               .words_most = INT_MAX};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!r.out) return talk("predict: --out is missing: where the masks go"), 2;
    return predict(&r, words[0], words + 1, count - 1);
}
