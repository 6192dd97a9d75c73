/*
 * What interval jobs need: a folder that is the job supervisor's alone, a user for their commands,
 * and the job supervisor itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shared/number.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"

#define SPACE_BAD    (1u << 20)
#define SPACE_SCARCE (64u << 20)
#define NOBODY       ((uid_t)-1)

static const json_t *section_of(const struct doctor *doctor) {
    return json_object_get(doctor->config, "jobs");
}

static bool is_wanted(const struct doctor *doctor) {
    return json_is_true(doctor_value(section_of(doctor), "enabled"));
}

/* Who the job supervisor runs as. */
static uid_t owner_of(const struct doctor *doctor) {
    const uid_t uid = doctor_id(doctor->config, "jobs_uid", NOBODY);

    return uid != NOBODY ? uid : geteuid();
}

/* ---- the spool ---- */

struct spool {
    const char *path;
    char user[64];
    uid_t uid;
    gid_t gid;
};

/* It is made by the job supervisor, but not the folders above it. */
static void look_at_missing(struct doctor *doctor, const struct spool *spool) {
    char mend[PATH_MAX + 128], parent[PATH_MAX];
    const int error = doctor_place_try_folder(
        doctor_place_folder_of(spool->path, parent), spool->uid, spool->gid);

    snprintf(mend, sizeof(mend), "install -d -o %s -m 0700 %s", spool->user, spool->path);
    if (error == 0)
        doctor_find(doctor, DOCTOR_OK, NULL, "%s is not there, and %s can make it", spool->path,
            spool->user);
    else
        doctor_find(doctor, DOCTOR_BAD, mend, "jobs: %s is not there, and %s cannot make it: %s",
            spool->path, spool->user, strerror(error));
}

static bool has_right_owner(
    struct doctor *doctor, const struct spool *spool, const struct stat *st) {
    char mend[PATH_MAX + 128], other[64];

    if (st->st_uid == spool->uid)
        return true;
    snprintf(
        mend, sizeof(mend), "chown -R %s %s, or another jobs.spool_dir", spool->user, spool->path);
    doctor_find(doctor, DOCTOR_BAD, mend, "jobs: %s belongs to %s, and the job supervisor is %s",
        spool->path, doctor_place_user_words(st->st_uid, other), spool->user);
    return false;
}

static bool has_room(struct doctor *doctor, const struct spool *spool) {
    char text[NUMBER_TEXT_MAX];
    struct statvfs st;
    uint64_t free_bytes;

    if (statvfs(spool->path, &st) < 0)
        return true;
    free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    if (free_bytes >= SPACE_SCARCE)
        return true;
    doctor_find(doctor, free_bytes < SPACE_BAD ? DOCTOR_BAD : DOCTOR_WARN,
        "make room, or lower jobs.max_spool or jobs.keep_jobs",
        "jobs: %s has %s left; jobs pause when there is no room", spool->path,
        number_format_bytes(text, free_bytes));
    return false;
}

static void look_at_folder(
    struct doctor *doctor, const struct spool *spool, const struct stat *st) {
    char mend[PATH_MAX + 128];
    int error;

    if (!S_ISDIR(st->st_mode)) {
        doctor_find(
            doctor, DOCTOR_BAD, "another jobs.spool_dir", "jobs: %s is no folder", spool->path);
        return;
    }
    if (!has_right_owner(doctor, spool, st))
        return;
    error = doctor_place_try_folder(spool->path, spool->uid, spool->gid);
    if (error != 0) {
        snprintf(mend, sizeof(mend), "chmod 0700 %s", spool->path);
        doctor_find(doctor, DOCTOR_BAD, mend, "jobs: %s cannot write to %s: %s", spool->user,
            spool->path, strerror(error));
    } else if ((st->st_mode & 077) != 0) {
        snprintf(mend, sizeof(mend), "chmod 0700 %s", spool->path);
        doctor_find(doctor, DOCTOR_WARN, mend,
            "jobs: others may look into %s until the job supervisor starts: its mode is %04o",
            spool->path, st->st_mode & 07777);
    } else if (has_room(doctor, spool)) {
        doctor_find(doctor, DOCTOR_OK, NULL, "%s may write to %s", spool->user, spool->path);
    }
}

void doctor_jobs_look_spool(struct doctor *doctor) {
    struct spool spool = { .path = doctor_text(section_of(doctor), "spool_dir") };
    struct stat st;

    if (doctor->config == NULL)
        return;
    if (!is_wanted(doctor) || spool.path == NULL) {
        doctor_find(doctor, DOCTOR_OK, NULL, "no job supervisor is configured");
        return;
    }
    spool.uid = owner_of(doctor);
    spool.gid = doctor_id(doctor->config, "jobs_gid", (gid_t)-1);
    doctor_place_user_words(spool.uid, spool.user);
    if (stat(spool.path, &st) == 0)
        look_at_folder(doctor, &spool, &st);
    else if (errno == ENOENT)
        look_at_missing(doctor, &spool);
    else
        doctor_find(doctor, DOCTOR_BAD, "another jobs.spool_dir", "jobs: %s: %s", spool.path,
            strerror(errno));
}

/* ---- commands ---- */

void doctor_jobs_look_command(struct doctor *doctor) {
    const char *who = doctor_text(section_of(doctor), "commands");
    const uid_t owner = owner_of(doctor);
    uid_t uid = doctor_id(doctor->config, "command_uid", NOBODY);
    char user[64];

    if (doctor->config == NULL)
        return;
    if (!is_wanted(doctor) || who == NULL || strcmp(who, "none") == 0) {
        doctor_find(doctor, DOCTOR_OK, NULL, "jobs run no commands");
        return;
    }
    if (uid == NOBODY)
        uid = owner;
    doctor_place_user_words(uid, user);
    if (getpwuid(uid) == NULL)
        doctor_find(doctor, DOCTOR_WARN, "another jobs.command_user",
            "commands of jobs run as uid %u, which has no entry in passwd", uid);
    else if (uid == 0)
        doctor_find(doctor, DOCTOR_WARN, "jobs.command_user = \"...\"",
            "commands of jobs run as root; jobs.commands = \"%s\"", who);
    else if (uid == owner && strcmp(who, "all") == 0)
        doctor_find(doctor, DOCTOR_BAD, "another jobs.command_user",
            "commands of anybody's jobs run as the job supervisor, %s, and may read all jobs",
            user);
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "commands of jobs run as %s; jobs.commands = \"%s\"",
            user, who);
}

/* ---- the job supervisor ---- */

static void look_at_living(struct doctor *doctor, const json_t *jobs) {
    const uint64_t paused = json_read_number(jobs, "paused");

    if (paused > 0)
        doctor_find(doctor, DOCTOR_WARN, "make room in jobs.spool_dir: prefork job list says why",
            "%" PRIu64 " job%s paused", paused, paused == 1 ? " is" : "s are");
    else
        doctor_find(doctor, DOCTOR_OK, NULL,
            "the job supervisor runs, pid %" PRIu64 ": %" PRIu64 " running, %" PRIu64 " queued",
            json_read_number(jobs, "pid"), json_read_number(jobs, "running"),
            json_read_number(jobs, "queued"));
}

void doctor_jobs_look(struct doctor *doctor) {
    const json_t *jobs = json_object_get(doctor->status, "jobs");
    const char *state = json_read_text(jobs, "state"),
               *death = json_read_text(json_object_get(jobs, "last_death"), "words");

    if (doctor->status == NULL)
        return;
    if (!json_is_object(jobs)) {
        doctor_find(doctor, is_wanted(doctor) ? DOCTOR_WARN : DOCTOR_OK,
            is_wanted(doctor) ? "prefork reload" : NULL, "%s",
            is_wanted(doctor) ? "the daemon has no job supervisor, and the configuration wants one"
                              : "there is no job supervisor, and none is wanted");
        return;
    }
    if (strcmp(state, "RUNNING") == 0)
        look_at_living(doctor, jobs);
    else
        doctor_find(doctor, strcmp(state, "BACKOFF") == 0 ? DOCTOR_BAD : DOCTOR_WARN,
            "prefork explain jobs", "the job supervisor is %s%s%s", state,
            death[0] != '\0' ? "; the last one " : "", death);
}
