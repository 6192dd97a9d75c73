#ifndef TESTS_SYSTEM_DAEMON_H
#define TESTS_SYSTEM_DAEMON_H

/*
 * A preforkd of the test's own, in the test's folder: its files, its control socket, its peers.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/support/harness.h"

#define DAEMON_WORKERS_MAX 600

extern const char *const daemon_models[3]; /* "process", "thread", "event" */

struct daemon {
    struct harness_proc proc;
    uint16_t port; /* of the first TCP or UDP listener of the service "echo"; 0: none */
};

/* Write preforkd.conf; more is added to it (may be ""). */
void daemon_write_config(const char *more);

/*
 * Write services.d/NAME.conf, "key = value;" by the line. What it does not say: type echo, listen
 * on any TCP port of loopback, pm static, max_children 2.
 */
void daemon_write_service(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Start it in the foreground and wait until the service "echo" runs and is settled. */
void daemon_start(struct daemon *daemon);

/* Start it and wait only until it answers on the control socket. */
void daemon_start_unsettled(struct daemon *daemon);

/* SIGTERM; CHECKs that it ends with 0 within the time. */
void daemon_stop(struct daemon *daemon);

/* Ask over the control socket. Returns the lines of the answer, the last one included. */
json_t *daemon_ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ask and CHECK that it is done with exit 0. */
void daemon_do(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The object of this service in the status. */
json_t *daemon_service(const char *name);

/* A number of that object. */
uint64_t daemon_number(const char *name, const char *key);

/* Its state, as "RUNNING"; borrowed for the life of the test. */
const char *daemon_state(const char *name);

/* Pids of its workers that are in one of the states (NULL: any); returns how many. */
size_t daemon_workers(const char *name, const char *state, pid_t *out);

uint16_t daemon_port(const char *service, const char *proto);

/* ---- peers ---- */

/* Connect over TCP, from 127.0.0.1 or (source > 0) 127.0.0.source. CHECKs. */
int daemon_connect(uint16_t port);
int daemon_connect_from(uint16_t port, unsigned source);
int daemon_connect_unix(const char *path);

/* Send and get it back whole; false when that fails within 10 s. */
bool daemon_echo(int fd, const void *data, size_t len);

/* One exchange: connect, send 64 bytes, receive, close. Returns NULL, or what went wrong. */
const char *daemon_exchange(uint16_t port, unsigned source);
const char *daemon_exchange_unix(const char *path);

/* True when the peer has closed: end of stream within the time. */
bool daemon_is_closed(int fd, int timeout_ms);

/* The log, whole; never freed. */
char *daemon_log(void);

/* How often words stand in the log. */
unsigned daemon_log_count(const char *words);

#endif
