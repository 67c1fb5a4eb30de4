/* Running dcm2niix, which makes volumes of DICOM files: by its name and a list of words, with no shell in between. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "data/layout.h"

extern char **environ;

static hl_status refuse_start(hl_context *hl, const char *in, int why) {
    if (why == ENOENT)
        return hl_fail(hl, HL_FAILED, "%s: DICOM files need the program dcm2niix (Debian's package dcm2niix), which is not installed", in);
    return hl_fail(hl, HL_FAILED, "%s: dcm2niix cannot be started: %s", in, strerror(why));
}

/* Its words go to a file. posix_spawnp finds the program in PATH. */
static hl_status start(hl_context *hl, const char *in, char *const *words, const char *log, pid_t *child) {
    posix_spawn_file_actions_t actions;
    int why = posix_spawn_file_actions_init(&actions);
    if (why) return refuse_start(hl, in, why);
    why = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!why) why = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!why) why = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (!why) why = posix_spawnp(child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return why ? refuse_start(hl, in, why) : HL_OK;
}

/* The last line that the program said. */
static hl_status refuse_end(hl_context *hl, const char *in, const char *log, int code) {
    char *text;
    if (hl_file_read(hl, log, &text, NULL)) return hl_fail(hl, HL_FAILED, "%s: dcm2niix ended with %d", in, code);
    size_t length = strlen(text);
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) text[--length] = 0;
    const char *line = strrchr(text, '\n');
    hl_status status = hl_fail(hl, HL_FAILED, "%s: dcm2niix ended with %d: %.300s", in, code, line ? line + 1 : text);
    free(text);
    return status;
}

/* Words that leave voxels as the scanner stored them: no defaults file, gzip by itself, nothing left out or cropped, no scaling; names
 * that cannot clash, of the series' number and UID, and beside each volume what its files say, the patient's ID among it. */
hl_status hl_dcm2niix(hl_context *hl, const char *in, const char *out) {
    char *log = hl_format(hl, "%s/dcm2niix.log", out);
    if (!log) return HL_NO_MEMORY;
    char *const words[] = {"dcm2niix", "-g", "i", "-z", "i", "-b", "y", "-ba", "n",     "-i", "n",         "-x",       "i", "-p",
                           "n",        "-l", "o", "-d", "9", "-w", "2", "-f",  "%s_%j", "-o", (char *)out, (char *)in, NULL};
    pid_t child;
    int code = 0;
    hl_status status = start(hl, in, words, log, &child);
    while (!status && waitpid(child, &code, 0) < 0)
        if (errno != EINTR) status = hl_fail(hl, HL_FAILED, "%s: dcm2niix cannot be waited for: %s", in, strerror(errno));
    if (!status && (!WIFEXITED(code) || WEXITSTATUS(code) == 127))
        status = WIFEXITED(code) ? refuse_start(hl, in, ENOENT) : refuse_end(hl, in, log, 128 + WTERMSIG(code));
    else if (!status && WEXITSTATUS(code)) status = refuse_end(hl, in, log, WEXITSTATUS(code));
    unlink(log);
    free(log);
    return status;
}
