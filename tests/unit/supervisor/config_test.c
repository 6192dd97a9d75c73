/* The configuration: what it defaults to, and what is taken from the files. */
#include "tests/unit/supervisor/config_fixture.h"

TestSuite(config, .init = setup, .fini = teardown);

Test(config, defaults_of_a_service) {
    struct config *config = read_good("", "type = \"echo\";");
    const struct config_service *s = &config->service[0];

    cr_assert_str_eq(said, "");
    cr_assert(config->service_count == 1 && strcmp(s->name, "s") == 0 && s->listen_count == 1);
    cr_assert(s->model == MODEL_PROCESS && s->pm == PM_DYNAMIC && s->autostart);
    cr_assert(s->max_children == 8 && s->start_servers == 0 && s->min_spare_servers == 1 &&
              s->max_spare_servers == 3 && s->max_spawn_rate == 32);
    cr_assert(s->process_idle_timeout_ms == 10000 && s->max_requests == 0 &&
              s->max_requests_jitter == 0 && s->max_worker_lifetime_ms == 0 &&
              s->reload_on_pss_bytes == 0 && s->max_recycling == 1);
    cr_assert(s->worker_timeout_ms == 30000 && s->worker_boot_timeout_ms == 60000 &&
              s->graceful_timeout_ms == 30000 && s->restart_delay_ms == 100 &&
              s->restart_max_delay_ms == 60000 && s->start_retries == 0);
    cr_assert(s->threads_per_child == 64 && s->worker_connections == 1024 && s->idle_stop_ms == 0);
    cr_assert(s->port_policy == PORT_STRICT && s->backlog == 511 && s->listen_mode == 0660);
    cr_assert(s->max_connections == 0 && s->max_connections_per_source == 0 && s->max_rate == 0 &&
              s->max_rate_per_source == 0 && s->when_full == FULL_WAIT && s->full_line == NULL);
    cr_assert(s->idle_timeout_ms == 300000 && s->write_timeout_ms == 60000 &&
              s->write_buffer_bytes == 262144);
    cr_assert(s->user == NULL && s->group == NULL && s->uid == (uid_t)-1 && s->gid == (gid_t)-1);
    cr_assert(s->rlimit_nofile == UINT64_MAX && s->rlimit_as_bytes == UINT64_MAX &&
              s->rlimit_core_bytes == UINT64_MAX);
    cr_assert(s->cpu_affinity == NULL && s->cpu_mask[0] == 0 && s->nice == 0);
    config_free(config);
}

Test(config, defaults_of_the_daemon) {
    struct config *config = read_good("", "type = \"echo\";");
    char path[128];

    snprintf(path, sizeof(path), "%s/preforkd.conf", dir);
    cr_assert_str_eq(config->file, path);
    snprintf(path, sizeof(path), "%s/services.d", dir);
    cr_assert_str_eq(config->services_dir, path);
    cr_assert(config->user == NULL && config->uid == (uid_t)-1 && config->pid_file == NULL);
    cr_assert(
        config->process_max == 1000 && config->console == CONSOLE_AUTO && config->lang == LANG_EN);
    cr_assert_str_eq(config->control.socket, "/run/preforkd/control.sock");
    cr_assert(config->control.mode == 0660 && config->log.file == NULL &&
              config->log.format == CONFIG_LOGFMT && config->log.level == CONFIG_INFO &&
              config->log.rotate_bytes == 0 && config->log.rotate_keep == 5);
    cr_assert(config->jobs.workers == 2);
    cr_assert_str_eq(config->jobs.spool_dir, "/var/lib/preforkd/jobs");
    config_free(config);
}

Test(config, values_are_taken_as_written) {
    struct config *config = read_good(
        "pid_file = \"d.pid\"; process_max = 20; lang = \"ru\"; console = \"off\";\n"
        "control : { socket = \"c.sock\"; mode = \"0600\"; };\n"
        "log = { file = \"/tmp/p.log\"; format = \"json\"; level = \"error\"; rotate_size = "
        "\"64M\"; };\n"
        "jobs = { workers = 7; spool_dir = \"spool\" }",
        "type = \"echo\"; listen = [ \"tcp://[::]:0\", \"unix://x.sock\", \"unix://@a\" ];\n"
        "model = \"event\" pm = \"ondemand\", autostart = FALSE; max_children = 0x10;\n"
        "idle_timeout = 0; write_timeout = \"1500ms\"; write_buffer = 8192; nice = 5;\n"
        "reload_on_pss = 5000000000L; rlimit_nofile = 4096; rlimit_core = \"0\";\n"
        "full_line = \"fu\" \"ll\\n\"; when_full = \"refuse\"; max_worker_lifetime = \"1d\";");
    const struct config_service *s = &config->service[0];
    char path[128], text[NET_TEXT_MAX];

    cr_assert_str_eq(said, "");
    snprintf(path, sizeof(path), "%s/d.pid", dir);
    cr_assert_str_eq(config->pid_file, path);
    snprintf(path, sizeof(path), "%s/c.sock", dir);
    cr_assert_str_eq(config->control.socket, path);
    cr_assert(config->control.mode == 0600 && config->process_max == 20 &&
              config->lang == LANG_RU && config->console == CONSOLE_OFF);
    cr_assert(config->log.format == CONFIG_JSON && config->log.level == CONFIG_ERROR &&
              config->log.rotate_bytes == 64u << 20 && config->jobs.workers == 7);
    snprintf(path, sizeof(path), "%s/services.d/x.sock", dir);
    cr_assert_eq(s->listen_count, 3);
    cr_assert_str_eq(net_format(text, &s->listen[1].address), path);
    cr_assert(s->listen[0].proto == NET_TCP && s->listen[2].proto == NET_UNIX);
    cr_assert(s->model == MODEL_EVENT && s->pm == PM_ONDEMAND && !s->autostart &&
              s->max_children == 16 && s->nice == 5);
    cr_assert(s->idle_timeout_ms == 0 && s->write_timeout_ms == 1500 &&
              s->write_buffer_bytes == 8192 && s->max_worker_lifetime_ms == 86400000);
    cr_assert(s->reload_on_pss_bytes == 5000000000 && s->rlimit_nofile == 4096 &&
              s->rlimit_core_bytes == 0 && s->rlimit_as_bytes == UINT64_MAX);
    cr_assert_str_eq(s->full_line, "full\n");
    config_free(config);
}

Test(config, the_group_defaults_speaks_for_all_services) {
    struct config *config = read_good(
        "defaults : { max_children = 4; threads_per_child = 9; idle_timeout = \"7s\"; };",
        "type = \"echo\"; idle_timeout = \"9s\";");

    cr_assert_str_eq(said, "", "what all say is not held against one: %s", said);
    cr_assert(config->service[0].max_children == 4 && config->service[0].threads_per_child == 9 &&
              config->service[0].idle_timeout_ms == 9000);
    config_free(config);
    cr_assert_null(
        read_with("defaults : {\n type = \"echo\";\n listen = \"udp://[::]:1\";\n };", NULL));
    expect_said("preforkd.conf:2: defaults.type: each service must say this for itself\n", "");
    expect_said("preforkd.conf:3: defaults.listen: each service must say this for itself\n", "");
}

Test(config, services_are_sorted_and_other_files_left_alone) {
    struct config *config;

    put("services.d/b.conf", "type = \"echo\"; listen = \"tcp://127.0.0.1:1\";");
    put("services.d/a-1_X.conf", "type = \"ack\";");
    put("services.d/.hidden.conf", "!");
    put("services.d/b.conf~", "!");
    put("services.d/README", "!");
    config = read_good("", NULL);
    cr_assert_eq(config->service_count, 2);
    cr_assert_str_eq(config->service[0].name, "a-1_X");
    cr_assert_str_eq(config->service[1].name, "b");
    cr_assert_str_eq(config->service[0].type->name, "ack");
    config_free(config);
}

Test(config, defaults_of_the_pool_bend_to_what_is_said) {
    static const struct {
        const char *text;
        unsigned min, max;
    } rows[] = {
        { "max_children = 2;", 1, 2 },
        { "max_children = 1;", 1, 1 },
        { "min_spare_servers = 5;", 5, 5 },
        { "max_spare_servers = 7;", 1, 7 },
        { "min_spare_servers = 2; max_children = 9;", 2, 3 },
    };
    char text[128];
    struct config *config;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\"; %s", rows[i].text);
        config = read_good("", text);
        cr_assert_eq(config->service[0].min_spare_servers, rows[i].min, "%s", text);
        cr_assert_eq(config->service[0].max_spare_servers, rows[i].max, "%s", text);
        config_free(config);
    }
}

Test(config, cpus_become_bits) {
    struct config *config = read_good("", "type = \"echo\"; cpu_affinity = \"0,64-65,1023\";");

    cr_assert(config->service[0].cpu_mask[0] == 1 && config->service[0].cpu_mask[1] == 3 &&
              config->service[0].cpu_mask[15] == 1ull << 63);
    expect_said("s.conf:1: warning: cpu_affinity: of the CPUs \"0,64-65,1023\" only ", "");
    config_free(config);
}
