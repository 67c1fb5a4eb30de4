/* Running another program, found in PATH, and what it said last. */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"

extern char **environ;

static int start(char *const *words, const char *log, pid_t *child) {
    posix_spawn_file_actions_t actions;
    int why = posix_spawn_file_actions_init(&actions);
    if (why) return why;
    why = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!why) why = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!why) why = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (!why) why = posix_spawnp(child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

hl_status hl_program_run(hl_context *hl, char *const *words, const char *log, int *code) {
    pid_t child;
    int status, why = start(words, log, &child);
    *code = HL_NOT_INSTALLED;
    if (why == ENOENT) return HL_OK;
    if (why) return hl_fail(hl, HL_FAILED, "%s cannot be started: %s", words[0], strerror(why));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return hl_fail(hl, HL_FAILED, "%s cannot be waited for: %s", words[0], strerror(errno));
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return HL_OK;
}

char *hl_program_last_words(hl_context *hl, const char *log) {
    char *text;
    if (hl_file_read(hl, log, &text, NULL)) return hl_strdup(hl, "");
    size_t length = strlen(text);
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) text[--length] = 0;
    const char *line = strrchr(text, '\n');
    if (line) memmove(text, line + 1, strlen(line));
    return text;
}
