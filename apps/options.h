/* Options of the commands: one table a command, from which words are parsed and help is printed. */
#ifndef HL_APPS_OPTIONS_H
#define HL_APPS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,    /* bool; takes no value */
    OPTION_TEXT,    /* const char * */
    OPTION_LIST,    /* text_list; may be given again */
    OPTION_INTEGER, /* int, least to most */
    OPTION_NUMBER,  /* double, least to most */
    OPTION_SEED,    /* uint64_t */
    OPTION_SIZE,    /* int[2], height and width, multiples of what nets need */
    OPTION_CHOICE,  /* int, the index in `choices` */
} option_kind;

enum { LIST_LARGEST = 256 };
typedef struct text_list {
    const char *items[LIST_LARGEST];
    int count;
} text_list;

typedef struct option {
    const char *name; /* without the two dashes */
    option_kind kind;
    void *target;      /* holds the default already, which help prints */
    const char *value; /* what stands for the value in help */
    const char *help;
    const char *standard; /* the default in words, where the target's value does not say it; NULL: it does */
    double least, most;
    bool above;                 /* `least` itself is not allowed */
    const char *const *choices; /* NULL after the last */
    bool given;                 /* set by parse */
} option;

/* A command as its help shows it, and what its words are parsed by. */
typedef struct usage {
    const char *name;
    const char *synopsis; /* lines, each without "hilum " */
    const char *about;    /* what it does: whole sentences, in lines */
    const char *example;  /* lines */
    option *options;
    int option_count;
    int words_least, words_most; /* arguments that are no options */
} usage;

/* Rows of a table. Numbers reach from `least` (0 where there is none) to `most`; a positive one is not 0. */
option flag_option(const char *name, bool *target, const char *help);
option text_option(const char *name, const char **target, const char *value, const char *help);
option integer_option(const char *name, int *target, int least, int most, const char *help);
option number_option(const char *name, double *target, const char *value, double most, const char *help);
option positive_option(const char *name, double *target, const char *value, double most, const char *help);
option choice_option(const char *name, int *target, const char *value, const char *const *choices, const char *help);

enum { PARSED = -1 };
/* Parses what follows the command's name; words (room for argc of them) gets the arguments that are no options. PARSED, or
 * the exit code to end with: 0 after --help, 2 after telling on stderr what was wrong. */
int parse(const usage *u, int argc, char **argv, const char **words, int *word_count);

/* Whether the option of this name was given. */
bool given(const usage *u, const char *name);
/* The first option given that is not among `allowed` (NULL after the last); NULL: none. */
const char *given_besides(const usage *u, const char *const *allowed);

/* A value's text as a number within bounds; false after telling on stderr. `name` is the option's. */
bool parse_integer(const char *command, const char *name, const char *text, int least, int most, int *value);
/* What `text` was probably meant to be. count of names, or up to a NULL where count is -1. NULL: nothing comes near. */
const char *nearest(const char *text, const char *const *names, int count);

#endif
