/* Augmentation in words: what --augment says and config.json records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/csv.h"

bool hl_augmentation_any(const hl_augmentation *augmentation) {
    for (int k = 0; k < hl_augment_count(); k++) {
        if (augmentation->strength[k] > 0 && augmentation->chance[k] > 0) return true;
    }
    return false;
}

hl_status hl_augmentation_check(hl_context *hl, const hl_augmentation *augmentation) {
    for (int k = 0; k < hl_augment_count(); k++) {
        const hl_augment_kind *kind = hl_augment_get_kind(k);
        double strength = augmentation->strength[k], chance = augmentation->chance[k];
        if (!(strength >= 0 && strength <= kind->most))
            return hl_fail(hl, HL_USAGE, "augmentation %s of strength %g: expected 0 to %g", kind->name, strength, kind->most);
        if (!(chance >= 0 && chance <= 1))
            return hl_fail(hl, HL_USAGE, "augmentation %s by a chance of %g: expected 0 to 1", kind->name, chance);
    }
    return HL_OK;
}

/* The kinds' names, for an error text. */
static void list_names(char *text, size_t size) {
    *text = 0;
    for (int k = 0; k < hl_augment_count(); k++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", k ? ", " : "", hl_augment_get_kind(k)->name);
    }
}

static hl_status refuse_name(hl_context *hl, const char *name) {
    char names[256];
    list_names(names, sizeof names);
    return hl_fail(hl, HL_USAGE, "augmentation \"%s\" is unknown, expected none, all or some of %s", name, names);
}

static void take_standard(int kind, hl_augmentation *to) {
    to->strength[kind] = hl_augment_get_kind(kind)->standard, to->chance[kind] = hl_augment_get_kind(kind)->chance;
}

/* One word: NAME, NAME=STRENGTH, NAME:CHANCE or NAME=STRENGTH:CHANCE; cut into its parts in place. */
static hl_status take_word(hl_context *hl, char *word, bool *seen, hl_augmentation *to) {
    char *chance = strchr(word, ':'), *strength = strchr(word, '=');
    if (chance) *chance++ = 0;
    if (strength) *strength++ = 0;
    int k = 0;
    while (k < hl_augment_count() && strcmp(word, hl_augment_get_kind(k)->name)) k++;
    if (k == hl_augment_count()) return refuse_name(hl, word);
    if (seen[k]) return hl_fail(hl, HL_USAGE, "augmentation %s is named twice", word);
    seen[k] = true;
    take_standard(k, to);
    if (strength && !hl_csv_number(strength, &to->strength[k]))
        return hl_fail(hl, HL_USAGE, "augmentation %s has the strength \"%s\", expected a number", word, strength);
    if (chance && !hl_csv_number(chance, &to->chance[k]))
        return hl_fail(hl, HL_USAGE, "augmentation %s has the chance \"%s\", expected a number", word, chance);
    return HL_OK;
}

hl_status hl_augmentation_parse(hl_context *hl, const char *text, hl_augmentation *augmentation) {
    *augmentation = (hl_augmentation){0};
    if (!strcmp(text, "none")) return HL_OK;
    for (int k = 0; k < hl_augment_count() && !strcmp(text, "all"); k++) take_standard(k, augmentation);
    if (!strcmp(text, "all")) return HL_OK;
    char *copy = hl_strdup(hl, text), *rest = copy;
    if (!copy) return HL_NO_MEMORY;
    bool seen[HL_AUGMENT_MOST] = {false};
    hl_augmentation found = {0};
    hl_status status = HL_OK;
    for (char *word; !status && (word = strsep(&rest, ","));) status = take_word(hl, word, seen, &found);
    free(copy);
    if (!status) status = hl_augmentation_check(hl, &found);
    if (!status) *augmentation = found;
    return status;
}

char *hl_augmentation_text(hl_context *hl, const hl_augmentation *augmentation) {
    char text[HL_AUGMENT_MOST * 96] = "", strength[32], chance[32];
    for (int k = 0; k < hl_augment_count(); k++) {
        if (!(augmentation->strength[k] > 0 && augmentation->chance[k] > 0)) continue;
        const hl_augment_kind *kind = hl_augment_get_kind(k);
        bool plain = kind->chance == 1 && augmentation->chance[k] == 1, bare = plain && augmentation->strength[k] == kind->standard;
        hl_number_text(strength, augmentation->strength[k]), hl_number_text(chance, augmentation->chance[k]);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s%s%s%s", used ? "," : "", kind->name, bare ? "" : "=", bare ? "" : strength,
                 plain ? "" : ":", plain ? "" : chance);
    }
    return hl_strdup(hl, *text ? text : "none");
}
