/* The options that describe a network: the same words in every command that builds one. */
#ifndef HL_APPS_NETWORK_H
#define HL_APPS_NETWORK_H

#include "hilum/nets.h"
#include "options.h"

/* What the words say, before it becomes hl_net_options. */
typedef struct network_words {
    double width;
    int channels; /* which of the choices */
} network_words;

enum { NETWORK_OPTIONS = 2 };

network_words network_defaults(void);
/* Fills NETWORK_OPTIONS rows of a table and returns how many that are. */
int network_options(network_words *words, option *rows);
hl_net_options network_of(const network_words *words);
/* Whether there is a net of that name; tells on stderr when not. */
bool known_network(const char *command, const char *net);

#endif
