#ifndef WORKERS_SERVICES_CHAT_CHAT_SHOW_H
#define WORKERS_SERVICES_CHAT_CHAT_SHOW_H

/*
 * What happens in the room, as those who hear it read it: the words of the lab's chat for people,
 * JSON for programs. All that happened in one turn is written once for each voice, a way of
 * reading that members have in common; who took part in it himself has it written for him alone.
 * Pure but for malloc and the time zone.
 *
 *     raw          one message for each event, exactly those of the lab's server
 *     line, framed those who join and leave one after the other stand in one message
 *     JSON         one object for each event, with its sequence number
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/wire.h"
#include "workers/services/chat/chat_buffer.h"
#include "workers/services/chat/chat_event.h"
#include "workers/services/service.h"

struct chat_voice {
    uint8_t form; /* enum wire_form */
    uint8_t lang; /* enum service_lang */
    bool is_json, is_quiet;
};

#define CHAT_VOICES (WIRE_FORMS * 8)

static inline unsigned chat_voice_index(struct chat_voice voice) {
    return voice.form * 8u + voice.is_json * 4u + voice.is_quiet * 2u +
           (voice.lang == SERVICE_LANG_RU);
}

/* Somebody who hears. */
struct chat_ear {
    uint64_t id;     /* of the member */
    uint64_t next;   /* the record that he is to hear next */
    uint64_t number; /* of his connection, as in CHAT_JOINED */
    const char *key;
    bool is_suffixed; /* he has another name than he wanted */
};

/* Wall time as people read it, made once a second. All zero is one that has no time yet. */
struct chat_clock {
    uint64_t second;
    char text[16];
};

struct chat_scene {
    struct chat_clock clock;
    struct chat_buffer line; /* to write one message in */
    char room[2 * BUS_ROOM_SIZE + 1];
    unsigned members;
    bool is_crowd; /* so many that they are only counted */
};

/*
 * Add what of these events he hears, written for his voice; ear NULL: as everybody hears it who has
 * no part in any of them.
 */
void chat_show_events(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *events, unsigned count, const struct chat_ear *ear);

/* Earlier messages: said or done, between marks of their own. */
void chat_show_history_begin(
    struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice);
void chat_show_history(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *events, unsigned count);
void chat_show_history_end(
    struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice);

/* How many joined and left, where they are too many to be named. */
void chat_show_crowd(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    unsigned joined, unsigned left);

/* What is in scene->line, as one message. Empties it. */
void chat_show_line(struct chat_buffer *out, struct chat_scene *scene, enum wire_form form);

/* "14:30:15" */
const char *chat_show_time(struct chat_clock *clock, uint64_t wall_ns);

#endif
