/* The samples in etc/: they are good, and name every key with its default. Run from the root. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "workers/kernels/kernel.h"

static char *read_sample(const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file, "%s: run this from the root of the checkout", path);
    cr_assert(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

/* A line "key = value;", commented out or not. */
struct line {
    bool is_comment;
    char value[128];
};

static bool find_line(const char *text, const char *key, struct line *out) {
    size_t len = strlen(key);
    const char *at, *end;

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        at = line + (*line == '\n');
        line = at;
        at += strspn(at, " ");
        out->is_comment = *at == '#';
        at += out->is_comment;
        if (strncmp(at, key, len) != 0 || strncmp(at + len, " = ", 3) != 0)
            continue;
        end = strchr(at, ';');
        cr_assert_not_null(end, "%s", key);
        snprintf(out->value, sizeof(out->value), "%.*s", (int)(end - at - len - 3), at + len + 3);
        return true;
    }
    return false;
}

static bool needs_quotes(const struct setting *row) {
    return row->type != SETTING_BOOL && row->type != SETTING_INTEGER &&
           (row->type != SETTING_NUMBER || !isdigit((unsigned char)row->fallback[0]));
}

/* The default of a key, which the type (NULL: none) may want otherwise. */
static const char *default_of(const struct setting *row, const struct service_ops *type) {
    const char *const *pair = type != NULL ? type->defaults : NULL;

    for (; pair != NULL && pair[0] != NULL; pair += 2)
        if (strcmp(pair[0], row->name) == 0)
            return pair[1];
    return row->fallback;
}

/* As a file has it: a list of numbers in brackets. */
static void write_fallback(
    const struct setting *row, const struct service_ops *type, char *dst, size_t size) {
    size_t used;

    snprintf(dst, size, needs_quotes(row) ? "\"%s\"" : "%s", default_of(row, type));
    if (row->type != SETTING_NUMBERS)
        return;
    used = (size_t)snprintf(dst, size, "[ ");
    for (const char *c = row->fallback; *c != '\0'; c++)
        used += (size_t)snprintf(dst + used, size - used, *c == ',' ? ", " : "%c", *c);
    snprintf(dst + used, size - used, " ]");
}

/* Every row is there; what is commented out shows the default, where it has one. */
static void compare(const char *path, const char *text, const struct setting *table,
    const struct service_ops *type) {
    char wanted[128];
    struct line line;

    for (const struct setting *row = table; row->name != NULL; row++) {
        cr_assert(find_line(text, row->name, &line), "%s does not name %s", path, row->name);
        if (row->fallback == NULL || !line.is_comment)
            continue;
        write_fallback(row, type, wanted, sizeof(wanted));
        cr_assert_str_eq(line.value, wanted, "%s: %s", path, row->name);
    }
}

Test(config_sample, the_daemon_s_names_every_key_with_its_default) {
    const struct setting *const tables[] = { config_daemon_settings, config_log_settings };
    char *text = read_sample("etc/preforkd.conf"), *part;

    for (size_t i = 0; i < 2; i++)
        compare("etc/preforkd.conf", text, tables[i], NULL);
    part = strstr(text, "\ncontrol : {");
    cr_assert_not_null(part);
    compare("control in etc/preforkd.conf", part, config_control_settings, NULL);
    part = strstr(text, "\njobs : {");
    cr_assert_not_null(part);
    compare("jobs in etc/preforkd.conf", part, config_jobs_settings, NULL);
    cr_assert_not_null(strstr(text, "\ndefaults : {"));
    free(text);
}

Test(config_sample, each_type_has_one_that_names_every_key_with_its_default) {
    char path[64], *text;

    for (size_t i = 0; services_table[i] != NULL; i++) {
        snprintf(path, sizeof(path), "etc/services.d/%s.conf", services_table[i]->name);
        text = read_sample(path);
        compare(path, text, config_service_settings, services_table[i]);
        compare(path, text, services_table[i]->settings, services_table[i]);
        cr_assert_not_null(
            strstr(text, "# On all interfaces, IPv4 and IPv6:\n#listen = "), "%s", path);
        free(text);
    }
}

Test(config_sample, the_job_s_names_every_key_with_its_default) {
    char *text = read_sample("etc/jobs.d/sheet.conf");

    compare("etc/jobs.d/sheet.conf", text, config_job_settings, NULL);
    compare("etc/jobs.d/sheet.conf", text, kernels_find("divisible")->params, NULL);
    free(text);
}

Test(config_sample, they_are_good_and_listen_on_loopback) {
    struct config *config = config_read_plain("etc/preforkd.conf", stderr);
    char host[NET_TEXT_MAX];

    cr_assert_not_null(config);
    for (unsigned i = 0; i < config->service_count; i++) {
        cr_assert_str_eq(config->service[i].name, config->service[i].type->name);
        for (unsigned j = 0; j < config->service[i].listen_count; j++)
            cr_assert_str_eq(
                net_format_host(host, &config->service[i].listen[j].address), "127.0.0.1");
    }
    cr_assert(config->jobs.enabled && config->job_count == 1 && config->job[0].enabled);
    config_free(config);
}
