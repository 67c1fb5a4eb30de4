/* `hilum pack`: a finished run made small enough to give away. */
#include <stdio.h>

#include "common.h"
#include "hilum/study.h"
#include "program.h"

int command_pack(int argc, char **argv) {
    const char *out = NULL;
    option table[] = {out_option(&out, "DIR", "the new folder, which must not hold a run yet")};
    usage u = {.name = "pack",
               .synopsis = "pack RUN --out DIR",
               .about = "Copies what predict, evaluate and calibrate need of a finished run: its options, folds and figures, and the best\n"
                        "weights with kernels in half precision, a sixth of what training keeps. folds.csv and metrics.json go with it, so that nobody\n"
                        "tests a model on its own training patients: look at the patients' names in them before you give them away.",
               .example = "hilum pack run --out small",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!out) return talk("pack: --out is missing: where the small run goes"), 2;
    hl_context *hl = open_library(1);
    if (!hl) return 2;
    hl_run *run = hl_run_open(hl, words[0]);
    hl_status status = run ? hl_run_pack(run, out) : hl_error_status(hl);
    hl_run_close(run);
    if (!status) puts(out);
    return end_with(hl, status);
}
