/* The options that shape a network: the same words in every command that builds one. */
#ifndef HL_APPS_SHAPE_H
#define HL_APPS_SHAPE_H

#include "hilum/nets.h"
#include "options.h"

/* What the words say, before it becomes hl_net_options. */
typedef struct shape_words {
    double width;
    int channels; /* which of the choices */
} shape_words;

enum { SHAPE_OPTIONS = 2 };

shape_words shape_defaults(void);
/* Fills SHAPE_OPTIONS rows of a table and returns what comes after them. */
option *shape_options(shape_words *words, option *rows);
hl_net_options shape_of(const shape_words *words);

#endif
