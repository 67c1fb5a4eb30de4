/* Figures on stdout: tables for readers, JSON for scripts. */
#include "figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

cJSON *read_json(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream) return talk("%s: cannot be read: %s", path, strerror(errno)), NULL;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t bytes = getdelim(&text, &capacity, 0, stream);
    fclose(stream);
    cJSON *object = bytes > 0 ? cJSON_Parse(text) : NULL;
    free(text);
    if (!object) talk("%s: this is no JSON", path);
    return object;
}

void print_json(const cJSON *object) {
    char *text = cJSON_PrintUnformatted(object);
    if (text) puts(text);
    else talk("no memory for the figures");
    free(text);
}

static void print_value(const cJSON *of, const char *key, int decimals) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, key);
    if (cJSON_IsNumber(item)) printf("  %12.*f", decimals, item->valuedouble);
    else printf("  %12s", "-");
}

/* What has no meaning with more than one class. */
static bool of_one_class(const char *key) { return strstr(key, "threshold") || strstr(key, "auc"); }

static void print_means(const cJSON *first, const cJSON *second, bool several) {
    static const struct {
        const char *key, *what;
    } rows[] = {
        {"dsc_lesion_mean", "Dice, cases with a lesion"},
        {"dsc_case_mean", "Dice, all cases"},
        {"dsc_case_sd", "  SD over cases"},
        {"dsc_case_median", "  median"},
        {"dsc_lesion100_mean", "Dice, 100 lesion pixels or more"},
        {"dsc_nonempty_mean", "Dice, without cases empty in both"},
        {"dsc_fold_mean", "Dice, mean over models"},
        {"dsc_fold_sd", "  SD over models"},
        {"dsc_slice_mean", "Dice, mean over slices"},
        {"dsc_val_threshold", "Dice at the validation threshold"},
        {"threshold_val", "  which is"},
        {"auc", "AUC, pooled pixels"},
        {"auc_fold_mean", "AUC, mean over models"},
        {"auc_fold_sd", "  SD over models"},
        {"sensitivity", "sensitivity"},
        {"specificity", "specificity"},
        {"precision", "precision"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (several && of_one_class(rows[i].key)) continue;
        printf("%-34s", rows[i].what);
        print_value(first, rows[i].key, 4);
        if (second) print_value(second, rows[i].key, 4);
        putchar('\n');
    }
}

static const char *text_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* A block for each class. */
static void print_classes(const cJSON *first, const cJSON *second) {
    static const struct {
        const char *key, *what;
    } rows[] = {
        {"dsc_lesion_mean", "  Dice, cases that hold it"},
        {"dsc_case_mean", "  Dice, all cases"},
        {"dsc_case_sd", "    SD over cases"},
        {"sensitivity", "  sensitivity"},
        {"precision", "  precision"},
    };
    const cJSON *others = cJSON_GetObjectItemCaseSensitive(second, "classes"), *other = others ? others->child : NULL, *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(first, "classes")) {
        const cJSON *index = cJSON_GetObjectItemCaseSensitive(one, "class");
        const char *name = text_of(one, "name");
        printf("class %d%s%s\n", cJSON_IsNumber(index) ? index->valueint : 0, *name ? ": " : "", name);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            printf("%-34s", rows[i].what);
            print_value(one, rows[i].key, 4);
            if (other) print_value(other, rows[i].key, 4);
            putchar('\n');
        }
        other = other ? other->next : NULL;
    }
}

static void print_cases(const cJSON *first, const cJSON *second) {
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(first, "cases"), *others = cJSON_GetObjectItemCaseSensitive(second, "cases");
    const cJSON *other = others ? others->child : NULL, *one;
    printf("%-11s %-11s %-15s %13s  %12s  %12s\n", "centre", "patient", "case", "lesion pixels", "Dice", second ? "other grid" : "");
    cJSON_ArrayForEach(one, cases) {
        const cJSON *pixels = cJSON_GetObjectItemCaseSensitive(one, "lesion_pixels");
        printf("%-11s %-11s %-15s %13.0f", text_of(one, "centre"), text_of(one, "patient"), text_of(one, "case"),
               cJSON_IsNumber(pixels) ? pixels->valuedouble : 0);
        print_value(one, "dsc", 4);
        if (other) print_value(other, "dsc", 4);
        putchar('\n');
        other = other ? other->next : NULL;
    }
}

void print_figures(const cJSON *figures, bool native_first) {
    const cJSON *native = cJSON_GetObjectItemCaseSensitive(figures, "native"),
                *counts = cJSON_GetObjectItemCaseSensitive(figures, "counts");
    const cJSON *left_out = cJSON_GetObjectItemCaseSensitive(figures, "left_out");
    const cJSON *threshold = cJSON_GetObjectItemCaseSensitive(figures, "threshold");
    bool swap = native && native_first, several = cJSON_HasObjectItem(figures, "classes");
    const cJSON *first = swap ? native : figures, *second = swap ? figures : native;
    if (!several && !cJSON_IsNumber(threshold)) {
        puts("no case was scored");
        return;
    }
    char head[40];
    if (several) snprintf(head, sizeof head, "the most probable class");
    else snprintf(head, sizeof head, "threshold %g", threshold->valuedouble);
    printf("%-34s  %12s  %12s\n", head, !native ? "" : swap ? "native" : "training", !native ? "" : swap ? "training" : "native");
    print_means(first, second, several);
    printf("%-34s", "cases"), print_value(counts, "cases", 0), putchar('\n');
    printf("%-34s", "  with a lesion"), print_value(counts, "lesion_cases", 0), putchar('\n');
    if (cJSON_IsNumber(left_out) && left_out->valuedouble > 0)
        printf("%-34s  %12.0f\n", "  left out: no model tests them", left_out->valuedouble);
    putchar('\n');
    if (several) print_classes(first, second), putchar('\n');
    print_cases(first, second);
}

void print_calibration(const hl_calibration *c) {
    printf("%d patients, %d cases, %d %s\n", c->patients, c->cases, c->draws,
           c->exhaustive ? "divisions (all there are)" : "random divisions");
    printf("Dice at 0.5: %.4f (cases with a lesion: %.4f)\n\n", c->dsc_before, c->dsc_lesion_before);
    printf("%10s%12s%12s%18s%16s%14s\n", "labelled", "threshold", "Dice", "5 % to 95 %", "lesion cases", "draws worse");
    for (int i = 0; i < HL_SHARES; i++) {
        const hl_share *s = &c->shares[i];
        char range[40];
        snprintf(range, sizeof range, "%.4f..%.4f", s->dsc_p5, s->dsc_p95);
        printf("%8d %%%12g%12.4f%18s%16.4f%12.1f %%\n", s->percent, s->threshold, s->dsc_median, range, s->dsc_lesion_median,
               100 * s->share_lost);
    }
}
