/* Rooms that services share: named as services are, and the same for all who name one. */
#include <string.h>

#include "shared/bus.h"
#include "supervisor/commons.h"
#include "supervisor/config_internal.h"

static bool hears(const struct config_service *service) {
    return service->type != NULL && (service->type->flags & SERVICE_MAIL) != 0 &&
           service->settings != NULL;
}

/* Where its room is named, or else the service. */
static struct config_where where_of(const struct config_reading *reading, unsigned index) {
    struct config_where where = config_origin_of(&reading->memory->common[index], "room")->where;

    if (where.file == NULL)
        where = (struct config_where){ .file = reading->config->service[index].file };
    return where;
}

/* Returns false when it is no name. */
static bool check_name(struct config_reading *reading, unsigned index) {
    const char *room = reading->config->service[index].room;
    const size_t len = room != NULL ? strlen(room) : 0;

    if (room == NULL ||
        (len > 0 && len < CONFIG_NAME_MAX &&
            strspn(room, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                len))
        return true;
    config_complain(reading, where_of(reading, index),
        "room: \"%.80s\" is no name: 1 to %d letters, digits, \"-\" or \"_\"", room,
        CONFIG_NAME_MAX - 1);
    return false;
}

static void check_bus(struct config_reading *reading, unsigned index) {
    const struct config_service *service = &reading->config->service[index];
    struct bus_settings bus = { .rows = 0 };

    service->type->bus(service->settings, &bus);
    bus.rows = BUS_ROWS_MAX;
    if (bus_size(&bus) == 0)
        config_complain(reading, (struct config_where){ .file = service->file },
            "the room cannot be made: a record has %u bytes at most, %u of them are kept, each "
            "worker has %u bytes for its own: that does not go together",
            bus.payload_max, bus.history, bus.arena_bytes);
}

static void check_sharing(struct config_reading *reading, unsigned index) {
    const struct config_service *service = reading->config->service, *own = &service[index];

    for (unsigned i = 0; i < index; i++) {
        if (!hears(&service[i]) ||
            strcmp(commons_room_name(&service[i]), commons_room_name(own)) != 0 ||
            commons_can_share(&service[i], own))
            continue;
        config_complain(reading, where_of(reading, index),
            "room: \"%.80s\" is also that of the service \"%s\", whose type or sizes differ: give "
            "them the same, or another room",
            commons_room_name(own), service[i].name);
        return;
    }
}

void config_rooms_check(struct config_reading *reading) {
    for (unsigned i = 0; i < reading->config->service_count; i++) {
        if (!hears(&reading->config->service[i]) || !check_name(reading, i))
            continue;
        check_bus(reading, i);
        check_sharing(reading, i);
    }
}
