/* Holds nets to their golden vectors (test/golden/README.md): the table of all of them, and what agreement is. */
#ifndef HL_TEST_GOLDEN_H
#define HL_TEST_GOLDEN_H

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "harness.h"
#include "hilum/nets.h"

typedef struct tolerance {
    double eval_logits, train_logits, loss; /* largest difference over the root mean square; the loss relative */
    double gradient_worst, gradient_most;   /* of every tensor's L2; of nine in ten. Over max(golden L2, 1e-3 of the net's largest) */
    double moving;                          /* relative, of the L2 */
} tolerance;

/* Float: ReLU and max-pool ties and statistics over few values make the worst gradient what it is. */
static const tolerance in_float = {1e-4, 2e-3, 1e-4, 0.15, 1e-2, 1e-4};
static const tolerance in_double = {1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6};
/* Where double has to judge. In the deeper LinkNets a tenth of the gradients may be off by 1e-2, and that of ResNet-50's bn_data/beta, three
 * sums that all but cancel, by 0.13. Where the deepest maps have four values a channel, a training pass amplifies rounding: PyTorch's float
 * too is off by up to 6e-3 in the logits and 0.3 in gradients. */
static const tolerance of_deep_linknets = {1e-4, 4e-3, 1e-4, 0.3, 5e-2, 1e-4};
static const tolerance of_few_values = {1e-4, 2e-2, 4e-4, 1, 1, 1e-4};

/* The kernels a golden is run with. */
enum { PLAIN = 1, DEFAULT = 2, ANY_PROCESSOR = 4, DOUBLE = 8 };
/* Those for any processor are held as the deeper LinkNets are: in this one golden rounding happens to move all gradients a little, 76 of 346 by
 * 1.0 to 5.6 %, where four other seeds have at most 8 and the other kernels 2 to 4. */
enum { WIDER_ANY = 16 };
static const struct {
    int bit;
    const char *words, *isa; /* isa NULL: the best there is */
    hl_dtype dtype;
} ways[] = {
    {PLAIN, "plain loops", "ref", HL_F32},
    {DEFAULT, "default kernels", NULL, HL_F32},
    {ANY_PROCESSOR, "kernels for any processor", "blas", HL_F32},
    {DOUBLE, "plain loops in double", NULL, HL_F64},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* A golden is a file of test/golden and a row here: with which kernels `make check` runs it; `make check-all` adds the others. */
typedef struct golden {
    const char *file;
    const tolerance *fit; /* of the float kernels */
    int quick; /* and WIDER_ANY */
} golden;
static const golden goldens[] = {
    {"unet-vgg16", &in_float, PLAIN | DEFAULT | ANY_PROCESSOR},
    {"unet-resnet34", &in_float, PLAIN | DEFAULT},
    {"unet-densenet169", &in_float, PLAIN | DEFAULT},
    {"unet-efficientnetb1", &in_float, PLAIN | DEFAULT},
    {"linknet-vgg16", &in_float, PLAIN | DEFAULT},
    {"linknet-resnet34", &in_float, PLAIN | DEFAULT},
    {"linknet-densenet169", &in_float, PLAIN | DEFAULT},
    {"linknet-efficientnetb1", &in_float, PLAIN | DEFAULT | ANY_PROCESSOR},
    /* Three images, higher than wide. */
    {"unet-vgg16_96x64_b3", &in_float, DEFAULT},
    {"unet-resnet34_96x64_b3", &in_float, DEFAULT},
    {"unet-densenet169_96x64_b3", &in_float, 0},
    {"unet-efficientnetb1_96x64_b3", &in_float, 0},
    {"linknet-vgg16_96x64_b3", &in_float, 0},
    {"linknet-resnet34_96x64_b3", &in_float, 0},
    {"linknet-densenet169_96x64_b3", &in_float, DEFAULT},
    {"linknet-efficientnetb1_96x64_b3", &in_float, DEFAULT | WIDER_ANY},
    /* One image. */
    {"unet-vgg16_64x64_b1", &in_float, 0},
    {"unet-resnet34_64x64_b1", &of_few_values, 0},
    {"unet-densenet169_64x64_b1", &of_few_values, 0},
    {"unet-efficientnetb1_64x64_b1", &of_few_values, 0},
    {"linknet-vgg16_64x64_b1", &in_float, 0},
    {"linknet-resnet34_64x64_b1", &of_few_values, 0},
    {"linknet-densenet169_64x64_b1", &of_few_values, 0},
    {"linknet-efficientnetb1_64x64_b1", &of_few_values, 0},
    {"unet-resnet34_128x128_b1", &in_float, DEFAULT},
    {"unet-densenet169_128x128_b1", &in_float, 0},
    {"unet-efficientnetb1_128x128_b1", &in_float, 0},
    {"linknet-resnet34_128x128_b1", &in_float, 0},
    {"linknet-densenet169_128x128_b1", &in_float, 0},
    {"linknet-efficientnetb1_128x128_b1", &in_float, DEFAULT},
    /* Others of the families. */
    {"unet-vgg11", &in_float, DEFAULT | DOUBLE},
    {"linknet-vgg11", &in_float, DEFAULT | DOUBLE},
    {"unet-resnet18", &in_float, DEFAULT | DOUBLE},
    {"linknet-resnet18", &in_float, DEFAULT | DOUBLE},
    {"unet-resnet50", &in_float, DEFAULT},
    {"linknet-resnet50", &of_deep_linknets, DEFAULT},
    {"unet-densenet121", &in_float, DEFAULT | DOUBLE},
    {"linknet-densenet121", &in_float, DEFAULT | DOUBLE},
    {"unet-efficientnetb0", &in_float, DEFAULT | DOUBLE},
    {"linknet-efficientnetb0", &in_float, DEFAULT | DOUBLE},
    {"unet-efficientnetb3", &in_float, DEFAULT},
    {"linknet-efficientnetb3", &of_deep_linknets, DEFAULT},
    /* The decoders' options, and three classes. */
    {"unet-resnet18_transpose", &in_float, DEFAULT},
    {"linknet-resnet18_transpose", &in_float, DEFAULT},
    {"unet-resnet18_no-batch-norm", &in_float, DEFAULT},
    {"linknet-resnet18_no-batch-norm", &in_float, DEFAULT},
    {"unet-resnet18_filters", &in_float, DEFAULT},
    {"linknet-resnet18_filters", &in_float, DEFAULT},
    {"unet-resnet18_classes", &in_float, DEFAULT | DOUBLE},
    {"linknet-resnet18_classes", &in_float, DEFAULT},
    {"unet-vgg11_no-batch-norm", &in_float, DEFAULT},
    {"linknet-vgg11_no-batch-norm", &in_float, DEFAULT},
    {"unet-vgg11_transpose_no-batch-norm", &in_float, DEFAULT},
    {"linknet-vgg11_transpose_no-batch-norm", &in_float, DEFAULT},
};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static inline const cJSON *member(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(item != NULL, "%s is not there", key);
    return item;
}

static inline double number(const cJSON *object, const char *key) {
    const cJSON *item = member(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

static inline cJSON *read_golden(hl_context *hl, const char *file) {
    char path[160], *text;
    snprintf(path, sizeof path, "test/golden/%s.json", file);
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    cJSON *json = cJSON_Parse(text);
    free(text);
    ck_assert_msg(json != NULL, "%s is no JSON", path);
    return json;
}

/* The options a golden was made with; a word that is not known here fails. */
static inline hl_net_options options_of(const cJSON *json) {
    hl_net_options options = {0};
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "options")) {
        if (!strcmp(item->string, "classes")) options.classes = item->valueint;
        else if (!strcmp(item->string, "transpose")) options.transpose = cJSON_IsTrue(item);
        else if (!strcmp(item->string, "no_batch_norm")) options.no_batch_norm = cJSON_IsTrue(item);
        else if (!strcmp(item->string, "filters"))
            for (int i = 0; i < 5; i++) options.filters[i] = cJSON_GetArrayItem(item, i)->valueint;
        else ck_abort_msg("option %s is unknown", item->string);
    }
    return options;
}

/* Largest difference of the shown logits over the root mean square of the golden ones. */
static inline double logits_error(const cJSON *found, const cJSON *right, const char *key) {
    found = member(found, key), right = member(right, key);
    ck_assert_double_eq(number(found, "n"), number(right, "n"));
    const cJSON *a = member(found, "at"), *b = member(right, "at");
    ck_assert_int_eq(cJSON_GetArraySize(a), 32);
    ck_assert_int_eq(cJSON_GetArraySize(b), 32);
    double worst = 0, rms = number(right, "l2") / sqrt(number(right, "n"));
    for (int i = 0; i < 32; i++) worst = fmax(worst, fabs(cJSON_GetArrayItem(a, i)->valuedouble - cJSON_GetArrayItem(b, i)->valuedouble));
    return fmax(worst, fabs(number(found, "l2") - number(right, "l2")) / sqrt(number(right, "n"))) / rms;
}

static inline void check_logits(const cJSON *found, const cJSON *right, const char *key, double most, const char *what) {
    double error = logits_error(found, right, key);
    ck_assert_msg(error <= most, "%s: %s off by %g, at most %g", what, key, error, most);
}

static inline void check_gradients(const cJSON *found, const cJSON *right, const tolerance *t, const char *what) {
    found = member(found, "parameters"), right = member(right, "parameters");
    double largest = 0;
    int beyond = 0, count = cJSON_GetArraySize(right);
    ck_assert_int_eq(cJSON_GetArraySize(found), count);
    const cJSON *item;
    cJSON_ArrayForEach(item, right) largest = fmax(largest, number(item, "grad_l2"));
    cJSON_ArrayForEach(item, right) {
        const cJSON *mine = member(found, item->string);
        ck_assert_msg(number(mine, "n") == number(item, "n"), "%s: %s has %g elements, expected %g", what, item->string, number(mine, "n"), number(item, "n"));
        double error = fabs(number(mine, "grad_l2") - number(item, "grad_l2")) / fmax(number(item, "grad_l2"), 1e-3 * largest);
        ck_assert_msg(error <= t->gradient_worst, "%s: gradient of %s off by %g, at most %g", what, item->string, error, t->gradient_worst);
        beyond += error > t->gradient_most;
    }
    ck_assert_msg(beyond * 10 <= count, "%s: %d of %d gradients off by more than %g", what, beyond, count, t->gradient_most);
}

static inline void check_moving(const cJSON *found, const cJSON *right, double most, const char *what) {
    found = member(found, "moving"), right = member(right, "moving");
    ck_assert_int_eq(cJSON_GetArraySize(found), cJSON_GetArraySize(right));
    const cJSON *item;
    cJSON_ArrayForEach(item, right) {
        double error = fabs(number(member(found, item->string), "l2") - number(item, "l2")) / number(item, "l2");
        ck_assert_msg(error <= most, "%s: %s has moved elsewhere, by %g", what, item->string, error);
    }
}

/* Runs a golden's net with the kernels of ways[way] and compares everything. */
static inline void check_golden(const golden *g, int way) {
    char what[160];
    snprintf(what, sizeof what, "%s, %s", g->file, ways[way].words);
    bool wider = (g->quick & WIDER_ANY) && ways[way].bit == ANY_PROCESSOR;
    const tolerance *t = ways[way].dtype == HL_F64 ? &in_double : wider ? &of_deep_linknets : g->fit;
    hl_context *hl = hl_open(&(hl_options){.isa = ways[way].isa});
    cJSON *right = read_golden(hl, g->file);
    hl_net_options options = options_of(right);
    char *text;
    ck_ok(hl, hl_golden(hl, member(right, "network")->valuestring, &options, ways[way].dtype, (int)number(right, "batch"), (int)number(right, "height"),
                        (int)number(right, "width"), (uint64_t)number(right, "seed"), &text));
    cJSON *found = cJSON_Parse(text);
    free(text);
    check_logits(found, right, "eval_logits", t->eval_logits, what);
    check_logits(found, right, "train_logits", t->train_logits, what);
    double loss = fabs(number(found, "loss") - number(right, "loss")) / number(right, "loss");
    ck_assert_msg(loss <= t->loss, "%s: loss off by %g, at most %g", what, loss, t->loss);
    check_gradients(found, right, t, what);
    check_moving(found, right, t->moving, what);
    cJSON_Delete(right);
    cJSON_Delete(found);
    hl_close(hl);
}

/* The index-th pair of a golden and a way that `make check` runs (quick) or leaves to `make check-all`; false after the last. */
static inline bool golden_pair(bool quick, int index, const golden **g, int *way) {
    for (int i = 0; i < GOLDENS * WAYS; i++) {
        *g = &goldens[i / WAYS], *way = i % WAYS;
        if (!!((*g)->quick & ways[*way].bit) == quick && index-- == 0) return true;
    }
    return false;
}

static inline int golden_pairs(bool quick) {
    const golden *g;
    int count = 0, way;
    while (golden_pair(quick, count, &g, &way)) count++;
    return count;
}

#endif
