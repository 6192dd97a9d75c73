/*
 * A hostile peer of the line form. However its bytes are cut, it is told the same; no line holds a
 * line's end and none is above the limit; each answer is a whole refusal; what is encoded is read.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/wire_line.h"
#include "tests/fuzz/tail.h"

#define MAX 60u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

struct told {
    struct tail text_room, answers_room;
    char *text, *answers;
    size_t len, answers_len;
};

static void add(char *to, size_t *len, const void *data, size_t n) {
    if (n > 0)
        memcpy(to + *len, data, n);
    *len += n;
}

static void tell(struct told *told, enum wire_event event, const struct wire_message *message) {
    if (event == WIRE_ANSWER) {
        expect(message->len % 3 == 0 && message->len > 0);
        for (size_t i = 0; i < message->len; i += 3)
            expect(message->data[i] == '\xff' &&
                   (message->data[i + 1] == '\xfc' || message->data[i + 1] == '\xfe'));
        add(told->answers, &told->answers_len, message->data, message->len);
        return;
    }
    expect(event == WIRE_MESSAGE && message->len <= MAX && message->total >= message->len);
    expect(message->total == message->len || message->total > MAX);
    expect(message->len == 0 || (memchr(message->data, '\n', message->len) == NULL &&
                                    memchr(message->data, '\r', message->len) == NULL));
    add(told->text, &told->len, message->data, message->len);
    add(told->text, &told->len, &message->total, sizeof(message->total));
}

static void feed(struct told *told, const uint8_t *data, size_t size, size_t piece) {
    static struct tail cut;
    struct wire_line line = { .total = 0 };
    struct wire_message message;
    enum wire_event event;

    told->len = told->answers_len = 0;
    told->text = tail_make(&told->text_room, 9 * size + 9);
    told->answers = tail_make(&told->answers_room, size + 3);
    for (size_t i = 0; i < size; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        struct wire_input in = { .data = tail_copy(&cut, data + i, n), .len = n };

        while ((event = wire_line_next(&line, MAX, &in, &message)) != WIRE_WANT)
            tell(told, event, &message);
        expect(in.len == 0 && line.body.size <= WIRE_BUFFER_FIRST);
        expect(wire_line_is_partial(&line) || line.body.data == NULL);
    }
    message = wire_line_rest(&line);
    tell(told, WIRE_MESSAGE, &message);
    wire_line_fini(&line);
}

/* As one line, without its ends, and back. */
static void check_encode(const uint8_t *data, size_t size, bool is_telnet) {
    static struct tail text_room, sent_room;
    char *text = tail_make(&text_room, size), *sent = tail_make(&sent_room, 2 * size + 2);
    struct wire_line line = { .total = 0 };
    struct wire_input in = { .data = sent };
    struct wire_message message;
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        if (data[i] != '\n' && data[i] != '\r')
            text[n++] = (char)data[i];
    in.len = wire_line_encode(sent, text, n, is_telnet);
    expect(in.len <= 2 * n + 2);
    expect(wire_line_next(&line, UINT32_MAX, &in, &message) == WIRE_MESSAGE);
    expect(message.len == n && memcmp(message.data, text, n) == 0);
    expect(wire_line_next(&line, UINT32_MAX, &in, &message) == WIRE_WANT && !line.is_telnet);
    wire_line_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t piece = size > 0 ? 1 + data[0] % 16 : 1;
    static struct told whole, cut;

    feed(&whole, data, size, size > 0 ? size : 1);
    feed(&cut, data, size, piece);
    expect(whole.len == cut.len && memcmp(whole.text, cut.text, cut.len) == 0);
    expect(whole.answers_len == cut.answers_len &&
           memcmp(whole.answers, cut.answers, cut.answers_len) == 0);
    check_encode(data, size, piece % 2 == 0);
    return 0;
}
