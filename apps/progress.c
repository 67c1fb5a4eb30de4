/* How far a command is, on stderr: a bar with the time left on a terminal, a line an epoch and a fold in a log. */
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

progress progress_start(const char *what) { return (progress){.what = what, .terminal = isatty(STDERR_FILENO), .start = clock_seconds()}; }

/* "2:31 left", or nothing while there is too little to go by. */
static void left_text(progress *p, double fraction, char text[32]) {
    double now = clock_seconds();
    text[0] = 0;
    if (!p->begun) p->begun = true, p->first_fraction = fraction, p->first_at = now;
    double done = fraction - p->first_fraction;
    if (done < 0.002 || fraction >= 1) return;
    double seconds = fmin((now - p->first_at) * (1 - fraction) / done, 1e7);
    long s = lround(seconds);
    if (s >= 3600) snprintf(text, 32, ", %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, 32, ", %ld:%02ld left", s / 60, s % 60);
}

static void draw_bar(progress *p, const char *before, double fraction, bool force) {
    double now = clock_seconds();
    char left[32], bar[25];
    left_text(p, fraction, left);
    if (!force && p->drawn && now - p->drawn_at < 0.1) return;
    int full = (int)(fmax(0, fmin(1, fraction)) * 24);
    for (int i = 0; i < 24; i++) bar[i] = i < full ? '#' : '.';
    bar[24] = 0;
    fprintf(stderr, "\r\033[K%s [%s] %.0f %%%s", before, bar, 100 * fraction, left);
    fflush(stderr);
    p->drawn = true, p->drawn_at = now;
}

void progress_end(progress *p) {
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

/* A log's line for an epoch that ended. */
static void log_epoch(progress *p, const hl_run_progress *now) {
    const hl_progress *t = now->training;
    char left[32];
    left_text(p, now->fraction, left);
    if (now->folds > 1) fprintf(stderr, "fold %d/%d, ", now->fold + 1, now->folds);
    fprintf(stderr, "epoch %d/%d: loss %.4f", t->epoch, t->epochs, t->loss);
    if (!isnan(t->dsc_val)) fprintf(stderr, ", validation Dice %.4f%s", t->dsc_val, t->best ? " (best)" : "");
    fprintf(stderr, "%s, %.0f %% done%s\n", t->stopping ? ", stopping early" : "", 100 * now->fraction, left);
}

/* A log's line for a stage that began. */
static void log_stage(progress *p, const hl_run_progress *now) {
    char line[sizeof p->last];
    bool folded = now->folds > 1 && (!strcmp(now->stage, "training") || !strcmp(now->stage, "testing"));
    if (folded) snprintf(line, sizeof line, "fold %d/%d: %s", now->fold + 1, now->folds, now->stage);
    else snprintf(line, sizeof line, "%s", now->stage);
    if (!strcmp(line, p->last)) return;
    snprintf(p->last, sizeof p->last, "%s", line);
    fprintf(stderr, "%s\n", line);
}

void progress_of_run(void *user, const hl_run_progress *now) {
    progress *p = user;
    if (!p->terminal) {
        log_stage(p, now);
        if (now->training && now->training->epoch_done) log_epoch(p, now);
        return;
    }
    char before[128] = "";
    if (now->folds > 1) snprintf(before, sizeof before, "fold %d/%d ", now->fold + 1, now->folds);
    size_t used = strlen(before);
    const hl_progress *t = now->training;
    if (!t) snprintf(before + used, sizeof before - used, "%s", now->stage);
    else if (t->epoch_done && !isnan(t->dsc_val))
        snprintf(before + used, sizeof before - used, "epoch %d/%d loss %.3f Dice %.3f", t->epoch, t->epochs, t->loss, t->dsc_val);
    else snprintf(before + used, sizeof before - used, "epoch %d/%d loss %.3f", t->epoch, t->epochs, t->loss);
    draw_bar(p, before, now->fraction, t && t->epoch_done);
}

void progress_of_test(void *user, double fraction) {
    progress *p = user;
    if (p->terminal) draw_bar(p, p->what, fraction, false);
    else if (!p->last[0]) {
        snprintf(p->last, sizeof p->last, "%s", p->what);
        fprintf(stderr, "%s\n", p->what);
    }
}

void progress_note(void *user, const char *sentences) {
    progress_end(user);
    talk("%s", sentences);
}
