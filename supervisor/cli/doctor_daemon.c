/* The daemon that runs, by what it says of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/version.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

void doctor_daemon_look(struct doctor *doctor) {
    const char *version = json_read_text(doctor->status, "version");

    if (doctor->status == NULL)
        doctor_find(doctor, DOCTOR_WARN, "start it, or name its socket with --control",
            "no preforkd answers at %s", doctor->control);
    else if (strcmp(version, PREFORK_VERSION) != 0)
        doctor_find(doctor, DOCTOR_WARN, "restart the daemon, or run the prefork beside it",
            "the daemon, pid %d, is preforkd %s, and this is prefork %s", doctor_daemon_pid(doctor),
            version, PREFORK_VERSION);
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "preforkd %s answers, pid %d", version,
            doctor_daemon_pid(doctor));
}

static void look_at_service(struct doctor *doctor, const json_t *service, size_t *well) {
    const char *name = json_read_text(service, "name"), *state = json_read_text(service, "state"),
               *reason = json_read_text(service, "state_reason"),
               *death = json_read_text(json_object_get(service, "last_death"), "words");
    const bool is_fatal = strcmp(state, "FATAL") == 0, is_backoff = strcmp(state, "BACKOFF") == 0;
    char mend[128];

    snprintf(mend, sizeof(mend), "prefork explain %.40s%s%.40s", name,
        is_fatal ? ", then prefork start " : "", is_fatal ? name : "");
    if (is_fatal || is_backoff)
        doctor_find(doctor, is_fatal ? DOCTOR_BAD : DOCTOR_WARN, mend, "%s is %s: %s%s%s", name,
            state, reason, death[0] != '\0' ? "; a worker " : "", death);
    else if (json_read_number(service, "ready") < json_read_number(service, "wanted"))
        doctor_find(doctor, DOCTOR_WARN, mend, "%s is %s with %" PRIu64 " of %" PRIu64 " workers",
            name, state, json_read_number(service, "ready"), json_read_number(service, "wanted"));
    else
        ++*well;
}

void doctor_daemon_look_services(struct doctor *doctor) {
    const json_t *services = doctor_services(doctor->status);
    size_t well = 0;

    if (doctor->status == NULL)
        return;
    for (size_t i = 0; i < json_array_size(services); i++)
        look_at_service(doctor, json_array_get(services, i), &well);
    if (well == json_array_size(services))
        doctor_find(
            doctor, DOCTOR_OK, NULL, "%zu service%s well", well, well == 1 ? " is" : "s are");
}

void doctor_daemon_look_log(struct doctor *doctor) {
    const json_t *services = doctor_services(doctor->status);
    uint64_t dropped = 0;

    if (doctor->status == NULL)
        return;
    for (size_t i = 0; i < json_array_size(services); i++)
        dropped += json_read_number(json_array_get(services, i), "log_dropped");
    if (!json_is_integer(json_object_get(doctor->status, "log_writer_pid")))
        doctor_find(doctor, DOCTOR_BAD, "see what ends it: prefork events",
            "there is no log writer: records wait, and are dropped when there are too many");
    else if (dropped > 0)
        doctor_find(doctor, DOCTOR_WARN, "raise log.level, or find what fills the log",
            "%" PRIu64 " records found no room on their way to the log", dropped);
    else
        doctor_find(doctor, DOCTOR_OK, NULL,
            "the log writer lives, pid %" PRIu64 ", and nothing was lost",
            json_read_number(doctor->status, "log_writer_pid"));
}
