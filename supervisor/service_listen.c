/* Opening, watching, closing. A listener that is closed has -1 for its descriptor. */
#include "supervisor/service_listen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "shared/console.h"
#include "shared/contract.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "supervisor/control_queue.h"
#include "supervisor/supervisor.h"

#define EMPTY_NS 50000000u /* for a worker that is busy: then whoever waits is turned away */

void service_listen_close(struct service *service) {
    service_listen_watch(service, false);
    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++)
        listen_close(&service->listener[i]);
}

void service_listen_announce(const struct service *service, const struct listener *listener) {
    const bool is_russian = service->supervisor->config->lang == LANG_RU;
    char address[NET_TEXT_MAX];

    net_format(address, &listener->address);
    supervisor_note(service->supervisor, service, NULL, LOG_LEVEL_INFO, "listening",
        (const struct log_field[]){ LOG_TEXT("proto", net_proto_name(listener->proto)),
            LOG_TEXT("address", address), { .key = NULL } },
        "listening on %s://%s", net_proto_name(listener->proto), address);
    console_say(is_russian ? "%s: слушаю %s://%s, модель %s" : "%s: listening on %s://%s, model %s",
        service->config->name, net_proto_name(listener->proto), address,
        config_model_name(service->config->model));
}

/* Both in the log and, in its language, on the console. */
static void tell_moved(const struct service *service, const struct listener *listener,
    const struct listen_note *note) {
    const unsigned wanted = net_port(&listener->wanted), taken = net_port(&listener->address);
    const bool is_known = note->owner[0] != '\0';
    char english[256];

    snprintf(english, sizeof(english), "port %u is busy%s%s%s, listening on %u instead", wanted,
        is_known ? " (" : "", note->owner, is_known ? " has it)" : "", taken);
    supervisor_note(
        service->supervisor, service, NULL, LOG_LEVEL_WARN, "port_moved", NULL, "%s", english);
    if (service->supervisor->config->lang == LANG_RU)
        console_say("%s: порт %u занят%s%s%s, слушаю %u", service->config->name, wanted,
            is_known ? " (" : "", note->owner, is_known ? ")" : "", taken);
    else
        console_say("%s: %s", service->config->name, english);
}

int service_listen_open(
    struct service *service, const struct config *config, struct complaint *complaint) {
    const struct config_service *wanted = service->config;
    struct listen_note note;

    for (unsigned i = 0; i < wanted->listen_count; i++) {
        if (service->listener[i].fd >= 0)
            continue;
        if (listen_open(
                &service->listener[i], &wanted->listen[i], wanted, config, &note, complaint) < 0) {
            complaint_prefix(complaint, "%s", wanted->file);
            service_listen_close(service);
            return -1;
        }
        if (note.is_moved)
            tell_moved(service, &service->listener[i], &note);
        service_listen_announce(service, &service->listener[i]);
    }
    return 0;
}

static void tell_lost(const struct service *service, const struct control_queue *queue) {
    if (queue->waiting > 0)
        supervisor_note(service->supervisor, service, NULL, LOG_LEVEL_WARN, "backlog_lost",
            (const struct log_field[]){
                LOG_NUMBER("connections", queue->waiting), { .key = NULL } },
            "%" PRIu64 " connections waited that no worker had room for", queue->waiting);
}

void service_listen_close_for_good(struct service *service) {
    struct control_queue queue = { .waiting = 0 };

    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++)
        if (service->listener[i].fd >= 0 && service->listener[i].proto != NET_UDP &&
            !service->listener[i].is_inherited && service->listener[i].lent_to == NULL)
            control_queue_add(&queue, &service->listener[i]);
    tell_lost(service, &queue);
    service_listen_close(service);
}

/* ---- ondemand: watching the listeners while nobody else does ---- */

static void connection_waits(struct loop_watch *watch, uint32_t events) {
    struct service *service = watch->owner;

    (void)events;
    service->has_waiting = true;
    gate_heard(service->gate);
    service_listen_watch(service, false);
    service_tend(service, service->supervisor->now_ns);
}

void service_listen_watch(struct service *service, bool on) {
    struct loop_watch *watch;

    if (on == service->is_watching)
        return;
    service->is_watching = on;
    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++) {
        watch = &service->listen_watch[i];
        if (service->listener[i].fd < 0)
            continue;
        if (!on) {
            loop_remove(service->supervisor->loop, watch);
            continue;
        }
        *watch = (struct loop_watch){
            .fd = service->listener[i].fd, .ready = connection_waits, .owner = service
        };
        loop_add(service->supervisor->loop, watch, EPOLLIN);
    }
}

/* ---- emptying ---- */

uint64_t service_listen_order_empty(struct service *service) {
    const uint64_t until_ns = service->supervisor->now_ns + EMPTY_NS;
    struct child *child;

    service_order(service, ORDER_EMPTY, until_ns);
    service_order(service, ORDER_PING, SERVICE_LISTEN_PING_EMPTY);
    TAILQ_FOREACH (child, &service->children, link)
        child->is_emptying = child->state == CHILD_RUNNING;
    return until_ns;
}

bool service_listen_is_emptied(const struct service *service) {
    const struct child *child;

    TAILQ_FOREACH (child, &service->children, link)
        if (child->is_emptying)
            return false;
    return true;
}

/* ---- those that a reload takes away ---- */

static void close_retiring(struct service *service) {
    struct control_queue queue = { .waiting = 0 };

    for (unsigned i = 0; i < service->retiring_count; i++) {
        if (service->retiring[i].proto != NET_UDP && !service->retiring[i].is_inherited)
            control_queue_add(&queue, &service->retiring[i]);
        listen_close(&service->retiring[i]);
    }
    service->retiring_count = 0;
    tell_lost(service, &queue);
}

void service_listen_retire(struct service *service, const struct listener *listener) {
    if (service->retiring_count == CONFIG_LISTEN_MAX)
        close_retiring(service);
    service->retiring[service->retiring_count++] = *listener;
    listen_narrow(listener);
}

void service_listen_tend(struct service *service, uint64_t now_ns) {
    if (service->retiring_count > 0 &&
        (now_ns >= service->retire_at_ns || service_listen_is_emptied(service)))
        close_retiring(service);
}
