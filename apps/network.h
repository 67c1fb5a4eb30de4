/* The options that describe a network: the same words in every command that builds one. */
#ifndef HL_APPS_NETWORK_H
#define HL_APPS_NETWORK_H

#include "hilum/nets.h"
#include "options.h"

/* What the words say, before it becomes hl_net_options. */
typedef struct network_words {
    double width;
    int classes;
    int channels, decoder_block; /* which of the choices */
    const char *filters;
    bool no_batch_norm;
} network_words;

enum { NETWORK_OPTIONS = 6 };

network_words network_defaults(void);
/* Fills NETWORK_OPTIONS rows of a table and returns how many that are. */
int network_options(network_words *words, option *rows);
/* What the words ask for; false after telling what is wrong with them. */
bool network_take(const char *command, const network_words *words, hl_net_options *options);
/* Whether there is a net of that name; tells on stderr when not. */
bool known_network(const char *command, const char *net);

#endif
