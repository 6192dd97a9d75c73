/* The spool after its owner was killed: at each step, at any moment, and with torn files in it. */
#include "spool_fixture.h"

#include <sys/mman.h>
#include <time.h>

TestSuite(store_kill, .init = spool_prepare, .fini = spool_clean);

static struct store *store;
static struct entry *entry;

/* ---- named steps ---- */

static void add(void) {
    store_add(store, make_entry("second"), &complaint);
}

static void note_run(void) {
    entry->runs = 9;
    store_note_run(store, entry, &complaint);
}

static void note_end(void) {
    end_entry(entry, ENTRY_DONE);
    store_note_end(store, entry, &complaint);
}

static void retry(void) {
    store_note_retry(store, entry, &complaint);
}

static void forget(void) {
    store_forget(store, entry, &complaint);
}

/* One job that has run once; has_ended: and failed. Then work is killed at the step. */
static void kill_at(const char *step, void (*work)(void), bool has_ended, struct entry_list *list) {
    store = spool_open();
    entry = add_entry(store, "first");
    entry->runs = 1;
    cr_assert_eq(store_note_run(store, entry, &complaint), 0);
    put_file("job/1/result", "2431\n", 5);
    if (has_ended) {
        end_entry(entry, ENTRY_FAILED);
        cr_assert_eq(store_note_end(store, entry, &complaint), 0);
    }
    cr_assert(was_killed(do_and_die(step, work)), "nobody came to %s", step);
    spool_close(store);
    store = spool_open();
    spool_load(store, list);
    cr_assert_eq(logged("spool_bad"), 0, "%s", step);
}

/* Nothing lies about but the job folders with these ids. */
static void only_there(uint64_t first, uint64_t last) {
    char command[256], out[16] = "";
    FILE *pipe;

    snprintf(
        command, sizeof(command), "ls -A %s/job | grep -cvE '^[%lu-%lu]$'", spool, first, last);
    pipe = popen(command, "r");
    cr_assert_not_null(fgets(out, sizeof(out), pipe));
    pclose(pipe);
    cr_assert_str_eq(out, "0\n");
}

static void begin_anew(void) {
    spool_close(store);
    spool_clean();
    spool_prepare();
}

Test(store_kill, add_that_is_killed_makes_a_whole_job_or_none) {
    static const char *const steps[] = { "store-made", "store-what", "store-ready", "store-added" };
    struct entry_list list;

    for (size_t i = 0; i < 4; i++, begin_anew()) {
        kill_at(steps[i], add, false, &list);
        cr_assert_eq(spool_count(&list), i < 3 ? 1 : 2, "%s", steps[i]);
        only_there(1, i < 3 ? 1 : 2);
        cr_assert_eq(store_next_id(store), i < 3 ? 2 : 3);
        cr_assert_eq(add_entry(store, "third")->id, i < 3 ? 2 : 3);
    }
}

Test(store_kill, note_that_is_killed_is_the_old_one_or_the_new_one) {
    static const char *const steps[] = { "store-written", "store-renamed" };
    struct entry_list list;
    struct entry *there;

    for (size_t i = 0; i < 2; i++, begin_anew()) {
        kill_at(steps[i], note_run, false, &list);
        there = TAILQ_FIRST(&list);
        cr_assert_eq(there->runs, i == 0 ? 1 : 9);
        cr_assert_eq(there->state, ENTRY_QUEUED);
    }
    for (size_t i = 0; i < 2; i++, begin_anew()) {
        kill_at(steps[i], note_end, false, &list);
        there = TAILQ_FIRST(&list);
        cr_assert_eq(there->state, i == 0 ? ENTRY_QUEUED : ENTRY_DONE);
        cr_assert_eq(there->runs, i == 0 ? 1 : 2);
        /* The old one can still be noted, and the result stays. */
        end_entry(there, ENTRY_CANCELLED);
        cr_assert_eq(store_note_end(store, there, &complaint), 0);
        cr_assert(is_there("job/1/result"));
    }
}

Test(store_kill, journal_outlives_the_noting_of_the_end) {
    struct entry_list list;

    store = spool_open();
    entry = add_entry(store, "first");
    put_file("job/1/result.journal", "journal", 7);
    cr_assert(was_killed(do_and_die("store-written", note_end)));
    cr_assert(is_there("job/1/result.journal"), "how else could one know that it was done");
    cr_assert(was_killed(do_and_die("store-renamed", note_end)));
    cr_assert(is_there("job/1/result.journal"));
    spool_load(store, &list);
    cr_assert_not(is_there("job/1/result.journal"), "the load ends what was begun");
    cr_assert_eq(TAILQ_FIRST(&list)->state, ENTRY_DONE);
}

Test(store_kill, retry_that_is_killed_has_taken_the_end_back) {
    struct entry_list list;

    kill_at("store-retried", retry, true, &list);
    cr_assert_eq(TAILQ_FIRST(&list)->state, ENTRY_QUEUED);
}

Test(store_kill, forgotten_job_is_gone_or_there_but_never_a_part_of_it) {
    static const char *const steps[] = { "store-id-kept", "store-gone", "store-removed",
        "store-removed:2", "store-removed:4" };
    struct entry_list list;

    for (size_t i = 0; i < 5; i++, begin_anew()) {
        kill_at(steps[i], forget, true, &list);
        cr_assert_eq(spool_count(&list), i == 0, "%s", steps[i]);
        cr_assert_eq(i == 0, is_there("job/1/result"));
        only_there(1, 1);
        cr_assert_eq(add_entry(store, "next")->id, 2);
    }
}

static void open_first(void) {
    store = store_open(spool, GENEROUS, 0, &complaint, &exit_code);
}

Test(store_kill, first_one_that_is_killed_while_it_opens_leaves_nothing_torn) {
    static const char *const steps[] = { "store-id-made", "store-id-kept" };

    for (size_t i = 0; i < 2; i++, begin_anew()) {
        cr_assert(was_killed(do_and_die(steps[i], open_first)), "nobody came to %s", steps[i]);
        store = spool_open();
        cr_assert_eq(store_next_id(store), 1);
        cr_assert_eq(logged("spool_bad"), 0, "%s", steps[i]);
    }
}

/* ---- any moment ---- */

#define JOBS_MAX 8192

/* What the writer says that it has done; it lives longer than the writer. */
static struct told {
    _Atomic uint64_t added;            /* ids up to it were given */
    _Atomic uint8_t ended[JOBS_MAX];   /* 1: before the end was noted, 2: after */
    _Atomic uint8_t gone[JOBS_MAX];    /* likewise */
    _Atomic uint8_t retried[JOBS_MAX]; /* likewise */
} * told;

static void live_one_life(struct store *ours, unsigned *seed) {
    struct entry *one = make_entry("storm");

    if (store_add(ours, one, &complaint) < 0 || one->id >= JOBS_MAX)
        _exit(1);
    told->added = one->id;
    store_note_run(ours, one, &complaint);
    end_entry(one, rand_r(seed) % 2 == 0 ? ENTRY_FAILED : ENTRY_DONE);
    told->ended[one->id] = 1;
    store_note_end(ours, one, &complaint);
    told->ended[one->id] = 2;
    if (one->state == ENTRY_FAILED && rand_r(seed) % 2 == 0) {
        told->retried[one->id] = 1;
        store_note_retry(ours, one, &complaint);
        told->retried[one->id] = 2;
    } else if (rand_r(seed) % 3 > 0) {
        told->gone[one->id] = 1;
        store_forget(ours, one, &complaint);
        told->gone[one->id] = 2;
    }
    spool_disown(one);
}

_Noreturn static void live(unsigned seed) {
    struct store *ours = store_open(spool, GENEROUS, 1000, &complaint, &exit_code);
    struct entry_list list;

    TAILQ_INIT(&list);
    if (ours == NULL || store_load(ours, &list, &complaint) < 0)
        _exit(2);
    for (;;)
        live_one_life(ours, &seed);
}

/* Each job that was told of is as it was told, or one step further. */
static void check_told(const struct entry_list *list, uint64_t next_id) {
    struct entry *there;

    cr_assert(next_id > told->added, "%lu is given twice", next_id);
    for (uint64_t id = 1; id <= told->added; id++) {
        there = spool_find(list, id);
        if (there == NULL) {
            cr_assert(told->gone[id] > 0, "job %lu is lost", id);
            continue;
        }
        cr_assert_neq(told->gone[id], 2, "job %lu is back", id);
        if (told->retried[id] == 2 || told->ended[id] == 0)
            cr_assert_eq(there->state, ENTRY_QUEUED, "job %lu", id);
        else if (told->ended[id] == 2 && told->retried[id] == 0)
            cr_assert(entry_has_ended(there), "job %lu", id);
    }
}

Test(store_kill, writer_that_is_killed_at_any_moment_loses_nothing_that_it_told) {
    struct entry_list list;
    unsigned seed = 1;
    pid_t pid;

    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int kills = 0; kills < 100; kills++) {
        pid = fork();
        if (pid == 0)
            live((unsigned)kills);
        nanosleep(&(struct timespec){ .tv_nsec = 500000 + rand_r(&seed) % 3000000 }, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        store = store_open(spool, GENEROUS, 1000, &complaint, &exit_code);
        cr_assert_not_null(store, "%s", complaint.text);
        spool_load(store, &list);
        check_told(&list, store_next_id(store));
        spool_free(&list);
        spool_close(store);
    }
    cr_assert(told->added > 100, "%lu", told->added);
    cr_assert_eq(logged("spool_bad"), 0);
}

/* ---- torn and foreign ---- */

static size_t read_text(const char *name, char *text, size_t size) {
    char path[256];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", spool, name);
    fd = open(path, O_RDONLY);
    n = read(fd, text, size);
    cr_assert(n > 0);
    close(fd);
    return (size_t)n;
}

Test(store_kill, text_that_is_cut_anywhere_is_set_aside_or_done_without) {
    struct entry_list list;
    char text[3][4096];
    size_t len[3];
    static const char *const names[] = { "job/1/what", "job/1/run", "job/1/end" };

    store = spool_open();
    entry = add_entry(store, "first");
    entry->runs = 1;
    cr_assert_eq(store_note_run(store, entry, &complaint), 0);
    end_entry(entry, ENTRY_FAILED);
    cr_assert_eq(store_note_end(store, entry, &complaint), 0);
    for (int i = 0; i < 3; i++)
        len[i] = read_text(names[i], text[i], sizeof(text[i]));
    for (size_t cut = 0; cut < len[2]; cut++) { /* without its end it goes on */
        put_file(names[2], text[2], cut);
        spool_load(store, &list);
        cr_assert_eq(TAILQ_FIRST(&list)->state, ENTRY_QUEUED, "cut at %zu", cut);
        cr_assert_eq(TAILQ_FIRST(&list)->runs, 1);
        spool_free(&list);
    }
    for (size_t cut = 0; cut < len[1]; cut++) {
        put_file(names[1], text[1], cut);
        spool_load(store, &list);
        cr_assert_eq(TAILQ_FIRST(&list)->runs, 0, "cut at %zu", cut);
        spool_free(&list);
    }
    for (size_t cut = 0; cut < len[0]; cut++) {
        char name[32];
        snprintf(name, sizeof(name), "job/%zu", cut + 2);
        add_entry(store, "other");
        snprintf(name, sizeof(name), "job/%zu/what", cut + 2);
        put_file(name, text[0], cut);
    }
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 1);
    cr_assert(is_there("bad/2/what"));
    cr_assert_eq(store_next_id(store), len[0] + 2);
    spool_close(store);
    store = spool_open();
    cr_assert_eq(store_next_id(store), len[0] + 2, "ids of what was set aside are not given again");
}

Test(store_kill, numbers_and_words_that_no_job_has_are_no_job) {
    static const char *const texts[] = { "[]", "7", "{}", "null",
        "{\"name\":\"a\",\"uid\":-1,\"token\":\"\",\"what\":{},\"output\":null,"
        "\"wanted_at_unix_ms\":1}",
        "{\"name\":\"a\",\"uid\":4294967295,\"token\":\"\",\"what\":{},\"output\":null,"
        "\"wanted_at_unix_ms\":1}",
        "{\"name\":\"a\",\"uid\":1,\"token\":\"\",\"what\":[],\"output\":null,"
        "\"wanted_at_unix_ms\":1}",
        "{\"name\":\"a\",\"uid\":1,\"token\":\"\",\"what\":{},\"output\":7,"
        "\"wanted_at_unix_ms\":1}",
        "{\"name\":\"a\",\"uid\":1,\"token\":\"\",\"what\":{},\"output\":null,"
        "\"wanted_at_unix_ms\":-1}",
        "{\"name\":\"a-name-that-is-far-too-long-for-one\",\"uid\":1,\"token\":\"\",\"what\":{},"
        "\"output\":null,\"wanted_at_unix_ms\":1}",
        "{\"name\":\"a\",\"uid\":1,\"token\":"
        "\"01234567890123456789012345678901234567890123456789012345678901234\",\"what\":{},"
        "\"output\":null,\"wanted_at_unix_ms\":1}" };
    static const char *const ends[] = { "{}", "{\"state\":\"queued\"}",
        "{\"state\":\"running\",\"cause\":\"\",\"exit_code\":0,\"started_at_unix_ms\":1,"
        "\"ended_at_unix_ms\":1,\"runs\":1,\"wall_ns\":1,\"chunks\":1,\"chunks_done\":1,"
        "\"records\":1,\"digest\":1,\"result_bytes\":1}",
        "{\"state\":\"done\",\"cause\":\"\",\"exit_code\":0,\"started_at_unix_ms\":1,"
        "\"ended_at_unix_ms\":1,\"runs\":1,\"wall_ns\":1,\"chunks\":1,\"chunks_done\":1,"
        "\"records\":1,\"digest\":4294967296,\"result_bytes\":1}",
        "{\"state\":\"done\",\"cause\":\"\",\"exit_code\":256,\"started_at_unix_ms\":1,"
        "\"ended_at_unix_ms\":1,\"runs\":1,\"wall_ns\":1,\"chunks\":1,\"chunks_done\":1,"
        "\"records\":1,\"digest\":1,\"result_bytes\":1}" };
    struct entry_list list;

    store = spool_open();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char name[32];
        add_entry(store, "a");
        snprintf(name, sizeof(name), "job/%zu/what", i + 1);
        put_file(name, texts[i], strlen(texts[i]));
    }
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 0);
    add_entry(store, "a");
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        put_file("job/12/end", ends[i], strlen(ends[i]));
        spool_load(store, &list);
        cr_assert_eq(spool_count(&list), 1);
        cr_assert_eq(TAILQ_FIRST(&list)->state, ENTRY_QUEUED, "%s", ends[i]);
        cr_assert_eq(TAILQ_FIRST(&list)->exit_code, 0);
    }
}

static void in_spool(char path[256], const char *name) {
    snprintf(path, 256, "%s/%s", spool, name);
}

Test(store_kill, foreign_things_are_set_aside_and_the_jobs_run_on) {
    static const char *const folders[] = { "job/notes", "job/0", "job/007", "job/-1", "job/1x",
        "job/18446744073709551617", "job/99999999999999999999999999", "job/.hidden", "job/2",
        "job/3", "job/3/what", "job/4", "job/5", "job/6", "job/7" };
    char path[256], whole[4096], big[300 * 1024];
    struct entry_list list;

    store = spool_open();
    add_entry(store, "first");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        in_spool(path, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0, "%s", path);
    }
    put_file("job/file", "x", 1);
    put_file("job/9", "x", 1);
    in_spool(path, "job/4/what");
    cr_assert_eq(mkfifo(path, 0600), 0);
    in_spool(path, "job/5/what");
    cr_assert_eq(symlink("../1/what", path), 0);
    memset(big, ' ', sizeof(big));
    read_text("job/1/what", big, sizeof(whole));
    put_file("job/6/what", big, sizeof(big));
    in_spool(path, "job/7/what");
    put_file("job/7/what", whole, read_text("job/1/what", whole, sizeof(whole)));
    if (geteuid() != 0 || chown(path, 4321, 4321) < 0)
        unlink(path); /* only root can give it away */
    in_spool(path, "job/8");
    cr_assert_eq(symlink("1", path), 0);
    spool_load(store, &list);
    cr_assert_eq(spool_count(&list), 1);
    only_there(1, 1);
    cr_assert(is_there("bad/notes") && is_there("bad/file") && is_there("bad/4"));
    cr_assert(is_there("bad/8") && is_there("bad/9"));
    cr_assert_eq(add_entry(store, "next")->id, 8, "what could have been a job is not one again");
    cr_assert(logged("spool_bad") >= 10);
}

Test(store_kill, second_thing_of_one_name_is_set_aside_beside_the_first) {
    struct entry_list list;
    char path[256];

    store = spool_open();
    for (int i = 0; i < 3; i++) {
        in_spool(path, "job/notes");
        cr_assert_eq(mkdir(path, 0700), 0);
        spool_load(store, &list);
    }
    cr_assert(is_there("bad/notes") && is_there("bad/notes.1") && is_there("bad/notes.2"));
    cr_assert_not(is_there("job/notes"));
}
