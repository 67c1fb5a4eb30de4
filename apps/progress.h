/* How far a command is, on stderr: a bar on a terminal, plain lines in a log. */
#ifndef HL_APPS_PROGRESS_H
#define HL_APPS_PROGRESS_H

#include "hilum/study.h"

typedef struct progress {
    const char *what; /* stands before the bar of a command without folds */
    bool terminal, drawn;
    double start, drawn_at;          /* in seconds of the clock */
    double first_fraction, first_at; /* where this call began: a resumed run does not start at 0 */
    bool begun;
    char last[96]; /* the line that a log got last, without figures */
} progress;

progress progress_start(const char *what);
/* For hl_run_hooks and hl_evaluate_options; `user` is the progress. */
void progress_of_run(void *user, const hl_run_progress *now);
void progress_of_test(void *user, double fraction);
/* For hl_run_hooks: says it on stderr. */
void progress_note(void *user, const char *sentences);
/* Takes the bar away. */
void progress_end(progress *p);
double clock_seconds(void);

#endif
