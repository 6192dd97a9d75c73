/*
 * Folders, by the rights of whoever will write there: root asks as the daemon's user, in a child
 * that becomes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/number.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

#define SPACE_BAD    (1u << 20)
#define SPACE_SCARCE (64u << 20)
#define INODES_FEW   1000

/* The child of can_write(). */
static _Noreturn void ask_as(const char *path, int rights, uid_t uid, gid_t gid) {
    const struct passwd *entry = getpwuid(uid);

    if (entry != NULL ? initgroups(entry->pw_name, gid != (gid_t)-1 ? gid : entry->pw_gid) < 0
                      : setgroups(0, NULL) < 0)
        _exit(EPERM);
    if ((gid != (gid_t)-1 && setgid(gid) < 0) ||
        (gid == (gid_t)-1 && entry != NULL && setgid(entry->pw_gid) < 0) || setuid(uid) < 0)
        _exit(EPERM);
    _exit(faccessat(AT_FDCWD, path, rights, AT_EACCESS) == 0 ? 0 : errno);
}

/* 0 when this user has the rights (W_OK, X_OK), else why not. uid (uid_t)-1: whoever we are. */
static int try_access(const char *path, int rights, uid_t uid, gid_t gid) {
    int status;
    pid_t pid;

    if (uid == (uid_t)-1 || uid == geteuid() || geteuid() != 0)
        return faccessat(AT_FDCWD, path, rights, AT_EACCESS) == 0 ? 0 : errno;
    pid = fork();
    if (pid == 0)
        ask_as(path, rights, uid, gid);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return EAGAIN;
    return WEXITSTATUS(status);
}

int doctor_place_try_folder(const char *path, uid_t uid, gid_t gid) {
    return try_access(path, W_OK | X_OK, uid, gid);
}

const char *doctor_place_folder_of(const char *path, char dst[PATH_MAX]) {
    char *slash;

    snprintf(dst, PATH_MAX, "%s", path);
    slash = strrchr(dst, '/');
    if (slash != NULL)
        slash[slash == dst] = '\0';
    return dst;
}

const char *doctor_place_user_words(uid_t uid, char dst[64]) {
    const struct passwd *entry = getpwuid(uid != (uid_t)-1 ? uid : geteuid());

    if (entry != NULL)
        snprintf(dst, 64, "%.50s", entry->pw_name);
    else
        snprintf(dst, 64, "uid %u", uid != (uid_t)-1 ? uid : geteuid());
    return dst;
}

/* Can this user make files in the folder? what is it for. Says so, and returns whether it can. */
static bool look_at_folder(
    struct doctor *doctor, const char *what, const char *folder, uid_t uid, gid_t gid) {
    const int error = doctor_place_try_folder(folder, uid, gid);
    char mend[PATH_MAX + 128], user[64], parent[PATH_MAX];

    doctor_place_user_words(uid, user);
    if (error == 0)
        return true;
    snprintf(mend, sizeof(mend), error == ENOENT ? "install -d -o %s -m 0750 %s" : "chown %s %s",
        user, folder);
    /* The daemon makes the folder of a socket, but for those above it. */
    if (error == ENOENT &&
        doctor_place_try_folder(doctor_place_folder_of(folder, parent), uid, gid) == 0 &&
        strcmp(what, "the control socket") == 0)
        return true;
    doctor_find(doctor, DOCTOR_BAD, mend, "%s: %s cannot write to %s: %s", what, user, folder,
        strerror(error));
    return false;
}

void doctor_place_look_log(struct doctor *doctor) {
    const char *file = doctor_text(json_object_get(doctor->config, "log"), "file");
    const uid_t uid = doctor_id(doctor->config, "uid", (uid_t)-1);
    const gid_t gid = doctor_id(doctor->config, "gid", (gid_t)-1);
    char folder[PATH_MAX], user[64], mend[PATH_MAX + 128];
    int error;

    if (doctor->config == NULL)
        return;
    if (file == NULL) {
        doctor_find(doctor, DOCTOR_OK, NULL, "the log goes to stderr");
        return;
    }
    doctor_place_user_words(uid, user);
    if (!look_at_folder(doctor, "the log", doctor_place_folder_of(file, folder), uid, gid))
        return;
    error = try_access(file, W_OK, uid, gid);
    if (error != 0 && error != ENOENT) {
        snprintf(mend, sizeof(mend), "chown %s %s", user, file);
        doctor_find(doctor, DOCTOR_BAD, mend, "the log: %s cannot write %s: %s", user, file,
            strerror(error));
    } else {
        doctor_find(doctor, DOCTOR_OK, NULL, "%s may write %s and begin a new file", user, file);
    }
}

void doctor_place_look_control(struct doctor *doctor) {
    const char *socket = doctor_text(json_object_get(doctor->config, "control"), "socket");
    char folder[PATH_MAX];
    struct stat st;

    if (socket == NULL)
        return;
    doctor_place_folder_of(socket, folder);
    /* The supervisor makes it, before it is anybody else. */
    if (!look_at_folder(doctor, "the control socket", folder, (uid_t)-1, (gid_t)-1))
        return;
    if (stat(folder, &st) == 0 && st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
        doctor_find(doctor, DOCTOR_BAD, "chmod o-w the folder",
            "everybody may write to %s: another socket may be put in the place of the daemon's",
            folder);
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "%s can be made", socket);
}

/* ---- room ---- */

/* Returns whether something was found. */
static bool look_at_space(struct doctor *doctor, const char *folder, uint64_t wanted) {
    struct statvfs st;
    uint64_t free;
    char text[NUMBER_TEXT_MAX], wanted_text[NUMBER_TEXT_MAX];

    if (statvfs(folder, &st) < 0)
        return false;
    free = (uint64_t)st.f_bavail * st.f_frsize;
    if (free < wanted)
        doctor_find(doctor, free < SPACE_BAD ? DOCTOR_BAD : DOCTOR_WARN,
            "make room, or lower log.rotate_size or log.rotate_keep",
            "%s: %s are free, of %s that may be needed", folder, number_format_bytes(text, free),
            number_format_bytes(wanted_text, wanted));
    else if (st.f_files > 0 && st.f_favail < INODES_FEW)
        doctor_find(doctor, st.f_favail < 10 ? DOCTOR_BAD : DOCTOR_WARN,
            "remove files: find the folder that holds too many",
            "%s: only %" PRIu64 " inodes are free", folder, (uint64_t)st.f_favail);
    else
        return false;
    return true;
}

void doctor_place_look_space(struct doctor *doctor) {
    const json_t *log = json_object_get(doctor->config, "log");
    const char *file = doctor_text(log, "file"),
               *spool = doctor_text(json_object_get(doctor->config, "jobs"), "spool_dir"),
               *socket = doctor_text(json_object_get(doctor->config, "control"), "socket");
    const uint64_t rotated = doctor_number(log, "rotate_size") *
                             (doctor_number(log, "rotate_keep") + 1);
    char folder[PATH_MAX];
    bool is_bad = false;

    if (doctor->config == NULL)
        return;
    if (file != NULL)
        is_bad |= look_at_space(doctor, doctor_place_folder_of(file, folder),
            rotated > SPACE_SCARCE ? rotated : SPACE_SCARCE);
    if (socket != NULL)
        is_bad |= look_at_space(doctor, doctor_place_folder_of(socket, folder), 4096);
    if (spool != NULL)
        is_bad |= look_at_space(doctor, spool, SPACE_SCARCE);
    if (!is_bad)
        doctor_find(doctor, DOCTOR_OK, NULL, "there is room for the log, the sockets and the jobs");
}
