/* What is installed can be built on: README's programs compile against it, and run. */
#include <string.h>

#include "../harness.h"

static char folder[64], build[4096];

static void setup(void) {
    const char *given = getenv("BUILD");
    snprintf(build, sizeof build, "%s", given ? given : "build");
    scratch_folder(folder);
}
static void teardown(void) { remove_folder(folder); }

/* Runs shell commands, $F the scratch folder and $B the build's; what they say goes to stderr when they fail. */
static void expect_success(const char *commands) {
    char command[12000];
    size_t used = (size_t)snprintf(command, sizeof command, "set -e; F='%s'; B='%s'; { %s; } >\"$F/log\" 2>&1", folder, build, commands);
    ck_assert_uint_lt(used, sizeof command);
    int code = system(command);
    if (code) {
        snprintf(command, sizeof command, "tail -n 30 '%s/log' >&2", folder);
        (void)!system(command);
    }
    ck_assert_msg(code == 0, "failed: %s", commands);
}

/* The first and the last loss that a program printed. */
static void read_losses(const char *name, double *first, double *last) {
    char path[128], line[256];
    int found = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "r");
    ck_assert_ptr_nonnull(stream);
    while (fgets(line, sizeof line, stream)) {
        const char *loss = strstr(line, "loss ");
        if (!loss) continue;
        *last = strtod(loss + 5, NULL);
        if (!found++) *first = *last;
    }
    fclose(stream);
    ck_assert_int_gt(found, 5);
}

START_TEST(test_readme_programs) {
    expect_success("make --no-print-directory install BUILD=\"$B\" PREFIX=\"$F/usr\"");
    expect_success(
        "awk -v to=\"$F/program\" '/^```c$/ { n++; inside = 1; next } /^```/ { inside = 0 } inside { print > (to n \".c\") }' README.md;"
        "test -s \"$F/program1.c\"; test -s \"$F/program2.c\"; test ! -e \"$F/program3.c\"");
    expect_success("for i in 1 2; do test $(wc -l < \"$F/program$i.c\") -le 60; ! grep '#include \"' \"$F/program$i.c\"; done");
    /* A library with a sanitizer in it wants programs with one. */
    expect_success("S=; grep -q __asan_init \"$B/libhilum.so\" && S=-fsanitize=address,undefined;"
                   "grep -q __tsan_init \"$B/libhilum.so\" && S=-fsanitize=thread;"
                   "for i in 1 2; do ${CC:-cc} -Wall -Wextra -Werror $S -o \"$F/program$i\" \"$F/program$i.c\""
                   " $(PKG_CONFIG_PATH=\"$F/usr/lib/pkgconfig\" pkg-config --cflags --libs hilum); done");
    expect_success("cd \"$F\"; export LD_LIBRARY_PATH=\"$F/usr/lib\"; ./program1 > out1; ./program2 > out2; test -s squares.safetensors; "
                   "test -s own.safetensors");
    for (int i = 1; i <= 2; i++) {
        char name[8];
        double first = 0, last = 0;
        snprintf(name, sizeof name, "out%d", i);
        read_losses(name, &first, &last);
        ck_assert_double_lt(last, 0.5 * first);
    }
    expect_success("LD_LIBRARY_PATH=\"$F/usr/lib\" \"$F/usr/bin/hilum\" --version");
}
END_TEST

/* Each header can be included alone. */
START_TEST(test_headers) {
    expect_success(
        "for h in include/hilum/*.h; do ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only -x c \"$h\"; done");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("install");
    TCase *tcase = slow_case(suite, "install");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_readme_programs);
    tcase_add_test(tcase, test_headers);
    return run_suite(suite);
}
