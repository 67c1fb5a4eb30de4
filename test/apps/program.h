/* Running the program itself: its words, how it ended, what it said, and a scratch folder around it. */
#ifndef HL_TEST_PROGRAM_H
#define HL_TEST_PROGRAM_H

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness.h"
#include "hilum/data.h"

static const char *const tiny[] = {"--width", "0.125", "--size", "32", "--batch", "4", "--patience", "0", "--threads", "1", NULL};
enum { WORDS = 48 };

/* How a program ended and what it said. */
typedef struct ending {
    int code; /* 128 + the signal where one ended it */
    char out[65536], err[16384];
} ending;

static char program[4096], folder[64], home[4096];
static ending said;

static inline const char *in(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A path in the scratch folder; the last 64 stay valid. */
static inline const char *in(const char *format, ...) {
    static char paths[64][512];
    static int next;
    char *path = paths[next = (next + 1) % 64];
    int used = snprintf(path, 512, "%s/", folder);
    va_list list;
    va_start(list, format);
    vsnprintf(path + used, 512 - (size_t)used, format, list);
    va_end(list);
    return path;
}

static inline void slurp(const char *path, char *text, size_t size) {
    FILE *stream = fopen(path, "rb");
    size_t got = stream ? fread(text, 1, size - 1, stream) : 0;
    text[got] = 0;
    if (stream) fclose(stream);
}

/* What a child may be given besides its words. */
typedef struct circumstances {
    const char *out;     /* where stdout goes; NULL: into said.out */
    rlim_t largest_file; /* in bytes; 0: no limit */
} circumstances;

static inline pid_t start(const char *const *words, circumstances c) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child) return child;
    const char *all[WORDS + 2] = {program};
    for (int i = 0; i < WORDS && words[i]; i++) all[i + 1] = words[i];
    int out = open(c.out ? c.out : in("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600),
        err = open(in("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(99);
    if (c.largest_file) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){c.largest_file, c.largest_file});
    }
    execv(program, (char *const *)(void *)all);
    _exit(98);
}

static inline int finish(pid_t child) {
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    slurp(in("out"), said.out, sizeof said.out);
    slurp(in("err"), said.err, sizeof said.err);
    return said.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs the program; the words end with NULL. */
static inline int run(const char *const *words) { return finish(start(words, (circumstances){0})); }
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* `command MANIFEST --out RUN more...` on the tiny net. */
static inline void tiny_words(const char **words, const char *command, const char *manifest, const char *out, const char *const *more) {
    int count = 0;
    words[count++] = command, words[count++] = manifest, words[count++] = "--out", words[count++] = out;
    for (int i = 0; tiny[i]; i++) words[count++] = tiny[i];
    for (int i = 0; more && more[i]; i++) words[count++] = more[i];
    words[count] = NULL;
}
static inline int run_tiny(const char *command, const char *manifest, const char *out, const char *const *more) {
    const char *words[WORDS];
    tiny_words(words, command, manifest, out, more);
    return run(words);
}
#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})

/* One sentence on stderr, of the program, that mentions `part`. */
static inline void expect_sentence(int code, const char *part) {
    ck_assert_msg(said.code == code, "ended with %d instead of %d: %s", said.code, code, said.err);
    const char *line = strstr(said.err, "hilum: ");
    ck_assert_msg(line != NULL, "said \"%s\"", said.err);
    ck_assert_msg(strstr(line, part) != NULL, "said \"%s\", which lacks \"%s\"", said.err, part);
    const char *end = strchr(line, '\n');
    ck_assert_msg(end && !end[1], "said more than a sentence: \"%s\"", said.err);
}

static inline void expect_one_json_line(void) {
    size_t length = strlen(said.out);
    ck_assert_uint_gt(length, 2);
    ck_assert_int_eq(said.out[0], '{');
    ck_assert_str_eq(said.out + length - 2, "}\n");
    ck_assert_ptr_eq(strchr(said.out, '\n'), said.out + length - 1);
}

static inline int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline int shell(const char *format, ...) {
    char command[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    return system(command);
}

/* Half-written files carry .part in their names. */
static inline void expect_nothing_half_written(void) { ck_assert_int_eq(shell("test -z \"$(find '%s' -name '*.part*')\"", folder), 0); }

/* All files of two runs the same, but for timing.json. */
static inline void expect_same_run(const char *a, const char *b) {
    ck_assert_msg(shell("diff -r -x timing.json '%s' '%s' >&2", a, b) == 0, "%s and %s differ", a, b);
}

static inline void make_phantom(void) {
    ck_assert_int_eq(
        RUN("phantom", "--out", in("cohort"), "--patients", "8", "--centres", "2", "--healthy", "2", "--slices", "3", "--size", "40"), 0);
}

static inline void write_file(const char *path, const char *text) {
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs(text, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

static inline void setup(void) {
    const char *build = getenv("BUILD");
    snprintf(home, sizeof home, "%s/hilum", build ? build : "build");
    ck_assert_msg(realpath(home, program) != NULL, "%s is not built", home);
    scratch_folder(folder);
    setenv("HILUM_CACHE", "none", 1);
}
static inline void teardown(void) { remove_folder(folder); }

#endif
