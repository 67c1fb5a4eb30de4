/* Each net learns eight phantom slices by heart: Dice above 0.95 in inference mode, from the saved file. */
#include <string.h>

#include "harness.h"
#include "hilum/hilum.h"

enum { SLICES = 8, SIZE = 64, PIXELS = SIZE * SIZE, STEPS = 240 /* twice as many for VGG16 */ };

static const char *const nets[] = {"unet-vgg16",    "unet-resnet34",    "unet-densenet169",    "unet-efficientnetb1",
                                   "linknet-vgg16", "linknet-resnet34", "linknet-densenet169", "linknet-efficientnetb1"};
enum { NETS = sizeof nets / sizeof *nets };

static hl_context *hl;
static float images[SLICES * PIXELS * 3], masks[SLICES * PIXELS], probabilities[SLICES * PIXELS];
static char folder[64];

/* Eight slices with at least 40 pixels of lesion, from as many patients as it takes. */
static void load_slices(void) {
    char path[128];
    hl_phantom_options options = hl_phantom_defaults();
    options.patients = 8, options.centres = 1, options.healthy = 0;
    ck_ok(hl, hl_phantom_write(hl, folder, &options));
    snprintf(path, sizeof path, "%s/manifest.csv", folder);
    hl_manifest *manifest = hl_manifest_read(hl, path, NULL);
    hl_cohort *cohort = hl_cohort_open(hl, manifest, &(hl_cohort_options){.height = SIZE, .width = SIZE});
    ck_assert_msg(cohort != NULL, "%s", hl_error(hl));
    int taken = 0;
    for (int row = 0; row < hl_manifest_count(manifest) && taken < SLICES; row++) {
        static float grey[PIXELS];
        static uint8_t mask[PIXELS];
        int lesion = 0;
        ck_ok(hl, hl_cohort_slice(cohort, row, grey, mask, NULL, NULL));
        for (int i = 0; i < PIXELS; i++) lesion += mask[i];
        if (lesion < 40) continue;
        for (int i = 0; i < PIXELS; i++) {
            masks[taken * PIXELS + i] = mask[i];
            for (int c = 0; c < 3; c++) images[3 * (taken * PIXELS + i) + c] = grey[i];
        }
        taken++;
    }
    ck_assert_int_eq(taken, SLICES);
    hl_cohort_free(cohort);
    hl_manifest_free(manifest);
}

static void setup(void) {
    hl = hl_open(NULL);
    scratch_folder(folder);
    load_slices();
}
static void teardown(void) {
    remove_folder(folder);
    hl_close(hl);
}

static hl_plan *plan_for(hl_graph *graph, hl_params *params, hl_mode mode) {
    hl_plan *plan = hl_compile(graph, params, &(hl_plan_options){.mode = mode, .batch = SLICES, .height = SIZE, .width = SIZE, .seed = 1});
    ck_assert_msg(plan != NULL, "%s", hl_error(hl));
    return plan;
}

static void train(const char *net, const char *file) {
    hl_graph *graph = hl_net(hl, net, NULL);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 1);
    hl_plan *plan = plan_for(graph, params, HL_TRAIN);
    hl_adam *adam = hl_adam_new(params, NULL);
    ck_assert_ptr_nonnull(adam);
    bool vgg = strstr(net, "vgg") != NULL; /* no batch norm in its encoder */
    int steps = vgg ? 2 * STEPS : STEPS;
    double rate = vgg ? 3e-4 : 1e-3;
    for (int k = 0; k < steps; k++) ck_ok(hl, hl_train_step(plan, adam, k < steps * 3 / 4 ? rate : rate / 10, images, masks, SLICES, NULL));
    ck_ok(hl, hl_params_save(params, file));
    hl_adam_free(adam), hl_plan_free(plan), hl_params_free(params), hl_graph_free(graph);
}

/* Dice at 0.5 of all pixels together. */
static double test(const char *net, const char *file) {
    hl_graph *graph = hl_net(hl, net, NULL);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 2);
    ck_assert_msg(params != NULL, "%s", hl_error(hl));
    ck_ok(hl, hl_params_load(params, file));
    hl_plan *plan = plan_for(graph, params, HL_INFER);
    ck_ok(hl, hl_predict(plan, images, SLICES, probabilities));
    hl_histogram histogram;
    hl_histogram_clear(&histogram, 0.5);
    uint8_t labels[PIXELS];
    for (int s = 0; s < SLICES; s++) {
        for (int i = 0; i < PIXELS; i++) labels[i] = masks[s * PIXELS + i] > 0;
        hl_histogram_add(&histogram, probabilities + s * PIXELS, labels, PIXELS);
    }
    hl_plan_free(plan), hl_params_free(params), hl_graph_free(graph);
    hl_confusion confusion = hl_histogram_confusion(&histogram, 0.5);
    return hl_dice(&confusion);
}

START_TEST(eight_slices_by_heart) {
    char file[128];
    snprintf(file, sizeof file, "%s/%s.safetensors", folder, nets[_i]);
    train(nets[_i], file);
    double dice = test(nets[_i], file);
    printf("%s: Dice %.4f\n", nets[_i], dice);
    ck_assert_msg(dice > 0.95, "%s: Dice %.4f", nets[_i], dice);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("overfitting");
    TCase *tcase = tcase_create("nets");
    tcase_set_timeout(tcase, 3600);
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, eight_slices_by_heart, 0, NETS);
    return run_suite(suite);
}
