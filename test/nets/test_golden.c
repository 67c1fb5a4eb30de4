/* The nets against their golden vectors (the quick part of the table in golden.h), and what width and initialisers do. */
#include <dirent.h>

#include "hilum/params.h"
#include "nets/golden.h"

START_TEST(agrees) {
    const golden *g;
    int way;
    ck_assert(golden_pair(true, _i, &g, &way));
    check_golden(g, way);
}
END_TEST

/* Every file of the folder has its row. */
START_TEST(no_golden_is_forgotten) {
    DIR *folder = opendir("test/golden");
    ck_assert_ptr_nonnull(folder);
    int files = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) files += strlen(entry->d_name) > 5 && !strcmp(entry->d_name + strlen(entry->d_name) - 5, ".json");
    closedir(folder);
    ck_assert_int_eq(files, GOLDENS);
}
END_TEST

/* Widths round every channel count to multiples of 8, at least 8, but the image's and the classes'. */
START_TEST(widths) {
    hl_context *hl = hl_open(NULL);
    static const struct {
        double width;
        int first, decoder;
    } rows[] = {{1, 64, 16}, {0.25, 16, 8}, {0.125, 8, 8}, {0.3, 16, 8}, {0.44, 32, 8}, {2, 128, 32}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = rows[i].width});
        hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "block1_conv1/kernel")), rows[i].first * 3 * 9);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "decoder_stage4b_bn/gamma")), rows[i].decoder);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "final_conv/kernel")), rows[i].decoder * 9);
        hl_params_free(params);
        hl_graph_free(graph);
    }
    hl_close(hl);
}
END_TEST

/* Initialisers: bounds and spread of the uniform draws, per layer kind. */
START_TEST(initialisers) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.25});
    for (int keras = 0; keras < 2; keras++) {
        hl_params *params = hl_params_init(graph, keras ? HL_INIT_KERAS : HL_INIT_HE, 4);
        static const struct {
            const char *name;
            double fan_in, fan_out;
            int glorot;
        } rows[] = {{"block3_conv2/kernel", 64 * 9, 64 * 9, 1}, {"decoder_stage1b_conv/kernel", 32 * 9, 32 * 9, 0}, {"final_conv/kernel", 8 * 9, 9, 1}};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            int index = hl_param_find(params, rows[i].name);
            int64_t count = hl_param_elements(params, index);
            double *values = malloc(sizeof(double) * (size_t)count), largest = 0;
            hl_param_read(params, index, values);
            for (int64_t k = 0; k < count; k++) largest = fmax(largest, fabs(values[k]));
            double limit = sqrt(6 / (keras && rows[i].glorot ? rows[i].fan_in + rows[i].fan_out : rows[i].fan_in));
            ck_assert_double_le(largest, limit * 1.0001);
            ck_assert_double_ge(largest, limit * 0.9);
            free(values);
        }
        hl_params_free(params);
    }
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("nets");
    TCase *tcase = slow_case(suite, "golden");
    tcase_add_loop_test(tcase, agrees, 0, golden_pairs(true));
    tcase_add_test(tcase, no_golden_is_forgotten);
    tcase_add_test(tcase, widths);
    tcase_add_test(tcase, initialisers);
    return run_suite(suite);
}
