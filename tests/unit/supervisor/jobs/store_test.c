/* The spool folder: what is kept, what is forgotten, whose it is, and when the disk is full. */
#include "spool_fixture.h"

#include <time.h>

#include "shared/exit_code.h"

TestSuite(store, .init = spool_prepare, .fini = spool_clean);

static void same_wanted(const struct entry *a, const struct entry *b) {
    cr_assert_eq(a->id, b->id);
    cr_assert_str_eq(a->name, b->name);
    cr_assert_eq(a->uid, b->uid);
    cr_assert_str_eq(a->token, b->token);
    cr_assert(json_equal(a->what, b->what));
    if (a->output == NULL || b->output == NULL)
        cr_assert_eq(a->output, b->output);
    else
        cr_assert_str_eq(a->output, b->output);
    cr_assert_eq(a->wanted_at_unix_ms, b->wanted_at_unix_ms);
}

static void same_run(const struct entry *a, const struct entry *b) {
    cr_assert_eq(a->started_at_unix_ms, b->started_at_unix_ms);
    cr_assert_eq(a->runs, b->runs);
    cr_assert_eq(a->wall_ns, b->wall_ns);
}

static void same_end(const struct entry *a, const struct entry *b) {
    cr_assert_eq(a->state, b->state);
    cr_assert_eq(a->exit_code, b->exit_code);
    cr_assert_eq(a->ended_at_unix_ms, b->ended_at_unix_ms);
    cr_assert_eq(a->chunks, b->chunks);
    cr_assert_eq(a->chunks_done, b->chunks_done);
    cr_assert_eq(a->records, b->records);
    cr_assert_eq(a->digest, b->digest);
    cr_assert_eq(a->result_bytes, b->result_bytes);
}

Test(store, jobs_come_back_as_they_were) {
    struct entry *entry[6];
    struct store *store = spool_open();
    struct entry_list list;

    for (int i = 0; i < 6; i++)
        entry[i] = add_entry(store, i == 0 ? "" : "nightly");
    entry[1]->started_at_unix_ms = 1700000000999;
    entry[1]->runs = 7;
    entry[1]->wall_ns = 1234567890123;
    cr_assert_eq(store_note_run(store, entry[1], &complaint), 0);
    for (int i = 2; i < 6; i++) {
        cr_assert_eq(store_note_run(store, entry[i], &complaint), 0);
        end_entry(entry[i], (enum entry_state)(ENTRY_DONE + i - 2));
        cr_assert_eq(store_note_end(store, entry[i], &complaint), 0);
    }
    spool_close(store);
    store = spool_open();
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 6);
    for (uint64_t i = 0; i < 6; i++) {
        struct entry *there = spool_find(&list, i + 1);
        cr_assert_not_null(there);
        same_wanted(there, entry[i]);
        same_run(there, entry[i]);
        same_end(there, entry[i]);
        cr_assert_eq(entry_has_ended(there), i > 1);
        if (i > 1)
            cr_assert_not_null(
                strstr(there->cause, "a cause \"with\" \\xff and all"), "%s", there->cause);
        cr_assert(there->spool_bytes > 0);
    }
    cr_assert_eq(store_next_id(store), 7);
    cr_assert_eq(logged("spool_bad"), 0);
    spool_free(&list);
    spool_close(store);
}

Test(store, job_without_output_has_none_later) {
    struct store *store = spool_open();
    struct entry *entry = make_entry("x");
    struct entry_list list;

    free(entry->output);
    entry->output = NULL;
    cr_assert_eq(store_add(store, entry, &complaint), 0);
    spool_load(store, &list);
    same_wanted(TAILQ_FIRST(&list), entry);
}

Test(store, load_gives_jobs_by_id) {
    struct store *store = spool_open();
    struct entry_list list;
    struct entry *entry;
    uint64_t id = 0;

    for (int i = 0; i < 120; i++)
        add_entry(store, "x");
    spool_load(store, &list);
    TAILQ_FOREACH (entry, &list, link)
        cr_assert_eq(entry->id, ++id);
    cr_assert_eq(id, 120);
}

Test(store, id_of_a_forgotten_job_is_not_given_again) {
    struct store *store = spool_open();
    struct entry_list list;

    add_entry(store, "a");
    cr_assert_eq(store_forget(store, add_entry(store, "b"), &complaint), 0);
    cr_assert_eq(store_forget(store, add_entry(store, "c"), &complaint), 0);
    spool_close(store);
    store = spool_open();
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 1);
    cr_assert_eq(add_entry(store, "d")->id, 4);
    cr_assert_not(is_there("job/3"));
}

Test(store, torn_next_id_goes_on_behind_the_jobs) {
    struct store *store = spool_open();
    struct entry_list list;

    for (int i = 0; i < 3; i++)
        add_entry(store, "a");
    spool_close(store);
    put_file("next_id", "{\"next_id\":", 11);
    store = spool_open();
    cr_assert_eq(logged("spool_bad"), 1);
    spool_load(store, &list);
    cr_assert_eq(add_entry(store, "b")->id, 4);
    spool_close(store);
    spool_close(spool_open());
    cr_assert_eq(logged("spool_bad"), 1, "it was written anew");
}

/* It is nobody's until it gets its name, and goes if it never does. */
Test(store, folder_made_beforehand_is_the_next_jobs) {
    struct store *store = spool_open();
    struct entry_list list;

    store_prepare(store);
    cr_assert(store_is_prepared(store));
    cr_assert(is_there("job/.new-1/spare"));
    cr_assert_eq(store_bytes(store), 0);
    cr_assert_eq(add_entry(store, "a")->id, 1);
    cr_assert_not(store_is_prepared(store));
    cr_assert(is_there("job/1/spare"));
    cr_assert(is_there("job/1/result.spool"));
    cr_assert_not(is_there("job/.new-1"));
    cr_assert_eq(add_entry(store, "b")->id, 2, "without one it is made then");
    store_prepare(store);
    spool_close(store);
    cr_assert_not(is_there("job/.new-3"));
    store = spool_open();
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 2);
    store_prepare(store);
    cr_assert_eq(add_entry(store, "c")->id, 3);
    spool_close(store);
}

Test(store, retry_takes_the_end_back_and_keeps_what_was_done) {
    static const char *const kept[] = { "job/1/result", "job/1/result.journal",
        "job/1/result.spool/rest" };
    struct store *store = spool_open();
    struct entry *entry = add_entry(store, "a"), *again;
    struct entry_list list;

    put_file(kept[0], "1\n", 2);
    put_file(kept[1], "journal", 7);
    put_file(kept[2], "rest", 4);
    end_entry(entry, ENTRY_INCOMPLETE);
    cr_assert_eq(store_note_end(store, entry, &complaint), 0);
    cr_assert_eq(store_note_retry(store, entry, &complaint), 0);
    cr_assert_eq(entry->state, ENTRY_QUEUED);
    cr_assert_str_eq(entry->cause, "");
    cr_assert_eq(entry->ended_at_unix_ms, 0);
    for (size_t i = 0; i < 3; i++)
        cr_assert(is_there(kept[i]), "%s", kept[i]);
    spool_load(store, &list);
    again = TAILQ_FIRST(&list);
    cr_assert_eq(again->state, ENTRY_QUEUED);
    /* And once more, to the good end. */
    end_entry(again, ENTRY_DONE);
    cr_assert_eq(store_note_end(store, again, &complaint), 0);
    store_tidy(store, again);
    cr_assert(is_there(kept[0]));
    cr_assert_not(is_there(kept[1]));
    cr_assert_not(is_there("job/1/result.spool"));
}

Test(store, result_is_read_by_its_id) {
    struct store *store = spool_open();
    struct entry *entry = add_entry(store, "a");
    char path[PATH_MAX], bytes[8];
    int fd;

    cr_assert_eq(store_open_result(store, entry->id), -1);
    cr_assert_eq(errno, ENOENT);
    put_file("job/1/result", "2431\n", 5);
    fd = store_open_result(store, entry->id);
    cr_assert_eq(read(fd, bytes, sizeof(bytes)), 5);
    close(fd);
    strcat(store_folder(store, entry->id, path), "/result");
    cr_assert_eq(access(path, R_OK), 0);
    unlink(path);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_assert_eq(store_open_result(store, entry->id), -1);
}

/* ---- whose it is ---- */

Test(store, second_owner_is_told_and_waits_for_the_first) {
    struct store *first = spool_open(), *second;
    pid_t pid;

    second = store_open(spool, GENEROUS, 0, &complaint, &exit_code);
    cr_assert_null(second);
    cr_assert_eq(exit_code, EXIT_CODE_BUSY);
    cr_assert_not_null(strstr(complaint.text, spool), "%s", complaint.text);
    pid = fork(); /* holds the lock, too, after we have let it go */
    if (pid == 0) {
        pause();
        _exit(0);
    }
    spool_close(first);
    cr_assert_null(store_open(spool, GENEROUS, 20, &complaint, &exit_code));
    kill(pid, SIGKILL);
    second = store_open(spool, GENEROUS, 10000, &complaint, &exit_code);
    cr_assert_not_null(second, "%s", complaint.text);
    waitpid(pid, NULL, 0);
    spool_close(second);
}

Test(store, folder_is_closed_to_others) {
    struct stat st;

    cr_assert_eq(mkdir(spool, 0700), 0);
    cr_assert_eq(chmod(spool, 0777), 0);
    spool_close(spool_open());
    cr_assert_eq(stat(spool, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0700);
    cr_assert_eq(logged("its rights were 777"), 1);
}

Test(store, folder_of_somebody_else_is_refused) {
    cr_assert_eq(mkdir(spool, 0700), 0);
    if (chown(spool, 4321, 4321) < 0)
        return; /* only root can give it away */
    cr_assert_null(store_open(spool, GENEROUS, 0, &complaint, &exit_code));
    cr_assert_eq(exit_code, EXIT_CODE_PERMISSION);
    cr_assert_not_null(strstr(complaint.text, "4321"), "%s", complaint.text);
}

Test(store, place_that_cannot_be_a_folder_is_told) {
    char path[PATH_MAX + 8];

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_assert_null(store_open(path, GENEROUS, 0, &complaint, &exit_code));
    cr_assert_eq(exit_code, EXIT_CODE_SYSTEM);
    snprintf(path, sizeof(path), "%s/not/there", folder);
    cr_assert_null(store_open(path, GENEROUS, 0, &complaint, &exit_code));
    cr_assert_eq(exit_code, EXIT_CODE_IO);
    cr_assert_not_null(strstr(complaint.text, path), "%s", complaint.text);
    cr_assert_null(store_open("/dev/null", GENEROUS, 0, &complaint, &exit_code));
    cr_assert_eq(exit_code, EXIT_CODE_IO);
}

/* ---- room ---- */

Test(store, room_is_what_the_limit_leaves) {
    struct store *store = spool_open();
    struct entry *entry = add_entry(store, "a");
    uint64_t before = store_bytes(store), room;
    char *much = calloc(1, 1 << 20);

    store_renew(store, 10 << 20);
    room = store_room(store);
    cr_assert_eq(room, (10 << 20) - before);
    put_file("job/1/result", much, 1 << 20);
    memset(much, 'x', 1 << 20);
    put_file("job/1/result", much, 1 << 20);
    store_measure(store, entry);
    cr_assert(entry->spool_bytes >= 1 << 20);
    cr_assert_eq(store_bytes(store), entry->spool_bytes);
    cr_assert(store_room(store) <= room - (1 << 20));
    store_renew(store, 1 << 20);
    cr_assert_eq(store_room(store), 0);
    cr_assert_eq(store_forget(store, entry, &complaint), 0);
    cr_assert_eq(store_bytes(store), 0);
    cr_assert_eq(store_room(store), 1 << 20);
    free(much);
}

/* What the disk says no to, while it does. */
Test(store, write_that_fails_leaves_all_as_it_was) {
    struct store *store = spool_open();
    struct entry *entry = add_entry(store, "a"), *refused = make_entry("b");
    struct entry_list list;
    json_t *text = json_pack("{s:i}", "a", 1);

    arm("store-write:0:fail");
    end_entry(entry, ENTRY_CANCELLED);
    cr_assert_eq(store_add(store, refused, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "No space left on device"), "%s", complaint.text);
    cr_assert_eq(refused->id, 0);
    cr_assert_not(is_there("job/2") || is_there("job/.new-2"));
    cr_assert_eq(store_note_run(store, entry, &complaint), -1);
    cr_assert_eq(store_note_end(store, entry, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "/job/1"), "%s", complaint.text);
    cr_assert_eq(store_write_plan(store, "nightly", text, &complaint), -1);
    cr_assert_null(store_read_plan(store, "nightly"));
    failpoint_is_armed = false;
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 1);
    cr_assert_eq(TAILQ_FIRST(&list)->state, ENTRY_QUEUED);
    cr_assert_eq(TAILQ_FIRST(&list)->runs, 0);
    cr_assert_eq(add_entry(store, "c")->id, 2, "the id stayed free");
    json_decref(text);
}

static void fill_disk(void) {
    char block[4096] = "x";
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/job/1/result", spool);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (size_t size = sizeof(block); size > 0;)
        if (write(fd, block, size) < 0)
            size /= 2;
    close(fd);
}

/* The end of a job has its room from the beginning, and so has the id of the one that goes. */
Test(store, full_disk_takes_no_job_but_each_end) {
    struct entry *entry, *other, *refused = make_entry("b");
    struct entry_list list;
    struct store *store;

    if (!make_small_disk(256 * 1024))
        return;
    store = spool_open();
    entry = add_entry(store, "a");
    other = add_entry(store, "b");
    fill_disk();
    cr_assert_eq(store_room(store), 0);
    cr_assert_eq(store_add(store, refused, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "No space left on device"), "%s", complaint.text);
    end_entry(other, ENTRY_FAILED);
    cr_assert_eq(store_note_end(store, other, &complaint), 0, "%s", complaint.text);
    cr_assert_eq(store_note_retry(store, other, &complaint), 0);
    end_entry(other, ENTRY_CANCELLED);
    cr_assert_eq(store_note_end(store, other, &complaint), 0, "after a retry: %s", complaint.text);
    end_entry(entry, ENTRY_FAILED);
    cr_assert_eq(store_note_end(store, entry, &complaint), 0, "%s", complaint.text);
    spool_load(store, &list);
    cr_assert_eq(spool_find(&list, 1)->state, ENTRY_FAILED);
    cr_assert_eq(spool_find(&list, 2)->state, ENTRY_CANCELLED);
    cr_assert_eq(store_forget(store, entry, &complaint), 0, "%s", complaint.text);
    cr_assert(store_room(store) > 100000);
    cr_assert_eq(store_add(store, refused, &complaint), 0, "%s", complaint.text);
    cr_assert_eq(refused->id, 3);
    spool_close(store);
}

/* ---- plans ---- */

static bool is_daily(void *arg, const char *name) {
    (void)arg;
    return strcmp(name, "daily") == 0;
}

Test(store, plans_are_kept_by_name_and_swept) {
    static const char *const no_names[] = { "", ".", "..", "../x", "a/b", ".hidden",
        "a-name-that-is-far-too-long-for-one" };
    struct store *store = spool_open();
    json_t *text = json_pack("{s:i}", "a", 1), *there;

    cr_assert_null(store_read_plan(store, "daily"));
    cr_assert_eq(store_write_plan(store, "daily", text, &complaint), 0);
    cr_assert_eq(store_write_plan(store, "weekly", text, &complaint), 0);
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
        cr_assert_eq(store_write_plan(store, no_names[i], text, &complaint), -1, "%s", no_names[i]);
        cr_assert_null(store_read_plan(store, no_names[i]));
    }
    put_file("plan/.daily", "left", 4);
    there = store_read_plan(store, "daily");
    cr_assert(json_equal(there, text));
    json_decref(there);
    json_decref(text);
    store_sweep_plans(store, is_daily, NULL);
    cr_assert(is_there("plan/daily"));
    cr_assert_not(is_there("plan/weekly") || is_there("plan/.daily"));
    cr_assert_eq(logged("spool_bad"), 0);
    put_file("plan/daily", "{\"a\":", 5);
    cr_assert_null(store_read_plan(store, "daily"));
    cr_assert_eq(logged("spool_bad"), 1);
}

/* ---- speed ---- */

static double cpu_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The figure is the benchmark's; here, that nobody reads what he need not. */
Test(store, thousand_ended_jobs_are_loaded_quickly) {
    struct store *store = spool_open();
    struct entry_list list;
    double best = 1e9, began;

    for (int i = 0; i < 1000; i++) {
        struct entry *entry = add_entry(store, "nightly");
        end_entry(entry, ENTRY_DONE);
        cr_assert_eq(store_note_run(store, entry, &complaint), 0);
        cr_assert_eq(store_note_end(store, entry, &complaint), 0);
        spool_disown(entry);
    }
    for (int i = 0; i < 5; i++) {
        began = cpu_ms();
        spool_load(store, &list);
        best = cpu_ms() - began < best ? cpu_ms() - began : best;
        cr_assert_eq(spool_count(&list), 1000);
        spool_free(&list);
    }
    cr_assert(best < 250, "%.1f ms", best);
    spool_close(store);
}
