/* A study's file, read with inih, whose lines are counted here so that whatever is wrong is named by its own. */
#include "study/ini.h"

#include <ini.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/csv.h"

enum { longest = 190 }; /* bytes of a line, which inih reads into 200 */

/* A file on its way into entries. */
typedef struct reading {
    hl_ini *ini;
    const char *next; /* what has not been read yet */
    int line;
    hl_status status;
} reading;

static char *next_line(char *room, int size, void *stream) {
    reading *r = stream;
    if (!*r->next || r->status) return NULL;
    size_t length = strcspn(r->next, "\n"), whole = length + (r->next[length] == '\n');
    r->line++;
    if (length > longest || length + 2 > (size_t)size) {
        r->status =
            hl_fail(r->ini->hl, HL_BAD_INPUT, "%s:%d: the line has %zu bytes, expected at most %d", r->ini->path, r->line, length, longest);
        return NULL;
    }
    memcpy(room, r->next, whole);
    room[whole] = 0;
    r->next += whole;
    return room;
}

static hl_ini_entry *find(const hl_ini *ini, const char *section, const char *key) {
    for (int i = 0; i < ini->count; i++) {
        if (!strcmp(ini->entries[i].section, section) && !strcmp(ini->entries[i].key, key)) return &ini->entries[i];
    }
    return NULL;
}

static int add_entry(void *user, const char *section, const char *key, const char *value) {
    reading *r = user;
    hl_ini *ini = r->ini;
    if (r->status) return 0;
    const hl_ini_entry *before = find(ini, section, key);
    if (before) {
        r->status =
            hl_fail(ini->hl, HL_BAD_INPUT, "%s:%d: %s of [%s] stands on line %d already", ini->path, r->line, key, section, before->line);
        return 0;
    }
    hl_ini_entry *wider = hl_grow(ini->hl, ini->entries, &ini->capacity, (size_t)ini->count + 1, sizeof *wider);
    if (!wider) return r->status = HL_NO_MEMORY, 0;
    ini->entries = wider;
    hl_ini_entry entry = {hl_strdup(ini->hl, section), hl_strdup(ini->hl, key), hl_strdup(ini->hl, value), r->line, false};
    wider[ini->count++] = entry;
    if (!entry.section || !entry.key || !entry.value) r->status = HL_NO_MEMORY;
    return !r->status;
}

hl_status hl_ini_read(hl_context *hl, const char *path, hl_ini *ini) {
    *ini = (hl_ini){.hl = hl, .path = hl_strdup(hl, path)};
    if (!ini->path) return HL_NO_MEMORY;
    hl_status status = hl_file_read(hl, path, &ini->text, &ini->bytes);
    if (status) return status;
    if (strlen(ini->text) != ini->bytes) return hl_fail(hl, HL_BAD_INPUT, "%s: byte %zu is a NUL, expected text", path, strlen(ini->text));
    reading r = {.ini = ini, .next = ini->text};
    int wrong = ini_parse_stream(next_line, &r, add_entry, &r);
    if (r.status) return r.status;
    if (wrong > 0) return hl_fail(hl, HL_BAD_INPUT, "%s:%d: expected [section], key = value, or a comment after ;", path, wrong);
    return wrong < 0 ? HL_NO_MEMORY : HL_OK;
}

void hl_ini_free(hl_ini *ini) {
    for (int i = 0; i < ini->count; i++) free(ini->entries[i].section), free(ini->entries[i].key), free(ini->entries[i].value);
    free(ini->entries), free(ini->path), free(ini->text);
    *ini = (hl_ini){0};
}

bool hl_ini_has_section(const hl_ini *ini, const char *section) {
    for (int i = 0; i < ini->count; i++) {
        if (!strcmp(ini->entries[i].section, section)) return true;
    }
    return false;
}

/* An entry somebody asks for; NULL where it is not there. */
static hl_ini_entry *ask(hl_ini *ini, const char *section, const char *key) {
    hl_ini_entry *entry = find(ini, section, key);
    if (entry) entry->read = true;
    return entry;
}

const char *hl_ini_text(hl_ini *ini, const char *section, const char *key, const char *otherwise) {
    const hl_ini_entry *entry = ask(ini, section, key);
    if (entry && !*entry->value) hl_ini_refuse(ini, section, key, "is empty");
    return entry ? entry->value : otherwise;
}

void hl_ini_refuse(hl_ini *ini, const char *section, const char *key, const char *why) {
    const hl_ini_entry *entry = find(ini, section, key);
    if (ini->status) return;
    if (entry) ini->status = hl_fail(ini->hl, HL_BAD_INPUT, "%s:%d: %s = %s: %s", ini->path, entry->line, key, entry->value, why);
    else ini->status = hl_fail(ini->hl, HL_BAD_INPUT, "%s: %s of [%s] %s", ini->path, key, section, why);
}

static void refuse_number(hl_ini *ini, const hl_ini_entry *entry, const char *kind, double least, double most) {
    if (ini->status) return;
    ini->status = hl_fail(ini->hl, HL_BAD_INPUT, "%s:%d: %s = %s: expected %s from %g to %g", ini->path, entry->line, entry->key,
                          entry->value, kind, least, most);
}

int hl_ini_integer(hl_ini *ini, const char *section, const char *key, int otherwise, int least, int most) {
    const hl_ini_entry *entry = ask(ini, section, key);
    int64_t value = otherwise;
    if (!entry) return otherwise;
    if (hl_csv_integer(entry->value, &value) && value >= least && value <= most) return (int)value;
    return refuse_number(ini, entry, "a whole number", least, most), otherwise;
}

double hl_ini_number(hl_ini *ini, const char *section, const char *key, double otherwise, double least, double most) {
    const hl_ini_entry *entry = ask(ini, section, key);
    double value = otherwise;
    if (!entry) return otherwise;
    if (hl_csv_number(entry->value, &value) && value >= least && value <= most) return value;
    return refuse_number(ini, entry, "a number", least, most), otherwise;
}

int hl_ini_choice(hl_ini *ini, const char *section, const char *key, int otherwise, const char *const *choices) {
    const hl_ini_entry *entry = ask(ini, section, key);
    char all[160] = "";
    for (int i = 0; entry && choices[i]; i++) {
        if (!strcmp(entry->value, choices[i])) return i;
        if (strlen(all) + strlen(choices[i]) + 8 < sizeof all) strcat(strcat(all, i ? ", " : "expected one of "), choices[i]);
    }
    if (entry) hl_ini_refuse(ini, section, key, all);
    return otherwise;
}

bool hl_ini_bool(hl_ini *ini, const char *section, const char *key, bool otherwise) {
    return hl_ini_choice(ini, section, key, otherwise, (const char *const[]){"no", "yes", NULL}) == 1;
}

int hl_ini_list(hl_ini *ini, const char *section, const char *key, const char **names, int most) {
    hl_ini_entry *entry = ask(ini, section, key);
    int count = 0;
    if (!entry) return 0;
    char *rest = entry->value;
    for (char *part; (part = strsep(&rest, ","));) {
        part += strspn(part, " \t");
        size_t length = strlen(part);
        while (length && (part[length - 1] == ' ' || part[length - 1] == '\t')) part[--length] = 0;
        if (!length || count == most) {
            hl_ini_refuse(ini, section, key, length ? "the list is too long" : "a name is missing in the list");
            return count;
        }
        names[count++] = part;
    }
    return count;
}

hl_status hl_ini_finish(hl_ini *ini) {
    for (int i = 0; i < ini->count && !ini->status; i++) {
        const hl_ini_entry *entry = &ini->entries[i];
        if (entry->read) continue;
        ini->status =
            hl_fail(ini->hl, HL_BAD_INPUT, "%s:%d: nothing is called %s in [%s]", ini->path, entry->line, entry->key, entry->section);
    }
    return ini->status;
}
