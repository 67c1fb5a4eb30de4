/* The options that mean the same in every command: the same word, the same help. */
#ifndef HL_APPS_COMMON_H
#define HL_APPS_COMMON_H

#include "hilum/study.h"
#include "options.h"

/* What goes there differs, so the value's name and the help are the command's. */
option out_option(const char **target, const char *value, const char *help);
option seed_option(uint64_t *target);
option size_option(int target[2]);
option batch_option(int *target);
option width_option(double *target);
option classes_option(int *target);
option epochs_option(int *target);
option precision_option(int *target); /* of hl_precision */
/* The target becomes NaN: nothing was said. */
option threshold_option(double *target);
/* What a threshold comes to for a run; false after telling that it makes no sense there. */
bool take_threshold(const char *command, const hl_run *run, double *threshold);
/* Of volumes: the text that hl_window_parse reads. */
option window_option(const char **target, const char *standard);
option mm_option(double *target, const char *standard);
option centre_option(text_list *target);
option allow_outside_option(bool *target);
option threads_option(int *target);
option memory_limit_option(int *target); /* millions of bytes; 0: any */
/* What it leaves for plans and weights beside the program itself; 0: any. */
size_t memory_bytes(int limit);
option cache_option(const char **target);
option json_option(bool *target);
/* What is done to masks, in words; `text` is room for them. */
const char *postprocess_text(const hl_postprocess *what, char text[200]);
option augment_option(const char **target);
/* Its text's meaning; false after telling what is wrong with it. */
bool take_augmentation(const char *command, const char *text, hl_augmentation *augmentation);

#endif
