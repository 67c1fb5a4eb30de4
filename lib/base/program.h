/* Running another program: by its name and a list of words, with no shell in between. */
#ifndef HL_PROGRAM_H
#define HL_PROGRAM_H

#include "base/base.h"

enum { HL_NOT_INSTALLED = 127 };

/* Runs words[0], found in PATH, with the words up to NULL, nothing on its stdin, and waits for it. What it says goes to the file `log`, which the
 * caller removes. *code: its exit code, 128 and a signal's number, or HL_NOT_INSTALLED. HL_FAILED: it cannot be started or waited for. */
hl_status hl_program_run(hl_context *hl, char *const *words, const char *log, int *code);
/* The last line that stands in `log`, "" where nothing can be read. Owner: the caller, free. */
char *hl_program_last_words(hl_context *hl, const char *log);

#endif
