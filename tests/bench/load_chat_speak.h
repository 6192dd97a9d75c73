#ifndef TESTS_BENCH_LOAD_CHAT_SPEAK_H
#define TESTS_BENCH_LOAD_CHAT_SPEAK_H

/*
 * How load_chat speaks to each server: what a member and a sender say to come in, how a message is
 * said, and how what comes is cut into records. A message is found in a record by its text alone,
 * which stands at its end and has a mark and a fixed length.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SPEAK_TEXT_LEN 64 /* of each message */
#define SPEAK_STEPS    3
#define SPEAK_MOST     256 /* bytes said at once */

/* Say this ("%s" is the name), and it is done when a record has the mark in it. */
struct speak_step {
    const char *words, *mark;
};

struct speak {
    const char *name;
    struct speak_step member[SPEAK_STEPS], sender[SPEAK_STEPS]; /* up to the first without words */
    const char *before, *after;                                 /* a message's text, when said */
    const char *ping, *pong;                                    /* a record that is answered */
    bool is_mqtt;
};

#define SPEAK_TEXT_LEN_WORD "64"

static const struct speak speak_table[] = {
    { .name = "chat",
        .member = { { "%s\n", "Welcome" } },
        .sender = { { "%s\n", "Welcome" } },
        .before = "",
        .after = "\n" },
    { .name = "redis",
        .member = { { "SUBSCRIBE room\r\n", "subscribe" } },
        .sender = { { "PING\r\n", "PONG" } },
        .before = "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$" SPEAK_TEXT_LEN_WORD "\r\n",
        .after = "\r\n" },
    { .name = "irc",
        .member = { { "NICK %s\r\nUSER %s 0 * :%s\r\n", " 001 " }, { "JOIN #room\r\n", " 366 " } },
        .sender = { { "NICK %s\r\nUSER %s 0 * :%s\r\n", " 001 " }, { "JOIN #room\r\n", " 366 " } },
        .before = "PRIVMSG #room :",
        .after = "\r\n",
        .ping = "PING ",
        .pong = "PONG x\r\n" },
    { .name = "nats",
        .member = { { "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB room 1\r\nPING\r\n",
            "PONG" } },
        .sender = { { "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n", "PONG" } },
        .before = "PUB room " SPEAK_TEXT_LEN_WORD "\r\n",
        .after = "\r\n",
        .ping = "PING",
        .pong = "PONG\r\n" },
    /* 3.1.1, clean session, no keep-alive, QoS 0; SUBSCRIBE is packet 1. See mqtt_words(). */
    { .name = "mqtt",
        .is_mqtt = true,
        .member = { { "connect", "\x20" }, { "subscribe", "\x90" } },
        .sender = { { "connect", "\x20" } },
        .before = "\x30\x46\x00\x04room",
        .after = "" },
    { .name = NULL },
};

static inline const struct speak *speak_find(const char *name) {
    const struct speak *speak = speak_table;

    while (speak->name != NULL && strcmp(speak->name, name) != 0)
        speak++;
    return speak->name != NULL ? speak : NULL;
}

static inline size_t speak_put(char *dst, const void *data, size_t len) {
    memcpy(dst, data, len);
    return len;
}

static inline size_t mqtt_words(char *dst, const char *which, const char *name) {
    const size_t name_len = strlen(name);
    size_t n;

    if (which[0] == 's')
        return speak_put(dst, "\x82\x09\x00\x01\x00\x04room\x00", 11);
    n = speak_put(dst, "\x10\x00\x00\x04MQTT\x04\x02\x00\x00\x00\x00", 14);
    dst[1] = (char)(n - 2 + name_len);
    dst[n - 1] = (char)name_len;
    return n + speak_put(dst + n, name, name_len);
}

/* Into dst of SPEAK_MOST bytes. Returns how many. */
static inline size_t speak_words(
    const struct speak *speak, char *dst, const struct speak_step *step, const char *name) {
    if (speak->is_mqtt)
        return mqtt_words(dst, step->words, name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return (size_t)snprintf(dst, SPEAK_MOST, step->words, name, name, name);
#pragma GCC diagnostic pop
}

/* A message with this text. PUBLISH of MQTT has two bytes of zeros in its head. */
static inline size_t speak_message(const struct speak *speak, char *dst, const char *text) {
    size_t n = speak_put(dst, speak->before, speak->is_mqtt ? 8 : strlen(speak->before));

    n += speak_put(dst + n, text, SPEAK_TEXT_LEN);
    return n + speak_put(dst + n, speak->after, strlen(speak->after));
}

/*
 * The first record of what has come: its length with what ends it, or 0 when it is not whole.
 * *out_body: of it, without what ends it.
 */
static inline size_t speak_cut(
    const struct speak *speak, const char *data, size_t len, size_t *out_body) {
    const char *newline;
    size_t n;

    if (speak->is_mqtt) {
        n = len < 2 ? 0 : 2 + (size_t)(unsigned char)data[1]; /* all of ours are below 128 */
        *out_body = n;
        return n > len ? 0 : n;
    }
    newline = memchr(data, '\n', len);
    if (newline == NULL)
        return 0;
    n = (size_t)(newline - data);
    *out_body = n > 0 && data[n - 1] == '\r' ? n - 1 : n;
    return n + 1;
}

#endif
