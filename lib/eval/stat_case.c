/* What is said of one case: its rates, its severity. */
#include <math.h>

#include "hilum/statistics.h"

static double share(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : NAN; }

hl_rates hl_confusion_rates(const hl_confusion *confusion) {
    const hl_confusion *c = confusion;
    return (hl_rates){.sensitivity = share(c->true_positive, c->true_positive + c->false_negative),
                      .specificity = share(c->true_negative, c->true_negative + c->false_positive),
                      .precision = share(c->true_positive, c->true_positive + c->false_positive),
                      .iou = share(c->true_positive, c->true_positive + c->false_positive + c->false_negative),
                      .dice = hl_dice(c)};
}

hl_grade hl_grade_of(double burden) {
    if (isnan(burden)) return HL_GRADES;
    return burden <= 0 ? HL_GRADE_NONE : burden <= 0.25 ? HL_GRADE_MILD : burden <= 0.5 ? HL_GRADE_MODERATE : HL_GRADE_SEVERE;
}

const char *hl_grade_name(hl_grade grade) {
    static const char *const names[] = {"none", "mild", "moderate", "severe"};
    return (unsigned)grade < HL_GRADES ? names[grade] : "unknown";
}
