/* What the doctor makes of what it is given: numbers of the configuration, and the daemon's words.
 */
#include "supervisor/cli/doctor.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/version.h"

static struct doctor doctor;

static void begin(void) {
    static const struct doctor_check check = { .name = "test" };

    doctor = (struct doctor){ .check = &check, .findings = json_array(), .control = "/c.sock" };
}

static void end(void) {
    json_decref(doctor.findings);
    json_decref(doctor.config);
    json_decref(doctor.status);
}

TestSuite(doctor, .init = begin, .fini = end);

static json_t *read_json(const char *text) {
    json_error_t why;
    json_t *object = json_loads(text, 0, &why);

    cr_assert_not_null(object, "%s: %s", text, why.text);
    return object;
}

static void expect(size_t i, const char *grade, const char *what) {
    const json_t *finding = json_array_get(doctor.findings, i);

    cr_assert_not_null(finding, "nothing was found");
    cr_assert_str_eq(json_string_value(json_object_get(finding, "grade")), grade);
    cr_assert_not_null(strstr(json_string_value(json_object_get(finding, "what")), what), "%s",
        json_string_value(json_object_get(finding, "what")));
}

Test(doctor, the_worst_finding_decides) {
    cr_assert_eq(doctor_worst(&doctor), DOCTOR_OK);
    doctor_find(&doctor, DOCTOR_OK, NULL, "a");
    cr_assert_eq(doctor_worst(&doctor), DOCTOR_OK);
    doctor_find(&doctor, DOCTOR_BAD, "x", "b");
    doctor_find(&doctor, DOCTOR_WARN, "y", "c");
    doctor_find(&doctor, DOCTOR_OK, NULL, "d");
    cr_assert_eq(doctor_worst(&doctor), DOCTOR_BAD);
    json_array_remove(doctor.findings, 1);
    cr_assert_eq(doctor_worst(&doctor), DOCTOR_WARN);
}

Test(doctor, a_daemon_of_another_version_is_told) {
    doctor.status = read_json("{\"version\":\"9.9\",\"pid\":7}");
    doctor_daemon_look(&doctor);
    expect(0, "warn", "the daemon, pid 7, is preforkd 9.9, and this is prefork " PREFORK_VERSION);
}

Test(doctor, a_daemon_that_is_not_there_is_told) {
    doctor_daemon_look(&doctor);
    doctor_daemon_look_services(&doctor);
    doctor_daemon_look_log(&doctor);
    expect(0, "warn", "no preforkd answers at /c.sock");
    cr_assert_eq(json_array_size(doctor.findings), 1);
}

Test(doctor, a_missing_log_writer_and_lost_records_are_told) {
    doctor.status = read_json("{\"log_writer_pid\":null,\"services\":[]}");
    doctor_daemon_look_log(&doctor);
    expect(0, "bad", "there is no log writer");
    json_decref(doctor.status);
    doctor.status = read_json(
        "{\"log_writer_pid\":5,\"services\":[{\"log_dropped\":3},{\"log_dropped\":4}]}");
    doctor_daemon_look_log(&doctor);
    expect(1, "warn", "7 records found no room");
}

Test(doctor, a_service_with_too_few_workers_is_told) {
    doctor.status = read_json("{\"services\":[{\"name\":\"a\",\"state\":\"RUNNING\",\"ready\":1,"
                              "\"wanted\":3},{\"name\":\"b\",\"state\":\"STOPPED\"}]}");
    doctor_daemon_look_services(&doctor);
    expect(0, "warn", "a is RUNNING with 1 of 3 workers");
    cr_assert_eq(json_array_size(doctor.findings), 1);
}

static const char pools[] =
    "{\"services\":["
    "{\"name\":\"p\",\"listen\":[\"tcp://"
    "127.0.0.1:0\"],\"keys\":{\"model\":{\"value\":\"process\"},"
    "\"max_children\":{\"value\":10}}},"
    "{\"name\":\"t\",\"listen\":[],\"keys\":{\"model\":{\"value\":\"thread\"},"
    "\"max_children\":{\"value\":2},\"threads_per_child\":{\"value\":50}}},"
    "{\"name\":\"e\",\"listen\":[],\"keys\":{\"model\":{\"value\":\"event\"},"
    "\"max_children\":{\"value\":3},\"worker_connections\":{\"value\":1000}}}]}";

Test(doctor, need_is_that_of_all_pools_when_they_are_full) {
    doctor.config = read_json(pools);
    doctor_look(&doctor);
    cr_assert_eq(doctor.need.workers, 15);
    cr_assert_eq(doctor.need.threads, 10 + 2 * 51 + 3);
    cr_assert_eq(doctor.need.sessions, 10 + 100 + 3000);
    cr_assert_str_eq(doctor.need.worker_name, "e");
    cr_assert_geq(doctor.need.worker_files, 1000);
    cr_assert_geq(doctor.need.supervisor_files, 15 * 8);
}

Test(doctor, numbers_are_read_with_their_units) {
    doctor.config = read_json("{\"a\":{\"value\":5},\"b\":{\"value\":\"2s\",\"ms\":2000},"
                              "\"c\":{\"value\":\"4k\",\"bytes\":4096},\"d\":{\"value\":null}}");
    cr_assert_eq(doctor_number(doctor.config, "a"), 5);
    cr_assert_eq(doctor_number(doctor.config, "b"), 2000);
    cr_assert_eq(doctor_number(doctor.config, "c"), 4096);
    cr_assert_eq(doctor_number(doctor.config, "d"), 0);
    cr_assert_eq(doctor_number(doctor.config, "e"), 0);
    cr_assert_null(doctor_text(doctor.config, "d"));
    cr_assert_eq(doctor_read_number("/no/such/file"), UINT64_MAX);
}

/* An answer of another version, or rubbish. */
Test(doctor, answers_without_keys_are_no_mistake) {
    doctor.config = read_json("{\"services\":[{},7,{\"keys\":3,\"listen\":{}}]}");
    doctor.status = read_json("{\"services\":[{},7]}");
    doctor.complaints = NULL;
    doctor_look(&doctor);
}

/* ---- jobs ---- */

Test(doctor, a_job_supervisor_that_does_not_come_up_is_told) {
    doctor.status = read_json("{\"jobs\":{\"state\":\"BACKOFF\",\"last_death\":{\"words\":\"exited "
                              "with 77\"}}}");
    doctor_jobs_look(&doctor);
    expect(0, "bad", "the job supervisor is BACKOFF; the last one exited with 77");
}

Test(doctor, paused_jobs_are_told) {
    doctor.status = read_json("{\"jobs\":{\"state\":\"RUNNING\",\"pid\":4,\"running\":1,"
                              "\"paused\":2,\"queued\":0}}");
    doctor_jobs_look(&doctor);
    expect(0, "warn", "2 jobs are paused");
}

Test(doctor, a_daemon_that_does_not_know_of_the_jobs_yet_is_told) {
    doctor.status = read_json("{\"jobs\":null}");
    doctor.config = read_json("{\"jobs\":{\"enabled\":{\"value\":true}}}");
    doctor_jobs_look(&doctor);
    expect(0, "warn", "has no job supervisor, and the configuration wants one");
    json_decref(doctor.config);
    doctor.config = read_json("{\"jobs\":{\"enabled\":{\"value\":false}}}");
    doctor_jobs_look(&doctor);
    expect(1, "ok", "there is no job supervisor, and none is wanted");
}

Test(doctor, who_runs_commands_is_looked_at) {
    char config[256];
    static const struct {
        const char *who;
        int uid;
        const char *grade, *what;
    } cases[] = {
        { "none", 65534, "ok", "jobs run no commands" },
        { "all", 65534, "ok", "commands of jobs run as nobody; jobs.commands = \"all\"" },
        { "all", -1, "bad", "and may read all jobs" },
        { "all", 0, "warn", "commands of jobs run as root" },
        { "admin", 59999, "warn", "commands of jobs run as uid 59999, which has no entry" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(config, sizeof(config),
            "{\"jobs_uid\":7,\"command_uid\":%d,\"jobs\":{\"enabled\":{\"value\":true},"
            "\"commands\":{\"value\":\"%s\"}}}",
            cases[i].uid >= 0 ? cases[i].uid : 7, cases[i].who);
        json_decref(doctor.config);
        doctor.config = read_json(config);
        doctor_jobs_look_command(&doctor);
        expect(i, cases[i].grade, cases[i].what);
    }
}

static void look_at_spool(const char *folder) {
    char config[256];

    snprintf(config, sizeof(config),
        "{\"jobs_uid\":%u,\"jobs\":{\"enabled\":{\"value\":true},\"spool_dir\":{\"value\":\"%s\"}}"
        "}",
        geteuid(), folder);
    json_decref(doctor.config);
    doctor.config = read_json(config);
    doctor_jobs_look_spool(&doctor);
}

Test(doctor, spool_is_looked_at) {
    char root[] = "/tmp/doctor-test.XXXXXX", folder[64], file[64], deep[64];

    cr_assert_not_null(mkdtemp(root));
    snprintf(folder, sizeof(folder), "%s/spool", root);
    snprintf(deep, sizeof(deep), "%s/no/spool", root);
    snprintf(file, sizeof(file), "%s/file", root);
    look_at_spool(folder);
    expect(0, "ok", "is not there, and ");
    look_at_spool(deep);
    expect(1, "bad", "cannot make it: No such file or directory");
    cr_assert_eq(mkdir(folder, 0755), 0);
    look_at_spool(folder);
    expect(2, "warn", "others may look into ");
    cr_assert_eq(chmod(folder, 0700), 0);
    look_at_spool(folder);
    expect(3, "ok", "may write to ");
    fclose(fopen(file, "w"));
    look_at_spool(file);
    expect(4, "bad", "is no folder");
    if (geteuid() == 0) {
        cr_assert_eq(chown(folder, 65534, 65534), 0);
        look_at_spool(folder);
        expect(5, "bad", "belongs to nobody, and the job supervisor is root");
    }
    unlink(file);
    rmdir(folder);
    rmdir(root);
}
