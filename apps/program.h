/* What the commands share: talk, ending, signals, the folder of decoded slices. */
#ifndef HL_APPS_PROGRAM_H
#define HL_APPS_PROGRAM_H

#include "hilum/study.h"
#include "options.h"

/* Each takes what follows its name and returns the exit code. `hilum COMMAND --help` is answered inside. */
int command_train(int argc, char **argv);
int command_crossval(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_calibrate(int argc, char **argv);
int command_study(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_pack(int argc, char **argv);
int command_dataset(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_phantom(int argc, char **argv);
int command_nets(int argc, char **argv);
int command_summary(int argc, char **argv);
int command_augment(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_golden(int argc, char **argv);
int command_demo(int argc, char **argv);

/* One line on stderr behind "hilum: ". */
void talk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens the library; NULL after telling why not. */
hl_context *open_library(int threads);
/* Tells the library's last error, closes it (NULL: for want of memory) and returns the exit code of `status`. */
int end_with(hl_context *hl, hl_status status);

/* From here on the first Ctrl-C (or SIGTERM) only sets *stop_flag(); the second kills. */
void catch_signals(void);
volatile const int *stop_flag(void);

/* The folder of decoded slices: what --cache said (NULL: nothing), "none" for memory. Owner: the caller, free; NULL: memory. */
char *cache_folder(const char *said);

/* Where two parts of a path meet. Owner: the caller, free. NULL after telling: no memory. */
char *join(const char *folder, const char *name);
bool is_there(const char *path);

#endif
