/* The sink: what is put into it comes out as frames, whatever the pieces. */
#include "workers/sink.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"

static struct ring_lane row;
static struct sink sink;
static char *data; /* what the sink wrote, as frames */
static size_t len;

static void begin(enum result_format format, bool is_bytes) {
    char name[] = "/tmp/preforkd-sink-XXXXXX";

    crc32c_init();
    sink = (struct sink){ .fd = mkstemp(name),
        .row = &row,
        .lane = 1,
        .format = format,
        .is_bytes = is_bytes,
        .size = 65536 };
    unlink(name);
    cr_assert_eq(sink_init(&sink), 0);
}

/* Flush and read everything back. */
static void end(void) {
    sink_flush(&sink);
    len = (size_t)lseek(sink.fd, 0, SEEK_END);
    data = malloc(len + 1);
    cr_assert_eq(pread(sink.fd, data, len, 0), (ssize_t)len);
    sink_fini(&sink);
    close(sink.fd);
}

/* Join the payloads of one chunk's frames; returns the last frame. */
static struct frame join(char **text, size_t *text_len) {
    struct frame frame = { .type = 0 };
    const char *payload;
    uint32_t part = 0;
    size_t at = 0;

    *text = malloc(len + 1);
    *text_len = 0;
    while (at < len) {
        cr_assert_eq(frame_read(data + at, len - at, &frame, &payload), FRAME_COMPLETE);
        cr_assert_eq(frame.part, part++);
        memcpy(*text + *text_len, payload, frame.len);
        *text_len += frame.len;
        at += sizeof(frame) + frame.len;
        cr_assert(frame.type == FRAME_PART || at == len);
    }
    (*text)[*text_len] = '\0';
    return frame;
}

Test(sink, numbers_become_lines) {
    const uint64_t numbers[] = { 0, 2431, UINT64_MAX };
    struct frame frame;
    char *text;
    size_t n;

    begin(RESULT_TEXT, false);
    sink_begin(&sink, 5, 2, 0, 9);
    sink_put_numbers(&sink, numbers, 3);
    sink_finish(&sink);
    end();
    frame = join(&text, &n);
    cr_assert_str_eq(text, "0\n2431\n18446744073709551615\n");
    cr_assert(frame.type == FRAME_DONE && frame.chunk == 5 && frame.epoch == 2 &&
              frame.records == 3 && frame.digested == 24 && frame.lane == 1);
    cr_assert_eq(frame.digest, crc32c_u64(0, numbers, 3));
}

Test(sink, formats_frame_and_part_numbers) {
    static const struct {
        enum result_format format;
        const char *text;
    } cases[] = { { RESULT_SHEET, "1 000\n2 000 000\n" }, { RESULT_CSV, "6,1000\n6,2000000\n" },
        { RESULT_JSON,
            "{\"chunk\":6,\"lo\":1,\"hi\":9,\"numbers\":[1000,2000000],\"count\":2}\n" } };
    char *text;
    size_t n;

    for (size_t i = 0; i < 3; i++) {
        begin(cases[i].format, false);
        sink_begin(&sink, 5, 1, 1, 9);
        sink_put(&sink, 1000);
        sink_put(&sink, 2000000);
        sink_finish(&sink);
        end();
        join(&text, &n);
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(sink, result_larger_than_the_buffer_leaves_in_parts) {
    struct frame frame;
    char *text, *wanted = NULL;
    size_t n, wanted_len;
    FILE *out = open_memstream(&wanted, &wanted_len);

    begin(RESULT_TEXT, false);
    sink_begin(&sink, 0, 1, 1, 9);
    for (uint64_t i = 0; i < 100000; i++) {
        sink_put(&sink, i * i);
        fprintf(out, "%llu\n", (unsigned long long)(i * i));
    }
    sink_finish(&sink);
    end();
    fclose(out);
    frame = join(&text, &n);
    cr_assert(n == wanted_len && memcmp(text, wanted, n) == 0);
    cr_assert(frame.part > 5 && frame.records == 100000);
    free(wanted);
}

Test(sink, bytes_pass_unchanged_in_any_pieces) {
    char *bytes = malloc(200000), *text;
    struct frame frame;
    size_t n, take;

    for (size_t i = 0; i < 200000; i++)
        bytes[i] = (char)(i % 251);
    begin(RESULT_TEXT, true);
    sink_begin(&sink, 0, 1, 1, 9);
    for (size_t at = 0; at < 200000; at += take) {
        take = 1 + at % 7777;
        if (take > 200000 - at)
            take = 200000 - at;
        sink_put_bytes(&sink, bytes + at, take);
    }
    sink_finish(&sink);
    end();
    frame = join(&text, &n);
    cr_assert(n == 200000 && memcmp(text, bytes, n) == 0);
    cr_assert(frame.digest == crc32c(0, bytes, 200000) && frame.digested == 200000);
    cr_assert_eq(frame.records, 200000 / 251 + (200000 % 251 > '\n'));
}

Test(sink, count_keeps_nothing_but_the_count) {
    const uint64_t total = 1003;
    struct frame frame;
    char *text;
    size_t n;

    begin(RESULT_JSON, false);
    sink.count_only = true;
    sink_begin(&sink, 0, 1, 1, 9);
    sink_add_count(&sink, 1000);
    for (uint64_t i = 0; i < 3; i++)
        sink_put(&sink, i);
    sink_finish(&sink);
    end();
    frame = join(&text, &n);
    cr_assert(n == 0 && frame.records == 1003 && frame.digested == 8);
    cr_assert_eq(frame.digest, crc32c_u64(0, &total, 1));
}

Test(sink, failed_chunk_says_why_and_abandoned_one_says_nothing) {
    struct frame frame;
    char *text;
    size_t n;

    begin(RESULT_TEXT, false);
    sink_begin(&sink, 3, 1, 1, 9);
    sink_put(&sink, 12345);
    sink_abandon(&sink);
    sink_begin(&sink, 4, 1, 1, 9);
    sink_put(&sink, 12345);
    sink_fail(&sink, "no luck");
    end();
    frame = join(&text, &n);
    cr_assert(frame.type == FRAME_FAIL && frame.chunk == 4);
    cr_assert_str_eq(text, "no luck");
}
