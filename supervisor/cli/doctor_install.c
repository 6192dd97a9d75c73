/* What an installation brings: a unit for systemd, a user for the daemon. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

#define UNIT "preforkd.service"
#define USER "preforkd"

static const char *const unit_folders[] = { "/etc/systemd/system", "/run/systemd/system",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", NULL };

void doctor_install_look_unit(struct doctor *doctor) {
    char path[128];

    for (size_t i = 0; unit_folders[i] != NULL; i++) {
        snprintf(path, sizeof(path), "%s/%s", unit_folders[i], UNIT);
        if (access(path, R_OK) != 0)
            continue;
        doctor_find(doctor, DOCTOR_OK, NULL, "%s is there", path);
        return;
    }
    if (access("/run/systemd/system", F_OK) == 0)
        doctor_find(doctor, DOCTOR_WARN, "make install, then systemctl daemon-reload",
            "systemd runs here, and there is no " UNIT);
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "systemd does not run here");
}

void doctor_install_look_user(struct doctor *doctor) {
    const char *user = doctor_text(json_object_get(doctor->config, "daemon"), "user");
    const struct passwd *entry = getpwnam(USER);

    if (user != NULL)
        doctor_find(doctor, DOCTOR_OK, NULL, "the configuration names the user \"%s\"", user);
    else if (entry != NULL)
        doctor_find(doctor, entry->pw_uid != 0 ? DOCTOR_OK : DOCTOR_BAD,
            entry->pw_uid != 0 ? NULL : "give it a uid of its own", "the user " USER " is uid %u",
            entry->pw_uid);
    else if (geteuid() == 0)
        doctor_find(doctor, DOCTOR_WARN,
            "useradd --system " USER ", then user = \"" USER "\" in the configuration",
            "there is no user " USER ": workers of a daemon that root starts run as root");
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "the daemon runs as uid %u", geteuid());
}
