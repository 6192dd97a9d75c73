/*
 * What members send to a chat, and what lies on its bus: read whatever it is, and shown to each
 * voice. Texts stay inside what was given; nothing that is shown to a classic client is longer than
 * it reads at once, and JSON is JSON.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "workers/services/chat/chat_command.h"
#include "workers/services/chat/chat_hello.h"
#include "workers/services/chat/chat_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static void expect_inside(struct chat_text text, const char *data, size_t len) {
    expect(text.len == 0 || (text.data >= data && text.data + text.len <= data + len));
}

static void read_command(const char *text, size_t len) {
    struct chat_request request;

    chat_command_read(&request, text, len);
    expect(request.verb < CHAT_VERBS);
    expect_inside(request.name, text, len);
    expect_inside(request.text, text, len);
}

static void read_hello(const char *text, size_t len) {
    struct chat_hello hello;
    const char *why;

    expect((chat_hello_read(&hello, text, len, &why) == CHAT_HELLO_BAD) == (why != NULL));
    expect(strlen(hello.key) <= CHAT_KEY_MAX);
    expect_inside((struct chat_text){ hello.name, hello.name_len }, text, len);
}

static void read_json(const char *text, size_t len) {
    struct chat_request request;

    if (chat_json_read(&request, text, len) == NULL)
        expect(request.verb < CHAT_VERBS && request.id <= CHAT_CLIENT_ID_MOST);
    chat_json_free(&request);
}

/* ---- events ---- */

/* Whole objects, each on a line of its own. */
static void expect_json(const char *text, size_t len) {
    const char *end;
    json_t *object;

    while (len > 0) {
        end = memchr(text, '\n', len);
        expect(end != NULL);
        object = json_loadb(text, (size_t)(end - text), JSON_ALLOW_NUL, NULL);
        expect(json_is_object(object) && json_is_string(json_object_get(object, "t")));
        json_decref(object);
        len -= (size_t)(end + 1 - text);
        text = end + 1;
    }
}

static void show(struct chat_scene *scene, struct chat_voice voice, struct chat_event *events,
    unsigned count, const struct chat_ear *ear) {
    struct chat_buffer out = { .len = 0 };

    chat_show_events(&out, scene, voice, events, count, ear);
    if (ear == NULL)
        chat_show_crowd(&out, scene, voice, count, count / 2);
    expect(!out.has_failed && scene->line.len == 0);
    if (voice.is_json && voice.form == WIRE_FORM_LINE)
        expect_json(out.data, out.len);
    chat_buffer_free(&out);
}

/* Records of 32 bytes each, and a longer one: as kind, member and payload. */
static unsigned read_events(struct chat_event *events, const char *data, size_t len) {
    struct bus_record record = { .wall_ns = 1795271415000000000ull };
    unsigned count = 0;
    size_t n;

    while (len >= 2 && count < 24) {
        n = (uint8_t)data[1] & 0x80 ? len : 32;
        if (n > len)
            n = len;
        record.seq++;
        record.kind = (uint16_t)((uint8_t)data[0] % (CHAT_KINDS + 1));
        record.member = (uint8_t)data[1] % 4;
        record.client_id = (uint8_t)data[1] % 8;
        record.payload = data + 2;
        record.len = (uint32_t)(n - 2);
        if (chat_event_decode(&record, &events[count]))
            events[count++].number %= 4;
        else if (record.kind == CHAT_GAP)
            events[count++] = (struct chat_event){
                .kind = CHAT_GAP, .seq = record.seq, .number = 1
            };
        data += n;
        len -= n;
    }
    return count;
}

/* The first byte is the voice. */
static void show_all(const char *data, size_t len) {
    const uint8_t i = len > 0 ? (uint8_t)data[0] % CHAT_VOICES : 0;
    const struct chat_voice voice = { .form = i / 8,
        .lang = i & 1,
        .is_json = (i & 4) != 0 && i / 8 != WIRE_FORM_RAW,
        .is_quiet = (i & 2) != 0 };
    struct chat_scene scene = { .room = "00", .members = 3, .is_crowd = len % 8 == 7 };
    const struct chat_ear ear = {
        .id = 1, .next = 2, .number = 1, .key = "k", .is_suffixed = true
    };
    struct chat_event events[24], said[24];
    const unsigned count = read_events(events, data + (len > 0), len - (len > 0));
    struct chat_buffer out = { .len = 0 };
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++)
        if (events[i].kind == CHAT_SAID || events[i].kind == CHAT_DID)
            said[kept++] = events[i];
    expect(chat_voice_index(voice) < CHAT_VOICES);
    show(&scene, voice, events, count, NULL);
    show(&scene, voice, events, count, &ear);
    chat_show_history_begin(&out, &scene, voice);
    chat_show_history(&out, &scene, voice, said, kept);
    chat_show_history_end(&out, &scene, voice);
    chat_buffer_free(&out);
    chat_buffer_free(&scene.line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const targets[])(
        const char *text, size_t len) = { read_command, read_hello, read_json, show_all };
    char *text;

    if (size == 0)
        return 0;
    text = malloc(size);
    memcpy(text, data + 1, size - 1);
    targets[data[0] % 4](text, size - 1);
    free(text);
    return 0;
}
