/*
 * Who the workers are to run as. Only root can become somebody else: under another user the name
 * is refused here, with what to do, and not by a failing setuid in each worker.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/number.h"
#include "supervisor/config_internal.h"

#define NOBODY ((uint32_t)-1)

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

static void refuse(struct config_reading *reading, const struct config_section *section,
    const char *key, const char *name) {
    struct config_where where = config_origin_of(section, key)->where;

    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        config_complain(
            reading, where, "%s: \"%.64s\" cannot be looked up: %s", key, name, strerror(errno));
    else
        config_complain(reading, where, "%s: there is no %s \"%.64s\"", key, key, name);
}

static void refuse_without_root(struct config_reading *reading,
    const struct config_section *section, const char *key, const char *name) {
    struct config_where where = config_origin_of(section, key)->where;

    config_complain(reading, where,
        "%s: to become \"%.64s\" the daemon must be started as root, not as uid %u: leave the "
        "line out, or start as root",
        key, name, geteuid());
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

static void resolve(struct config_reading *reading, const struct config_section *section,
    const char *user, const char *group, uid_t *uid, gid_t *gid) {
    if (user != NULL && !find_user(user, uid, gid)) {
        refuse(reading, section, "user", user);
        return;
    }
    if (user != NULL && geteuid() != 0 && *uid != geteuid())
        refuse_without_root(reading, section, "user", user);
    if (group != NULL && !find_group(group, gid))
        refuse(reading, section, "group", group);
    else if (group != NULL && geteuid() != 0 && !is_own_group(*gid))
        refuse_without_root(reading, section, "group", group);
}

void config_identity_resolve(struct config_reading *reading) {
    struct config *config = reading->config;

    resolve(
        reading, &reading->memory->daemon, config->user, config->group, &config->uid, &config->gid);
    for (unsigned i = 0; i < config->service_count; i++) {
        config->service[i].uid = config->uid;
        config->service[i].gid = config->gid;
        resolve(reading, &reading->memory->common[i], config->service[i].user,
            config->service[i].group, &config->service[i].uid, &config->service[i].gid);
    }
}
