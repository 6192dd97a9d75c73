#ifndef WORKERS_SERVICES_CHAT_CHAT_WORDS_H
#define WORKERS_SERVICES_CHAT_CHAT_WORDS_H

/* What the chat says to people, in each language. Pure. */

#include <stdint.h>

#include "workers/services/service.h"

enum chat_word {
    CHAT_WORD_JOINED, /* one, several */
    CHAT_WORD_JOINED_MANY,
    CHAT_WORD_LEFT,
    CHAT_WORD_LEFT_MANY,
    CHAT_WORD_AND_MORE,
    CHAT_WORD_RENAMED,
    CHAT_WORD_YOU_ARE,
    CHAT_WORD_TO_YOU,
    CHAT_WORD_MISSED,
    CHAT_WORD_CROWD_JOINED,
    CHAT_WORD_CROWD_LEFT,
    CHAT_WORD_CROWD_HERE,
    CHAT_WORD_WELCOME,
    CHAT_WORD_WELCOME_OTHER, /* the name was taken */
    CHAT_WORD_BACK,
    CHAT_WORD_ASK_NAME,
    CHAT_WORD_DEFAULT_NAME,
    CHAT_WORD_WHO,
    CHAT_WORD_WHO_MORE,
    CHAT_WORD_HISTORY,
    CHAT_WORD_HISTORY_END,
    CHAT_WORD_NO_HISTORY,
    CHAT_WORD_QUIET_ON,
    CHAT_WORD_QUIET_OFF,
    CHAT_WORD_NAME_TAKEN,
    CHAT_WORD_NO_NAME,
    CHAT_WORD_NOBODY,
    CHAT_WORD_UNKNOWN,
    CHAT_WORD_USAGE_PRIVATE,
    CHAT_WORD_TOO_LONG,
    CHAT_WORD_EMPTY,
    CHAT_WORD_BAD_REQUEST,
    CHAT_WORD_FULL,
    CHAT_WORD_NOT_SENT,
    CHAT_WORD_FLOOD,
    CHAT_WORD_BYE_SLOW,
    CHAT_WORD_BYE_REPLACED,
    CHAT_WORD_BYE_STOPPING,
    CHAT_WORD_BYE_BAD,
    CHAT_WORD_HELP,
    CHAT_WORD_SAY_OPEN, /* for whoever watches the server */
    CHAT_WORD_SAY_NEW,
    CHAT_WORD_SAY_JOINED,
    CHAT_WORD_SAY_LEFT,
    CHAT_WORD_SAY_RENAMED,
    CHAT_WORDS,
};

const char *chat_word(enum chat_word word, enum service_lang lang);

/* "message", "messages"; "сообщение", "сообщения", "сообщений" */
const char *chat_word_messages(uint64_t n, enum service_lang lang);

#endif
