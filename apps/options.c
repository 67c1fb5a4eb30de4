/* The rows and the parser of every command's options, and their help. */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/nets.h"
#include "program.h"

/* Edits (insert, delete, replace) that lead from a to b; texts beyond 63 characters are cut. */
static int distance(const char *a, const char *b) {
    int row[64], columns = (int)strnlen(b, 63);
    for (int j = 0; j <= columns; j++) row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < columns; j++) {
            int best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (diagonal + 1 < best) best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[columns];
}

const char *nearest(const char *text, const char *const *names, int count) {
    const char *best = NULL;
    int least = (int)strlen(text) / 2 + 2;
    for (int i = 0; count < 0 ? names[i] != NULL : i < count; i++) {
        int far = strncmp(names[i], text, strlen(text)) ? distance(text, names[i]) : 0;
        if (far < least) least = far, best = names[i];
    }
    return best;
}

/* --- rows ---------------------------------------------------------------------------------------------------------- */

option flag_option(const char *name, bool *target, const char *help) {
    return (option){.name = name, .kind = OPTION_FLAG, .target = target, .help = help};
}

option text_option(const char *name, const char **target, const char *value, const char *help) {
    return (option){.name = name, .kind = OPTION_TEXT, .target = target, .value = value, .help = help};
}

option integer_option(const char *name, int *target, int least, int most, const char *help) {
    return (option){.name = name, .kind = OPTION_INTEGER, .target = target, .value = "N", .help = help, .least = least, .most = most};
}

option number_option(const char *name, double *target, const char *value, double most, const char *help) {
    return (option){.name = name, .kind = OPTION_NUMBER, .target = target, .value = value, .help = help, .most = most};
}

option positive_option(const char *name, double *target, const char *value, double most, const char *help) {
    option row = number_option(name, target, value, most, help);
    row.above = true;
    return row;
}

option choice_option(const char *name, int *target, const char *value, const char *const *choices, const char *help) {
    return (option){.name = name, .kind = OPTION_CHOICE, .target = target, .value = value, .help = help, .choices = choices};
}

/* --- help ---------------------------------------------------------------------------------------------------------- */

/* A text of several lines, each behind `indent`. */
static void print_lines(const char *text, const char *indent) {
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        printf("%s%.*s\n", indent, (int)(end - text), text);
    }
}

/* The default as help prints it; empty: none. */
static void default_text(const option *o, char text[64]) {
    const int *size = o->target;
    text[0] = 0;
    if (o->standard) snprintf(text, 64, "%s", o->standard);
    else if (o->kind == OPTION_TEXT && *(const char **)o->target) snprintf(text, 64, "%s", *(const char **)o->target);
    else if (o->kind == OPTION_INTEGER) snprintf(text, 64, "%d", *(int *)o->target);
    else if (o->kind == OPTION_NUMBER) snprintf(text, 64, "%g", *(double *)o->target);
    else if (o->kind == OPTION_SEED) snprintf(text, 64, "%" PRIu64, *(uint64_t *)o->target);
    else if (o->kind == OPTION_SIZE && size[0] == size[1]) snprintf(text, 64, "%d", size[0]);
    else if (o->kind == OPTION_SIZE) snprintf(text, 64, "%dx%d", size[0], size[1]);
    else if (o->kind == OPTION_CHOICE) snprintf(text, 64, "%s", o->choices[*(int *)o->target]);
}

static void print_option(const option *o) {
    char left[64], standard[64];
    default_text(o, standard);
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-26s%s%s", left, strlen(left) > 25 ? "\n                            " : "", o->help);
    if (*standard) printf(" [%s]", standard);
    putchar('\n');
}

static void print_help(const usage *u) {
    puts("Usage:");
    print_lines(u->synopsis, "  hilum ");
    putchar('\n');
    print_lines(u->about, "");
    puts("\nOptions (defaults in brackets):");
    for (int i = 0; i < u->option_count; i++) print_option(&u->options[i]);
    printf("  %-26s%s\n", "--help", "print this");
    puts("\nExample:");
    print_lines(u->example, "  ");
}

/* --- values -------------------------------------------------------------------------------------------------------- */

bool parse_integer(const char *command, const char *name, const char *text, int least, int most, int *value) {
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end != text && !*end && !errno && number >= least && number <= most) return *value = (int)number, true;
    return talk("%s: --%s is \"%s\", expected a whole number from %d to %d", command, name, text, least, most), false;
}

static bool take_number(const char *command, const option *o, const char *text) {
    char *end;
    double number = strtod(text, &end);
    if (end != text && !*end && isfinite(number) && number >= o->least && number <= o->most && !(o->above && number == o->least))
        return *(double *)o->target = number, true;
    return talk("%s: --%s is \"%s\", expected a number %s %g and at most %g", command, o->name, text, o->above ? "above" : "of at least",
                o->least, o->most),
           false;
}

static bool take_seed(const char *command, const option *o, const char *text) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno) return *(uint64_t *)o->target = number, true;
    return talk("%s: --%s is \"%s\", expected a whole number from 0 to 18446744073709551615", command, o->name, text), false;
}

static bool take_size(const char *command, const option *o, const char *text) {
    int *size = o->target, multiple = hl_net_multiple();
    long side[2] = {0, 0};
    char *end;
    side[0] = side[1] = strtol(text, &end, 10);
    if (end != text && *end == 'x') {
        const char *second = end + 1;
        side[1] = strtol(second, &end, 10);
        if (end == second) side[1] = 0;
    }
    bool good = *text >= '0' && *text <= '9' && !*end;
    for (int i = 0; i < 2; i++) good = good && side[i] >= multiple && side[i] <= 4096 && side[i] % multiple == 0;
    if (good) return size[0] = (int)side[0], size[1] = (int)side[1], true;
    return talk("%s: --%s is \"%s\", expected N or HxW, multiples of %d up to 4096", command, o->name, text, multiple), false;
}

static bool take_choice(const char *command, const option *o, const char *text) {
    char all[256] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (!strcmp(text, o->choices[i])) return *(int *)o->target = i, true;
        const char *between = !i ? "" : o->choices[i + 1] ? ", " : " or ";
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", between, o->choices[i]);
    }
    return talk("%s: --%s is \"%s\", expected %s", command, o->name, text, all), false;
}

static bool take_item(const char *command, const option *o, const char *text) {
    text_list *list = o->target;
    if (list->count == LIST_LARGEST) return talk("%s: --%s is given more than %d times", command, o->name, LIST_LARGEST), false;
    return list->items[list->count++] = text, true;
}

static bool take(const char *command, const option *o, const char *text) {
    switch (o->kind) {
    case OPTION_FLAG:
        return *(bool *)o->target = true;
    case OPTION_TEXT:
        if (*text) return *(const char **)o->target = text, true;
        return talk("%s: --%s is empty", command, o->name), false;
    case OPTION_LIST:
        return take_item(command, o, text);
    case OPTION_INTEGER:
        return parse_integer(command, o->name, text, (int)o->least, (int)o->most, o->target);
    case OPTION_NUMBER:
        return take_number(command, o, text);
    case OPTION_SEED:
        return take_seed(command, o, text);
    case OPTION_SIZE:
        return take_size(command, o, text);
    case OPTION_CHOICE:
        return take_choice(command, o, text);
    }
    return false;
}

/* --- words --------------------------------------------------------------------------------------------------------- */

static bool refuse_unknown(const usage *u, const char *word, int length) {
    const char *names[64];
    char name[64];
    snprintf(name, sizeof name, "%.*s", length, word);
    int count = 0;
    for (; count < u->option_count && count < 63; count++) names[count] = u->options[count].name;
    names[count++] = "help";
    const char *meant = nearest(name, names, count);
    if (meant) talk("%s: the option --%s is unknown, did you mean --%s?", u->name, name, meant);
    else talk("%s: the option --%s is unknown, see: hilum %s --help", u->name, name, u->name);
    return false;
}

/* One option at argv[*at], which moves on past its value. */
static bool take_option(const usage *u, int argc, char **argv, int *at) {
    const char *word = argv[*at] + 2, *equals = strchr(word, '=');
    int length = (int)(equals ? (size_t)(equals - word) : strlen(word));
    option *o = NULL;
    for (int i = 0; i < u->option_count; i++) {
        const char *name = u->options[i].name;
        if ((int)strlen(name) == length && !strncmp(name, word, (size_t)length)) o = &u->options[i];
    }
    if (!o) return refuse_unknown(u, word, length);
    if (o->kind == OPTION_FLAG && equals) return talk("%s: --%s takes no value", u->name, o->name), false;
    if (o->kind != OPTION_FLAG && !equals && *at + 1 == argc) return talk("%s: --%s needs a value, %s", u->name, o->name, o->value), false;
    const char *text = o->kind == OPTION_FLAG ? "" : equals ? equals + 1 : argv[++*at];
    if (o->given && o->kind != OPTION_LIST) return talk("%s: --%s is given twice", u->name, o->name), false;
    o->given = true;
    return take(u->name, o, text);
}

static bool asks_for_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

int parse(const usage *u, int argc, char **argv, const char **words, int *word_count) {
    bool ended = false; /* by "--" */
    *word_count = 0;
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
        if (asks_for_help(argv[i])) return print_help(u), 0;
    }
    for (int i = 0; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1]) words[(*word_count)++] = argv[i];
        else if (!strcmp(argv[i], "--")) ended = true;
        else if (argv[i][1] != '-') return talk("%s: the option %s is unknown, options have two dashes", u->name, argv[i]), 2;
        else if (!take_option(u, argc, argv, &i)) return 2;
    }
    if (*word_count > u->words_most)
        return talk("%s: \"%s\" is one argument too many, see: hilum %s --help", u->name, words[u->words_most], u->name), 2;
    if (*word_count < u->words_least) return talk("%s: an argument is missing, see: hilum %s --help", u->name, u->name), 2;
    return PARSED;
}

bool given(const usage *u, const char *name) {
    for (int i = 0; i < u->option_count; i++)
        if (u->options[i].given && !strcmp(u->options[i].name, name)) return true;
    return false;
}

const char *given_besides(const usage *u, const char *const *allowed) {
    for (int i = 0; i < u->option_count; i++) {
        bool fine = !u->options[i].given;
        for (int k = 0; allowed[k]; k++) fine = fine || !strcmp(u->options[i].name, allowed[k]);
        if (!fine) return u->options[i].name;
    }
    return NULL;
}
