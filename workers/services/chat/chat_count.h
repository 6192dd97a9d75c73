#ifndef WORKERS_SERVICES_CHAT_CHAT_COUNT_H
#define WORKERS_SERVICES_CHAT_CHAT_COUNT_H

/* What is counted, as `prefork status` shows it. */

enum chat_count {
    CHAT_COUNT_JOINED,
    CHAT_COUNT_LEFT,
    CHAT_COUNT_SAID,
    CHAT_COUNT_DELIVERED,   /* messages to members */
    CHAT_COUNT_MISSED,      /* by those who read too slowly */
    CHAT_COUNT_CUT,         /* connections of such */
    CHAT_COUNT_DELAYED,     /* messages of those who talk too fast */
    CHAT_COUNT_UDP_DROPPED, /* likewise, over UDP; and from nobody known */
    CHAT_COUNT_BAD_TEXT,    /* messages that were no text */
    CHAT_COUNT_SUFFIXED,    /* members who got another name than they wanted */
    CHAT_COUNT_REFUSED,     /* the room was full */
    CHAT_COUNT_UNPUBLISHED, /* the bus did not take it */
};

#define CHAT_COUNT_NAMES                                                                       \
    {                                                                                          \
        "joined", "left", "said", "delivered", "missed", "cut_slow", "delayed", "udp_dropped", \
            "bad_text", "suffixed", "refused_full", "unpublished", NULL                        \
    }

#endif
