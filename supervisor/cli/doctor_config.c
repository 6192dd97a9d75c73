/* The configuration itself: what preforkd says of it, and who may change it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

void doctor_config_look(struct doctor *doctor) {
    const char *text;

    for (size_t i = 0; i < json_array_size(doctor->complaints); i++) {
        text = json_string_value(json_array_get(doctor->complaints, i));
        if (strncmp(text, "preforkd: ", strlen("preforkd: ")) == 0)
            text += strlen("preforkd: ");
        if (strstr(text, ": warning: ") != NULL)
            doctor_find(doctor, DOCTOR_WARN, "see preforkd.conf(5)", "%s", text);
        else
            doctor_find(doctor, DOCTOR_BAD, "see preforkd.conf(5)", "%s", text);
    }
    if (doctor->config != NULL && doctor->test_exit == 0)
        doctor_find(doctor, DOCTOR_OK, NULL, "%s is good, services: %zu",
            json_read_text(doctor->config, "file"),
            json_array_size(doctor_services(doctor->config)));
    else if (json_array_size(doctor->complaints) == 0)
        doctor_find(
            doctor, DOCTOR_BAD, "run preforkd -t", "preforkd -t ended with %d", doctor->test_exit);
}

/* Returns whether something was found. */
static bool look_at_rights(struct doctor *doctor, const char *path, bool is_folder) {
    char mend[PATH_MAX + 64];
    struct stat st;

    if (stat(path, &st) < 0)
        return false; /* the configuration's to say */
    if (st.st_mode & S_IWOTH && !(is_folder && st.st_mode & S_ISVTX)) {
        snprintf(mend, sizeof(mend), "chmod o-w %s", path);
        doctor_find(doctor, DOCTOR_BAD, mend, "everybody may write %s (mode %04o)", path,
            st.st_mode & 07777);
        return true;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        snprintf(mend, sizeof(mend), "chown root %s", path);
        doctor_find(doctor, geteuid() == 0 ? DOCTOR_BAD : DOCTOR_WARN, mend,
            "%s belongs to uid %u, who can make the daemon run anything", path, st.st_uid);
        return true;
    }
    return false;
}

/* The folder of the path. */
static bool look_at_folder(struct doctor *doctor, const char *path) {
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    slash[slash == folder] = '\0';
    return look_at_rights(doctor, folder, true);
}

void doctor_config_look_rights(struct doctor *doctor) {
    const json_t *services = doctor_services(doctor->config);
    const char *file = json_read_text(doctor->config, "file"),
               *folder = doctor_text(json_object_get(doctor->config, "daemon"), "services_dir");
    bool is_bad;

    if (doctor->config == NULL)
        return;
    is_bad = look_at_rights(doctor, file, false);
    is_bad |= look_at_folder(doctor, file);
    if (folder != NULL)
        is_bad |= look_at_rights(doctor, folder, true);
    for (size_t i = 0; i < json_array_size(services); i++)
        is_bad |= look_at_rights(
            doctor, json_read_text(json_array_get(services, i), "file"), false);
    if (!is_bad)
        doctor_find(doctor, DOCTOR_OK, NULL, "nobody else may write the configuration");
}
