/* An audit run and told, as `hilum audit` and `hilum dataset` both do. */
#ifndef HL_APPS_AUDITING_H
#define HL_APPS_AUDITING_H

#include "hilum/dataset.h"
#include "options.h"

/* What the options of both say. */
typedef struct audit_request {
    const char *page; /* an HTML file; NULL: none */
    int classes, threads;
    text_list centres;
    bool allow_outside, strict, json;
} audit_request;

option page_option(audit_request *r);
option strict_option(audit_request *r);

/* Audits a manifest, tells the faults on stderr and the rest on stdout; `name` is what is printed for the manifest. `dataset` may be NULL;
 * its faults are told with the others. Returns the exit code and closes the library. */
int audit_and_end(hl_context *hl, const audit_request *r, const char *manifest, const char *name, hl_dataset *dataset);

#endif
