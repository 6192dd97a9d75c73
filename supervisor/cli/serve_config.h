#ifndef SUPERVISOR_CLI_SERVE_CONFIG_H
#define SUPERVISOR_CLI_SERVE_CONFIG_H

/* One service as a configuration: what `prefork serve` was told, as files for a daemon. */

#include <stdbool.h>
#include <stdint.h>

#include "shared/net.h"
#include "shared/settings.h"
#include "supervisor/cli/serve_daemon.h"

struct serve_config {
    const char *service; /* its type, and its name */
    const char *model;   /* NULL: that of the service */
    enum net_proto proto;
    struct net_address address;      /* with its port */
    uint64_t workers, threads;       /* 0: as the service has them */
    const struct setting_texts *set; /* KEY=VALUE each: any key of the service */
    bool is_port_chosen;             /* else another is taken when it is busy */
    bool is_russian, has_console;
};

/*
 * Prepare the daemon's folder and write its files. A value of `set` is quoted unless it is a
 * number, a truth value, a list or in quotes; whether key and value mean anything the daemon says.
 * Returns an exit code: 0, or with the complaint 2, 71 or 74. The folder may be there all the same.
 */
int serve_config_write(
    const struct serve_config *config, struct serve_daemon *daemon, struct complaint *complaint);

#endif
