/*
 * The way of a finished result to where its job wants it. While a child copies, the job is still in
 * work for everybody who looks: "done" means that the result is there.
 */
#include "supervisor/jobs/book_private.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/publish.h"

struct book_copy {
    TAILQ_ENTRY(book_copy) link;
    struct book *book;
    struct entry *entry;
    enum entry_state state; /* when the copy is there */
    struct publish publish;
    struct loop_watch watch;
};

static void drop(struct book_copy *copy) {
    loop_remove(copy->book->loop, &copy->watch);
    TAILQ_REMOVE(&copy->book->copies, copy, link);
    publish_stop(&copy->publish);
    free(copy);
}

static void fail(struct entry *entry, const struct complaint *complaint) {
    entry->state = ENTRY_FAILED;
    entry->exit_code = EXIT_CODE_IO;
    strlcpy(entry->cause, complaint->text, sizeof(entry->cause));
}

static void copied(struct loop_watch *watch, uint32_t events) {
    struct book_copy *copy = watch->owner;
    struct book *book = copy->book;
    struct entry *entry = copy->entry;
    struct complaint complaint;

    (void)events;
    entry->state = copy->state;
    loop_remove(book->loop, watch); /* before its descriptor is closed */
    if (publish_finish(&copy->publish, &complaint) == PUBLISH_FAILED)
        fail(entry, &complaint);
    TAILQ_REMOVE(&book->copies, copy, link);
    free(copy);
    book_turn_remove(&book->working, entry);
    book_turn_end(book, entry);
}

/* With a held chunk the result is whole only if the job was told to go on without it. */
static bool is_whole(const struct entry *entry) {
    const json_t *options = json_object_get(entry->what, "options");
    const char *on_held = json_string_value(json_object_get(options, "on_held"));

    return entry->state == ENTRY_DONE ||
           (entry->state == ENTRY_INCOMPLETE && on_held != NULL && strcmp(on_held, "stop") != 0);
}

/* Watch the child that copies. */
static int follow(struct book *book, struct entry *entry, const struct publish *publish) {
    struct book_copy *copy = calloc(1, sizeof(*copy));

    if (copy == NULL)
        return -1;
    *copy = (struct book_copy){
        .book = book, .entry = entry, .state = entry->state, .publish = *publish
    };
    copy->watch = (struct loop_watch){
        .fd = publish->errand.pidfd, .ready = copied, .owner = copy
    };
    if (loop_add(book->loop, &copy->watch, EPOLLIN) < 0) {
        free(copy);
        return -1;
    }
    TAILQ_INSERT_TAIL(&book->copies, copy, link);
    entry->state = ENTRY_RUNNING;
    return 0;
}

bool book_copy_start(struct book *book, struct entry *entry) {
    struct publish publish = PUBLISH_NONE;
    struct complaint complaint;
    char folder[PATH_MAX], result[PATH_MAX + sizeof("/result")];

    if (entry->output == NULL || !is_whole(entry))
        return false;
    snprintf(result, sizeof(result), "%s/result", store_folder(book->store, entry->id, folder));
    switch (publish_start(&publish, result, entry->output, &complaint)) {
    case PUBLISH_PUT:
        return false;
    case PUBLISH_COPYING:
        if (follow(book, entry, &publish) == 0)
            return true;
        complaint_set(&complaint, "%s: cannot be copied: %s", entry->output, strerror(errno));
        publish_stop(&publish);
        break;
    case PUBLISH_FAILED:
        break;
    }
    fail(entry, &complaint);
    return false;
}

void book_copy_cut(struct book *book) {
    struct book_copy *copy;
    struct entry *entry;

    while ((copy = TAILQ_FIRST(&book->copies)) != NULL) {
        entry = copy->entry;
        drop(copy);
        book_turn_remove(&book->working, entry);
        book_turn_put_back(book, entry);
    }
}

bool book_copy_stop(struct book *book, struct entry *entry) {
    struct book_copy *copy;

    TAILQ_FOREACH (copy, &book->copies, link)
        if (copy->entry == entry) {
            drop(copy);
            return true;
        }
    return false;
}
