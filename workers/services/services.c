/* The types of services there are: one row each. */
#include <stddef.h>
#include <string.h>

#include "workers/services/ack/ack.h"
#include "workers/services/chat/chat.h"
#include "workers/services/echo/echo.h"
#include "workers/services/message_log/message_log.h"
#include "workers/services/relay/relay.h"
#include "workers/services/service.h"

const struct service_ops *const services_table[] = {
    &echo_service,
    &ack_service,
    &message_log_service,
    &chat_service,
    &relay_service,
    NULL,
};

const struct service_ops *services_find(const char *name) {
    for (size_t i = 0; services_table[i] != NULL; i++)
        if (strcmp(services_table[i]->name, name) == 0)
            return services_table[i];
    return NULL;
}
