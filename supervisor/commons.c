/*
 * Rooms by name, and owners' memory by service. One whose sizes differ from those that are wanted
 * is left to those who have it: a new one of the same name stands beside it until they are gone.
 */
#include "supervisor/commons.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus.h"
#include "shared/owner.h"
#include "shared/room.h"
#include "supervisor/supervisor.h"

#define ROWS_LEAST 64 /* the operator may scale it up */
#define ROWS_MORE  8  /* for who is late to leave */

/* What makes two rooms the same; all but the rows. */
struct kind {
    const struct service_ops *type;
    struct bus_settings bus;
    size_t shared_size;
};

struct commons_room {
    struct commons_room *next;
    struct supervisor *supervisor;
    struct room *room;
    char name[CONFIG_NAME_MAX];
    struct kind kind;
    unsigned holders;
};

struct commons_owner {
    struct commons_owner *next;
    struct supervisor *supervisor;
    struct owner *owner;
    const struct service_ops *type;
    size_t size;
    unsigned holders;
};

const char *commons_room_name(const struct config_service *config) {
    return config->room != NULL ? config->room : config->name;
}

static struct kind kind_of(const struct config_service *config) {
    const struct service_ops *type = config->type;
    struct kind kind;

    memset(&kind, 0, sizeof(kind)); /* they are compared as bytes */
    kind.type = type;
    type->bus(config->settings, &kind.bus);
    kind.bus.rows = 0;
    if (type->shared_size != NULL)
        kind.shared_size = type->shared_size(config->settings);
    return kind;
}

bool commons_can_share(const struct config_service *a, const struct config_service *b) {
    const struct kind x = kind_of(a), y = kind_of(b);

    return memcmp(&x, &y, sizeof(x)) == 0;
}

/* ---- rooms ---- */

static uint32_t count_rows(const struct config *whole, const char *name) {
    uint64_t rows = ROWS_MORE;

    for (unsigned i = 0; i < whole->service_count; i++)
        if ((whole->service[i].type->flags & SERVICE_MAIL) != 0 &&
            strcmp(commons_room_name(&whole->service[i]), name) == 0)
            rows += 2 * whole->service[i].max_children;
    if (rows < ROWS_LEAST)
        rows = ROWS_LEAST;
    return rows < BUS_ROWS_MAX ? (uint32_t)rows : BUS_ROWS_MAX;
}

static struct commons_room *make_room(struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config, const struct kind *kind) {
    struct commons_room *made = calloc(1, sizeof(*made));
    struct bus_settings bus = kind->bus;

    if (made == NULL)
        return NULL;
    strlcpy(made->name, commons_room_name(config), sizeof(made->name));
    made->supervisor = supervisor;
    made->kind = *kind;
    bus.rows = count_rows(whole, made->name);
    made->room = room_new(&bus, kind->shared_size, config->type->shared_init, config->settings);
    if (made->room == NULL) {
        free(made);
        return NULL;
    }
    made->next = supervisor->rooms;
    supervisor->rooms = made;
    return made;
}

static struct commons_room *find_room(struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config) {
    const struct kind kind = kind_of(config);
    struct commons_room *room;

    for (room = supervisor->rooms; room != NULL; room = room->next)
        if (strcmp(room->name, commons_room_name(config)) == 0 &&
            memcmp(&room->kind, &kind, sizeof(kind)) == 0)
            return room;
    return make_room(supervisor, whole, config, &kind);
}

static void release_room(struct commons_room *room) {
    struct commons_room **at;

    if (room == NULL || --room->holders > 0)
        return;
    for (at = &room->supervisor->rooms; *at != room; at = &(*at)->next)
        ;
    *at = room->next;
    room_free(room->room);
    free(room);
}

/* ---- owners ---- */

static struct commons_owner *find_owner(struct supervisor *supervisor,
    const struct config_service *config, const struct commons_owner *before) {
    const struct service_ops *type = config->type;
    const size_t size = type->owned_size != NULL ? type->owned_size(config->settings) : 0;
    struct commons_owner *made;

    if (before != NULL && before->type == type && before->size == size)
        return (struct commons_owner *)before;
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return NULL;
    made->supervisor = supervisor;
    made->type = type;
    made->size = size;
    made->owner = owner_new(size);
    if (made->owner == NULL) {
        free(made);
        return NULL;
    }
    made->next = supervisor->owners;
    supervisor->owners = made;
    return made;
}

static void release_owner(struct commons_owner *owner) {
    struct commons_owner **at;

    if (owner == NULL || --owner->holders > 0)
        return;
    for (at = &owner->supervisor->owners; *at != owner; at = &(*at)->next)
        ;
    *at = owner->next;
    owner_free(owner->owner);
    free(owner);
}

/* ---- both ---- */

static bool has_owner(const struct service_ops *type) {
    return (type->flags & SERVICE_OWNS_DATAGRAMS) != 0 || type->owned_size != NULL;
}

int commons_find(struct commons *out, struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config, const struct commons *before) {
    const bool has_room = (config->type->flags & SERVICE_MAIL) != 0;

    *out = (struct commons){ .room = NULL };
    if (has_room && (out->room = find_room(supervisor, whole, config)) != NULL)
        out->room->holders++;
    if (has_owner(config->type) && (out->owner = find_owner(supervisor, config,
                                        before != NULL ? before->owner : NULL)) != NULL)
        out->owner->holders++;
    if ((!has_room || out->room != NULL) && (!has_owner(config->type) || out->owner != NULL))
        return 0;
    commons_release(out);
    return -1;
}

void commons_hold(struct commons *out, const struct commons *from) {
    *out = *from;
    if (out->room != NULL)
        out->room->holders++;
    if (out->owner != NULL)
        out->owner->holders++;
}

void commons_release(struct commons *commons) {
    release_room(commons->room);
    release_owner(commons->owner);
    *commons = (struct commons){ .room = NULL };
}

struct room *commons_room(const struct commons *commons) {
    return commons->room != NULL ? commons->room->room : NULL;
}

struct owner *commons_owner(const struct commons *commons) {
    return commons->owner != NULL ? commons->owner->owner : NULL;
}

void commons_forget_others(const struct supervisor *supervisor, const struct commons *own) {
    for (const struct commons_room *room = supervisor->rooms; room != NULL; room = room->next)
        if (room != own->room)
            room_forget(room->room);
    for (const struct commons_owner *owner = supervisor->owners; owner != NULL; owner = owner->next)
        if (owner != own->owner)
            owner_forget(owner->owner);
}
