/* What the commands share: talk, ending, signals, the folder of decoded slices. */
#include "program.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int stopped;

void talk(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("hilum: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

hl_context *open_library(int threads) {
    hl_context *hl = hl_open(&(hl_options){.threads = threads});
    if (!hl) return talk("no memory to start with"), NULL;
    if (!*hl_error(hl)) return hl;
    talk("%s", hl_error(hl));
    return hl_close(hl), NULL;
}

int end_with(hl_context *hl, hl_status status) {
    if (status == HL_INTERRUPTED) talk("interrupted");
    else if (status) talk("%s", hl && *hl_error(hl) ? hl_error(hl) : "no memory");
    hl_close(hl);
    return status == HL_NO_MEMORY ? 1 : (int)status;
}

static void note_signal(int number) {
    (void)number;
    stopped = 1;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

void catch_signals(void) {
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

volatile const int *stop_flag(void) { return &stopped; }

char *join(const char *folder, const char *name) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return talk("no memory"), NULL;
    return path;
}

bool is_there(const char *path) { return access(path, F_OK) == 0; }

char *cache_folder(const char *said) {
    const char *own = getenv("HILUM_CACHE"), *general = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!said && own && *own) said = own;
    if (said) return strcmp(said, "none") ? strdup(said) : NULL;
    if (general && *general == '/') return join(general, "hilum");
    return home && *home ? join(home, ".cache/hilum") : NULL;
}
