#ifndef SUPERVISOR_COMMONS_H
#define SUPERVISOR_COMMONS_H

/*
 * What the workers of a service have in common and what outlives them: the room, which services of
 * one type may share by its name, and the memory whose owner is one worker at a time. Both are made
 * before anybody is forked who uses them, are kept over reloads while their sizes stay, and go when
 * the last service and the last worker that hold them are gone. Parent only.
 */

#include "supervisor/config.h"

struct commons_owner;
struct commons_room;
struct supervisor;

/* What one service, or one child, holds; NULL: it has none. */
struct commons {
    struct commons_room *room;
    struct commons_owner *owner;
};

/*
 * What this service is to have, found or made; held by *out. whole: what it is configured with;
 * before: of the service that it takes the place of, or NULL. Returns 0, or -1 with errno.
 */
int commons_find(struct commons *out, struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config, const struct commons *before);

void commons_hold(struct commons *out, const struct commons *from);
void commons_release(struct commons *commons);

/* The name of its room. */
const char *commons_room_name(const struct config_service *config);

/* May both be in one room? Pure. */
bool commons_can_share(const struct config_service *a, const struct config_service *b);

/* NULL: none. */
struct room *commons_room(const struct commons *commons);
struct owner *commons_owner(const struct commons *commons);

/* Child: give back what others have in common. */
void commons_forget_others(const struct supervisor *supervisor, const struct commons *own);

#endif
