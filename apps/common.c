/* The options that mean the same in every command: the same word, the same help. */
#include "common.h"

#include <math.h>
#include <stdio.h>

#include "program.h"

enum { PROGRAM_MEGABYTES = 30 }; /* code, libraries, the batches ahead */

option out_option(const char **target, const char *value, const char *help) { return text_option("out", target, value, help); }

option seed_option(uint64_t *target) {
    return (option){.name = "seed", .kind = OPTION_SEED, .target = target, .value = "N", .help = "of all random numbers"};
}

option size_option(int target[2]) {
    return (option){.name = "size", .kind = OPTION_SIZE, .target = target, .value = "N|HxW", .help = "the network's grid, height by width"};
}

option batch_option(int *target) { return integer_option("batch", target, 1, 1024, "slices a step"); }

option memory_limit_option(int *target) {
    option row = integer_option("memory-limit", target, PROGRAM_MEGABYTES + 1, 1 << 30,
                                "MB: values are computed again in backward, to the same bits, until a step takes no more");
    row.standard = "as much as it takes";
    return row;
}

size_t memory_bytes(int limit) { return limit > PROGRAM_MEGABYTES ? (size_t)(limit - PROGRAM_MEGABYTES) * 1000000 : 0; }

option width_option(double *target) {
    return positive_option("width", target, "F", 16, "times every channel count, to the nearest multiple of 8");
}

option classes_option(int *target) {
    return integer_option("classes", target, 1, HL_CLASSES_MOST, "1: lesion or not; more: the masks' values, 0 the background");
}

option epochs_option(int *target) { return integer_option("epochs", target, 1, 100000, "passes over the slices"); }

option precision_option(int *target) {
    static const char *const names[] = {"fp32", "bf16", NULL};
    return choice_option("precision", target, "fp32|bf16", names, "of the numbers training multiplies; bf16 takes AVX512_BF16, and is faster with AMX");
}

option threshold_option(double *target) {
    option row = number_option("threshold", target, "T", 1, "lesion is a probability above it; of runs of one class");
    row.standard = "0.5";
    *target = NAN;
    return row;
}

bool take_threshold(const char *command, const hl_run *run, double *threshold) {
    int classes = hl_run_get_options(run)->net_options.classes;
    if (isnan(*threshold)) return *threshold = 0.5, true;
    if (classes == 1) return true;
    return talk("%s: --threshold says nothing of a run of %d classes, which takes the most probable one", command, classes), false;
}

option window_option(const char **target, const char *standard) {
    option row = text_option("window", target, "LOW,HIGH", "of volumes: values that are black and white; or lung, minmax, percentile");
    row.standard = standard;
    return row;
}

option mm_option(double *target, const char *standard) {
    option row = positive_option("mm", target, "F", 100, "resample slices to so many mm a pixel, cropped or padded to --size");
    row.standard = standard;
    return row;
}

option centre_option(text_list *target) {
    return (option){.name = "centre",
                    .kind = OPTION_LIST,
                    .target = target,
                    .value = "NAME",
                    .help = "take only this centre; may be given again",
                    .standard = "all"};
}

option allow_outside_option(bool *target) { return flag_option("allow-outside", target, "paths may leave the manifest's folder"); }

option threads_option(int *target) {
    option row = integer_option("threads", target, 1, 1024, "worker threads; the result does not depend on them");
    row.standard = "all processors";
    return row;
}

option cache_option(const char **target) {
    option row = text_option("cache", target, "DIR", "where decoded slices are kept; none: in memory");
    row.standard = "~/.cache/hilum";
    return row;
}

option augment_option(const char **target) {
    return text_option("augment", target, "none|all|LIST", "kinds, how strong and how often, as flip,rotate=20,noise=0.1:0.5; see hilum augment");
}

bool take_augmentation(const char *command, const char *text, hl_augmentation *augmentation) {
    hl_context *hl = open_library(1);
    hl_status status = hl ? hl_augmentation_parse(hl, text, augmentation) : HL_NO_MEMORY;
    if (status && hl) talk("%s: --augment: %s", command, hl_error(hl));
    hl_close(hl);
    return !status;
}

option json_option(bool *target) { return flag_option("json", target, "print one JSON object on one line"); }

const char *postprocess_text(const hl_postprocess *what, char text[200]) {
    char small[80] = "";
    if (what->smallest > 0 && what->millilitres) snprintf(small, sizeof small, ", lesions below %g mL removed", what->smallest);
    else if (what->smallest > 0) snprintf(small, sizeof small, ", lesions below %g voxels of the run's grid removed", what->smallest);
    snprintf(text, 200, "%s%s%s", what->clip ? ", clipped to the lungs" : "", small, what->fill ? ", holes filled" : "");
    return *text ? text + 2 : "nothing is done";
}
