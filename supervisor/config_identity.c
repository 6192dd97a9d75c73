/*
 * Who the workers, the job supervisor and commands are to run as. Only root can become somebody
 * else: under another user the name is refused here, with what to do, and not by a failing setuid
 * in each worker.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/number.h"
#include "supervisor/config_internal.h"

#define NOBODY  ((uint32_t)-1)
#define KEY_MAX 64

/* All digits: a number that needs no entry in any file. */
static bool parse_id(const char *text, uint32_t *out) {
    struct complaint complaint;
    uint64_t value;

    if (strspn(text, "0123456789") != strlen(text) ||
        number_parse_u64(text, strlen(text), &value, &complaint) < 0 || value >= NOBODY)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* The key as it is told of: those of a group with the group, but what services share. */
static const char *full_key(
    const struct config_section *section, const char *key, char dst[KEY_MAX]) {
    snprintf(dst, KEY_MAX, "%s%s%s", section->group != NULL ? section->group : "",
        section->group != NULL ? "." : "", key);
    return dst;
}

static void refuse(struct config_reading *reading, const struct config_section *section,
    const char *key, const char *name) {
    struct config_where where = config_origin_of(section, key)->where;
    char full[KEY_MAX];

    full_key(section, key, full);
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        config_complain(
            reading, where, "%s: \"%.64s\" cannot be looked up: %s", full, name, strerror(errno));
    else
        config_complain(reading, where, "%s: there is no %s \"%.64s\"", full,
            strcmp(key, "group") == 0 ? "group" : "user", name);
}

static void refuse_without_root(struct config_reading *reading,
    const struct config_section *section, const char *key, const char *name) {
    struct config_where where = config_origin_of(section, key)->where;
    char full[KEY_MAX];

    config_complain(reading, where,
        "%s: to become \"%.64s\" the daemon must be started as root, not as uid %u: leave the "
        "line out, or start as root",
        full_key(section, key, full), name, geteuid());
}

/* Returns false when there is none. *out_gid is the user's first group, when known. */
static bool find_user(const char *name, uid_t *out_uid, gid_t *out_gid) {
    const struct passwd *entry;
    bool is_number = parse_id(name, out_uid);

    errno = 0;
    entry = is_number ? getpwuid(*out_uid) : getpwnam(name);
    if (entry != NULL) {
        *out_uid = entry->pw_uid;
        *out_gid = entry->pw_gid;
    }
    return entry != NULL || is_number;
}

static bool find_group(const char *name, gid_t *out_gid) {
    const struct group *entry;

    if (parse_id(name, out_gid))
        return true;
    errno = 0;
    entry = getgrnam(name);
    if (entry != NULL)
        *out_gid = entry->gr_gid;
    return entry != NULL;
}

static bool is_own_group(gid_t gid) {
    gid_t groups[256];
    int count = getgroups((int)(sizeof(groups) / sizeof(groups[0])), groups);

    for (int i = 0; i < count; i++)
        if (groups[i] == gid)
            return true;
    return gid == getegid();
}

/* Who is named, and where the numbers go. */
struct wanted {
    const struct config_section *section;
    const char *user_key, *user, *group; /* NULL: not named, the numbers stay */
    uid_t *uid;
    gid_t *gid;
};

static void resolve(struct config_reading *reading, const struct wanted *wanted) {
    const struct config_section *section = wanted->section;
    const char *user = wanted->user, *group = wanted->group;

    if (user != NULL && !find_user(user, wanted->uid, wanted->gid)) {
        refuse(reading, section, wanted->user_key, user);
        return;
    }
    if (user != NULL && geteuid() != 0 && *wanted->uid != geteuid())
        refuse_without_root(reading, section, wanted->user_key, user);
    if (group != NULL && !find_group(group, wanted->gid))
        refuse(reading, section, "group", group);
    else if (group != NULL && geteuid() != 0 && !is_own_group(*wanted->gid))
        refuse_without_root(reading, section, "group", group);
}

/* Commands run as the job supervisor, and that as the daemon, unless it is said otherwise. */
static void resolve_jobs(struct config_reading *reading) {
    const struct config_section *section = &reading->memory->jobs;
    struct config *config = reading->config;

    config->jobs.uid = config->uid;
    config->jobs.gid = config->gid;
    resolve(reading, &(struct wanted){ section, "user", config->jobs.user, config->jobs.group,
                         &config->jobs.uid, &config->jobs.gid });
    config->jobs.command_uid = config->jobs.uid;
    config->jobs.command_gid = config->jobs.gid;
    resolve(reading, &(struct wanted){ section, "command_user", config->jobs.command_user, NULL,
                         &config->jobs.command_uid, &config->jobs.command_gid });
}

void config_identity_resolve(struct config_reading *reading) {
    struct config *config = reading->config;
    struct config_service *service;

    resolve(reading, &(struct wanted){ &reading->memory->daemon, "user", config->user,
                         config->group, &config->uid, &config->gid });
    for (unsigned i = 0; i < config->service_count; i++) {
        service = &config->service[i];
        service->uid = config->uid;
        service->gid = config->gid;
        resolve(reading, &(struct wanted){ &reading->memory->common[i], "user", service->user,
                             service->group, &service->uid, &service->gid });
    }
    resolve_jobs(reading);
}
