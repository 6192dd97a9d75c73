/* One row for each list; what is no list is a type of service. */
#include "supervisor/main_mdoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/config.h"
#include "supervisor/signals.h"
#include "workers/kernels/kernel.h"

static void write_types(void) {
    for (size_t i = 0; services_table[i] != NULL; i++)
        printf(".It Cm %s\n%c%s.\n", services_table[i]->name,
            toupper((unsigned char)services_table[i]->summary[0]), services_table[i]->summary + 1);
}

static void write_kernels(void) {
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        printf(".It Cm %s\n%c%s.\n", kernels_table[i]->name,
            toupper((unsigned char)kernels_table[i]->summary[0]), kernels_table[i]->summary + 1);
}

/* The keys of a list: the daemon's, a type's, or as "kernel-NAME" a kernel's. NULL: it has none. */
static const struct setting *find_keys(const char *name) {
    static const char prefix[] = "kernel-";
    const struct service_ops *type = services_find(name);
    const struct kernel_ops *kernel = strncmp(name, prefix, sizeof(prefix) - 1) == 0
                                          ? kernels_find(name + sizeof(prefix) - 1)
                                          : NULL;

    return type != NULL ? type->settings : kernel != NULL ? kernel->params : NULL;
}

/* Keys that all services have, where the type's default is another one. */
static void write_changed_defaults(const struct service_ops *type) {
    for (size_t i = 0; type->defaults != NULL && type->defaults[i] != NULL; i += 2) {
        const struct setting *row = settings_find(config_service_settings, type->defaults[i]);

        if (row != NULL)
            printf(".It Ic %s\nAs for each service, but the default is %s, not %s.\n",
                type->defaults[i], type->defaults[i + 1],
                row->fallback != NULL ? row->fallback : "none");
    }
}

static void write_exit_codes(void) {
    for (size_t i = 0; i < exit_code_count; i++)
        printf(".It %d\n%c%s.\n", exit_code_table[i].code,
            toupper((unsigned char)exit_code_table[i].meaning[0]), exit_code_table[i].meaning + 1);
}

static void write_signals(void) {
    for (size_t i = 0; i < signals_count; i++) {
        printf(".It Dv %s\n%c%s", signals_table[i].name,
            toupper((unsigned char)signals_table[i].meaning[0]), signals_table[i].meaning + 1);
        if (signals_table[i].verb != NULL)
            printf(", as\n.Nm prefork Cm %s\ndoes.\n", signals_table[i].verb);
        else
            printf(".\n");
    }
}

int main_mdoc_write(const char *name, const struct setting *options) {
    static const struct {
        const char *name;
        const struct setting *table;
    } tables[] = {
        { "daemon", config_daemon_settings },
        { "control", config_control_settings },
        { "log", config_log_settings },
        { "jobs", config_jobs_settings },
        { "service", config_service_settings },
        { "job", config_job_settings },
    };
    const struct service_ops *type = services_find(name);
    const struct setting *table = find_keys(name);

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (strcmp(tables[i].name, name) == 0)
            table = tables[i].table;
    if (table != NULL)
        settings_write_keys_mdoc(stdout, table);
    else if (strcmp(name, "options") == 0)
        settings_write_mdoc(stdout, options);
    else if (strcmp(name, "types") == 0)
        write_types();
    else if (strcmp(name, "kernels") == 0)
        write_kernels();
    else if (strcmp(name, "signals") == 0)
        write_signals();
    else if (strcmp(name, "exit-codes") == 0)
        write_exit_codes();
    else {
        log_warnx("there is no list \"%s\"", name);
        return EXIT_CODE_USAGE;
    }
    if (type != NULL)
        write_changed_defaults(type);
    return EXIT_CODE_OK;
}
