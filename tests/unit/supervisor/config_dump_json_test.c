/* The dump for programs: every row of every table, with its value, its number and its origin. */
#include "tests/unit/supervisor/config_fixture.h"

#include <jansson.h>

TestSuite(config_dump_json, .init = setup, .fini = teardown);

static json_t *dump(void) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size), *complaints = fmemopen(said, sizeof(said), "w");
    json_t *object;

    cr_assert_eq(config_dump_json("preforkd.conf", out, complaints), 0, "%s", said);
    fclose(out);
    fclose(complaints);
    cr_assert(strchr(text, '\n') == text + size - 1, "not one line");
    object = json_loads(text, 0, NULL);
    cr_assert_not_null(object, "%s", text);
    free(text);
    return object;
}

static const json_t *row_of(const json_t *section, const char *key) {
    const json_t *row = json_object_get(section, key);

    cr_assert(json_is_object(row), "%s is not there", key);
    cr_assert_not_null(json_object_get(row, "value"), "%s", key);
    cr_assert_not_null(json_object_get(row, "file"), "%s", key);
    return row;
}

static void expect_origin(const json_t *row, const char *file, json_int_t line) {
    const char *got = json_string_value(json_object_get(row, "file"));
    size_t len = strlen(file);

    cr_assert(
        got != NULL && strlen(got) > len && strcmp(got + strlen(got) - len, file) == 0, "%s", got);
    cr_assert_eq(json_integer_value(json_object_get(row, "line")), line);
}

static void expect_all(const json_t *section, const struct setting *table) {
    size_t count = 0;

    for (; table->name != NULL; table++, count++)
        row_of(section, table->name);
    cr_assert_eq(json_object_size(section), count);
}

Test(config_dump_json, every_key_of_every_table_is_there) {
    const json_t *service;
    json_t *object;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    object = dump();
    expect_all(json_object_get(object, "daemon"), config_daemon_settings);
    expect_all(json_object_get(object, "control"), config_control_settings);
    expect_all(json_object_get(object, "log"), config_log_settings);
    expect_all(json_object_get(object, "jobs"), config_jobs_settings);
    service = json_array_get(json_object_get(object, "services"), 0);
    expect_all(json_object_get(service, "keys"), config_service_settings);
    expect_all(json_object_get(service, "own"), services_find("echo")->settings);
    cr_assert_eq(json_object_size(json_object_get(object, "defaults")), 0);
    json_decref(object);
}

Test(config_dump_json, values_have_their_types_and_origins) {
    const json_t *service, *keys, *row;
    json_t *object;

    put("preforkd.conf", "\nlog : { level = \"warn\"; };\ndefaults : { nice = -3; };");
    put("services.d/s.conf", "type = \"echo\";\nidle_timeout = \"90s\";\nautostart = false;\n"
                             "write_buffer = \"64k\";\nlisten = [ \"tcp://127.0.0.1:4000\" ];\n");
    object = dump();
    row = row_of(json_object_get(object, "log"), "level");
    cr_assert_str_eq(json_string_value(json_object_get(row, "value")), "warn");
    expect_origin(row, "/preforkd.conf", 2);
    cr_assert_eq(json_object_size(json_object_get(object, "defaults")), 1);
    service = json_array_get(json_object_get(object, "services"), 0);
    keys = json_object_get(service, "keys");
    row = row_of(keys, "idle_timeout");
    cr_assert_str_eq(json_string_value(json_object_get(row, "value")), "90s");
    cr_assert_eq(json_integer_value(json_object_get(row, "ms")), 90000);
    expect_origin(row, "/services.d/s.conf", 2);
    cr_assert_eq(json_integer_value(json_object_get(row_of(keys, "write_buffer"), "bytes")), 65536);
    cr_assert(json_is_false(json_object_get(row_of(keys, "autostart"), "value")));
    cr_assert_eq(json_integer_value(json_object_get(row_of(keys, "nice"), "value")), -3);
    expect_origin(row_of(keys, "nice"), "/preforkd.conf", 3);
    cr_assert(json_is_null(json_object_get(row_of(keys, "full_line"), "value")));
    cr_assert(json_is_null(json_object_get(row_of(keys, "full_line"), "file")));
    cr_assert_str_eq(
        json_string_value(json_object_get(row_of(keys, "rlimit_nofile"), "value")), "inherit");
    cr_assert_not_null(json_object_get(row_of(keys, "threads_per_child"), "changes_nothing"));
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(service, "listen"), 0)),
        "tcp://127.0.0.1:4000");
    json_decref(object);
}

Test(config_dump_json, jobs_are_there_with_the_keys_of_their_kernel) {
    const json_t *job, *row;
    json_t *object;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
    put("jobs.d/j.conf", "kernel = \"divisible\";\ninterval = 5; jitter = \"90s\";");
    object = dump();
    cr_assert_eq(json_array_size(json_object_get(object, "definitions")), 1);
    job = json_array_get(json_object_get(object, "definitions"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(job, "name")), "j");
    expect_all(json_object_get(job, "keys"), config_job_settings);
    cr_assert_eq(json_object_size(json_object_get(job, "own")), 2);
    row = row_of(json_object_get(job, "keys"), "interval");
    cr_assert_str_eq(json_string_value(json_object_get(row, "value")), "1..5");
    expect_origin(row, "/jobs.d/j.conf", 2);
    row = row_of(json_object_get(job, "keys"), "jitter");
    cr_assert_eq(json_integer_value(json_object_get(row, "ms")), 90000);
    cr_assert_not_null(json_object_get(row, "changes_nothing"));
    cr_assert(
        json_is_true(json_object_get(row_of(json_object_get(object, "jobs"), "enabled"), "value")));
    json_decref(object);
}

Test(config_dump_json, the_usual_address_is_told_though_nobody_said_it) {
    const json_t *service;
    json_t *object;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    object = dump();
    service = json_array_get(json_object_get(object, "services"), 0);
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(service, "listen"), 0)),
        services_find("echo")->listen);
    json_decref(object);
}

Test(config_dump_json, bytes_that_are_no_utf8_are_escaped) {
    json_t *object;

    put("preforkd.conf", "log : { file = \"a\\xff\"; };");
    object = dump();
    cr_assert_not_null(
        strstr(json_string_value(json_object_get(
                   json_object_get(json_object_get(object, "log"), "file"), "value")),
            "\\xff"));
    json_decref(object);
}

Test(config_dump_json, a_wrong_file_is_not_dumped) {
    FILE *nowhere = fopen("/dev/null", "w");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    put("preforkd.conf", "nice = 3;");
    cr_assert_eq(config_dump_json("preforkd.conf", out, nowhere), -1);
    fclose(out);
    fclose(nowhere);
    cr_assert_str_eq(text, "");
    free(text);
}
