/*
 * Replacing workers: one permit each, new before old. The channel between the two is made here and
 * closed here at once: it lives as long as they want it, and its end tells each of the other's.
 */
#include "supervisor/service_replace.h"

#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "shared/contract.h"
#include "supervisor/service.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

static bool is_being_replaced(const struct service *service, const struct child *old) {
    const struct child *child;

    TAILQ_FOREACH (child, &service->children, link)
        if (child->replaces == old)
            return true;
    return false;
}

void service_replace_next(struct service *service, uint64_t now_ns) {
    struct child *child, *fresh;
    /* After a reload they all are old; new ones come as fast as may be. */
    unsigned permits = service->is_replacing ? UINT_MAX : (unsigned)service->config->max_recycling;
    bool has_old = false;

    TAILQ_FOREACH (child, &service->children, link) {
        permits -= child->replaces != NULL && permits > 0;
        has_old |= child->wants_recycling && !child_is_leaving(child);
    }
    service->is_replacing = service->is_replacing && has_old;
    TAILQ_FOREACH (child, &service->children, link) {
        if (permits == 0)
            return;
        if (!child->wants_recycling || child_is_leaving(child) || is_being_replaced(service, child))
            continue;
        fresh = service_fork_worker(service, now_ns, true);
        if (fresh == NULL)
            return;
        fresh->replaces = child;
        permits--;
    }
}

static bool can_give(const struct child *old, const struct child *fresh) {
    const struct service_ops *type = old->service->config->type;

    return (type->flags & SERVICE_PACKS) != 0 && fresh->service->config->type == type &&
           old->state <= CHILD_DRAINING && !child_is_leaving(fresh);
}

/* Give each an end. Returns 0, or -1: then neither knows of the other, or the end tells it. */
static int connect_them(const struct child *old, const struct child *fresh) {
    int old_end, fresh_end, rc;

    if (contract_pair(&old_end, &fresh_end) < 0)
        return -1;
    /* The new one first: it has to keep room before the old one is heard. */
    rc = child_order(fresh, ORDER_TAKE, fresh_end);
    if (rc == 0)
        rc = child_order(old, ORDER_GIVE, old_end);
    close(old_end);
    close(fresh_end);
    return rc;
}

void service_replace_open(struct child *fresh) {
    if (!fresh->is_held)
        return;
    if (child_order(fresh, ORDER_OPEN, -1) < 0)
        child_kill(fresh, "it does not read its orders");
    else
        fresh->is_held = false;
}

void service_replace(struct service *service, struct child *old, struct child *fresh) {
    const uint64_t now_ns = service->supervisor->now_ns,
                   grace_ms = service->config->graceful_timeout_ms;
    const char *reason = old->recycle_reason;

    if (can_give(old, fresh) && connect_them(old, fresh) == 0)
        child_give(old, now_ns, grace_ms, reason);
    else
        child_drain(old, now_ns, grace_ms, reason);
    service_replace_open(fresh);
}
