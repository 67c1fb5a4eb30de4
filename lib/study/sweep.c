/* Half-written files of processes that were killed, found by their names and removed. */
#include "study/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The process that a half-written file belongs to; 0: the name is not such a file's. */
static long writer_of(const char *name) {
    const char *mark = NULL;
    for (const char *at = name; (at = strstr(at, ".part")); at++) mark = at;
    if (!mark || mark == name) return 0;
    const char *digits = mark + strlen(".part");
    size_t length = strspn(digits, "0123456789");
    return length && !digits[length] ? strtol(digits, NULL, 10) : 0;
}

static bool is_running(long process) { return process == (long)getpid() || !kill((pid_t)process, 0) || errno == EPERM; }

hl_status hl_sweep(hl_context *hl, const char *folder) {
    DIR *listing = opendir(folder);
    hl_status status = HL_OK;
    for (struct dirent *entry; listing && !status && (entry = readdir(listing));) {
        struct stat info;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char *path = hl_format(hl, "%s/%s", folder, entry->d_name);
        if (!path) status = HL_NO_MEMORY;
        else if (!lstat(path, &info) && S_ISDIR(info.st_mode)) status = hl_sweep(hl, path);
        else if (writer_of(entry->d_name) && !is_running(writer_of(entry->d_name))) unlink(path);
        free(path);
    }
    if (listing) closedir(listing);
    return status;
}
