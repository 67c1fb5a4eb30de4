/* Running dcm2niix, which makes volumes of DICOM files. */
#include <stdlib.h>
#include <unistd.h>

#include "base/program.h"
#include "data/layout.h"

static hl_status refuse(hl_context *hl, const char *in, const char *log, int code) {
    if (code == HL_NOT_INSTALLED)
        return hl_fail(hl, HL_FAILED, "%s: DICOM files need the program dcm2niix (Debian's package dcm2niix), which is not installed", in);
    char *words = hl_program_last_words(hl, log);
    hl_status status = hl_fail(hl, HL_FAILED, "%s: dcm2niix ended with %d: %.300s", in, code, words ? words : "");
    free(words);
    return status;
}

/* Words that leave voxels as the scanner stored them: no defaults file, gzip by itself, nothing left out or cropped, no scaling; names
 * that cannot clash, of the series' number and UID, and beside each volume what its files say, the patient's ID among it. */
hl_status hl_dcm2niix(hl_context *hl, const char *in, const char *out) {
    char *log = hl_format(hl, "%s/dcm2niix.log", out);
    if (!log) return HL_NO_MEMORY;
    char *const words[] = {"dcm2niix", "-g", "i", "-z", "i", "-b", "y", "-ba", "n",     "-i", "n",         "-x",       "i", "-p",
                           "n",        "-l", "o", "-d", "9", "-w", "2", "-f",  "%s_%j", "-o", (char *)out, (char *)in, NULL};
    int code;
    hl_status status = hl_program_run(hl, words, log, &code);
    if (!status && code) status = refuse(hl, in, log, code);
    unlink(log);
    free(log);
    return status;
}
