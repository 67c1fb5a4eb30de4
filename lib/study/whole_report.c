/* A study's report: one page in the paper's order, with every table and picture as files, and metrics.json. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "study/book.h"

/* Results read while the book is written. */
struct hl_shelf {
    const char *names[HL_STUDY_PARTS];
    cJSON *results[HL_STUDY_PARTS];
    int count;
};

const cJSON *hl_book_result(hl_book *book, const char *part) {
    struct hl_shelf *all = book->shelf;
    for (int i = 0; i < all->count; i++) {
        if (!strcmp(all->names[i], part)) return all->results[i];
    }
    char *path = hl_session_path(book->s, "parts/%s.json", part);
    cJSON *result = NULL;
    hl_status status = path ? HL_OK : HL_NO_MEMORY;
    if (!status && hl_file_exists(path)) status = hl_json_read(book->hl, path, &result);
    free(path);
    if (status) book->status = book->status ? book->status : status;
    all->names[all->count] = part;
    return all->results[all->count++] = result;
}

static hl_status make_folders(hl_session *s) {
    static const char *const names[] = {"tables", "figures"};
    hl_status status = HL_OK;
    for (int i = 0; i < 2 && !status; i++) {
        char *path = hl_session_path(s, "%s", names[i]);
        status = path ? hl_folder_make(s->hl, path) : HL_NO_MEMORY;
        free(path);
    }
    return status;
}

static hl_status write_parts(hl_book *book) {
    hl_status status = hl_book_front(book);
    for (int i = 0; !status && hl_study_part_list(i); i++) {
        const hl_study_part *part = hl_study_part_list(i);
        if (part->show) status = part->show(book, hl_book_result(book, part->name));
        status = status ? status : book->status;
    }
    if (!status) status = hl_book_appendix(book);
    return status ? status : book->status;
}

static hl_status finish(hl_book *book) {
    char *page = hl_session_path(book->s, "report.html"), *metrics = hl_session_path(book->s, "metrics.json");
    hl_status status = page && metrics ? HL_OK : HL_NO_MEMORY;
    if (!status) status = hl_page_write(book->page, page), book->page = NULL;
    if (!status) status = hl_json_write(&book->metrics, metrics);
    free(page), free(metrics);
    return status;
}

hl_status hl_session_report(hl_session *s) {
    struct hl_shelf all = {.count = 0};
    hl_book book = {.hl = s->hl, .s = s, .shelf = &all};
    hl_status status = make_folders(s);
    if (status) return status;
    book.page = hl_page_start(s->hl, s->study->title, "For research, not a medical device.");
    if (!book.page) return hl_error_status(s->hl);
    book.metrics = hl_json_start(s->hl);
    hl_json_text(&book.metrics, book.metrics.root, "title", s->study->title);
    hl_json_text(&book.metrics, book.metrics.root, "model", s->study->model);
    hl_run_options_put(&book.metrics, hl_json_object(&book.metrics, book.metrics.root, "options"), &s->study->training);
    book.tables = hl_json_object(&book.metrics, book.metrics.root, "tables");
    status = write_parts(&book);
    if (!status) status = finish(&book);
    if (book.page) hl_page_free(book.page);
    cJSON_Delete(book.metrics.root);
    for (int i = 0; i < book.kept_count; i++) free(book.kept[i]);
    for (int i = 0; i < all.count; i++) cJSON_Delete(all.results[i]);
    free(book.kept);
    return status;
}
