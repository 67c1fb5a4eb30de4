/* The geometry of two folders of masks on stdout: surfaces, lesions, conventions. */
#include "masks.h"

#include <stdio.h>

static double number_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static void print_row(const char *what, const cJSON *of, const char *key, int decimals) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, key);
    if (cJSON_IsNumber(item)) printf("%-34s  %12.*f\n", what, decimals, item->valuedouble);
    else printf("%-34s  %12s\n", what, "-");
}

static void print_surface(const cJSON *surface) {
    char head[48];
    snprintf(head, sizeof head, "surface Dice at %g mm", number_of(surface, "tolerance_mm"));
    print_row(head, surface, "surface_dice_mean", 4);
    print_row("HD95 in mm", surface, "hd95_mm_mean", 2);
    print_row("average surface distance in mm", surface, "average_mm_mean", 2);
    print_row("  cases", surface, "cases", 0);
    print_row("  one mask empty: the diagonal", surface, "missed", 0);
    print_row("  both empty, left out", surface, "empty", 0);
    print_row("  no spacing or slices missing", surface, "without_spacing_or_whole", 0);
}

static void print_size(const cJSON *size, const char *unit) {
    char what[64];
    const cJSON *below = cJSON_GetObjectItemCaseSensitive(size, "below");
    if (cJSON_IsNumber(below)) snprintf(what, sizeof what, "  %g to below %g %s", number_of(size, "from"), below->valuedouble, unit);
    else snprintf(what, sizeof what, "  %g %s and more", number_of(size, "from"), unit);
    printf("%-34s  %5.0f of %4.0f\n", what, number_of(size, "found"), number_of(size, "lesions"));
}

static void print_detection(const cJSON *detection) {
    const cJSON *size;
    printf("%-34s  %5.0f of %4.0f\n", "lesions found", number_of(detection, "found"), number_of(detection, "lesions"));
    cJSON_ArrayForEach(size, cJSON_GetObjectItemCaseSensitive(detection, "sizes")) print_size(size, text_of(detection, "size_unit"));
    print_row("false alarms per scan", detection, "false_positives_per_scan", 2);
}

static void print_convention(const cJSON *row, int number) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, "value");
    char text[32] = "-";
    if (cJSON_IsNumber(value)) snprintf(text, sizeof text, "%.4f", value->valuedouble);
    else if (number_of(row, "infinite") > 0) snprintf(text, sizeof text, "infinite");
    printf("%-17s%-45s%9s%8.0f%9.0f  %-11s%2d\n", text_of(row, "figure"), text_of(row, "library"), text, number_of(row, "counted"),
           number_of(row, "left_out"), text_of(row, "over"), number);
}

static void print_conventions(const cJSON *rows) {
    const cJSON *row;
    int number = 0;
    printf("\n%-17s%-45s%9s%8s%9s  %-9s%s\n", "figure", "by the rules of", "value", "counted", "left out", "over", "rule");
    cJSON_ArrayForEach(row, rows) print_convention(row, ++number);
    putchar('\n');
    number = 0;
    cJSON_ArrayForEach(row, rows) printf("%2d  %s\n", ++number, text_of(row, "rule"));
}

static void print_shape(const cJSON *shape, const char *name) {
    if (*name) printf("\n%s", name);
    putchar('\n');
    print_surface(cJSON_GetObjectItemCaseSensitive(shape, "surface"));
    print_detection(cJSON_GetObjectItemCaseSensitive(shape, "detection"));
    print_conventions(cJSON_GetObjectItemCaseSensitive(shape, "conventions"));
}

void print_masks(const cJSON *figures) {
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(figures, "classes"), *one;
    if (!classes) print_shape(figures, "");
    cJSON_ArrayForEach(one, classes) {
        char name[32];
        snprintf(name, sizeof name, "class %.0f", number_of(one, "class"));
        print_shape(one, name);
    }
}
