/*
 * What the tables cannot know: values that must fit to each other, to the machine, and to what
 * else the configuration says. A mistake is what cannot be done; a warning, what will not be done
 * as asked.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/number.h"
#include "supervisor/config_internal.h"

#define WORKERS_MAX   1000 /* of all services: the rows of the scoreboard, less some */
#define FDS_OF_WORKER 64   /* listeners, pipes and what libraries open */

/* ---- keys that change nothing ---- */

static bool has_stream(const struct config_service *service) {
    for (unsigned i = 0; i < service->listen_count; i++)
        if (service->listen[i].proto != NET_UDP)
            return true;
    return false;
}

static bool has_unix(const struct config_service *service) {
    for (unsigned i = 0; i < service->listen_count; i++)
        if (service->listen[i].proto == NET_UNIX)
            return true;
    return false;
}

static bool is_threads(const struct config_service *service) {
    return service->model == MODEL_THREAD;
}

static bool is_event(const struct config_service *service) {
    return service->model == MODEL_EVENT;
}

static bool is_dynamic(const struct config_service *service) {
    return service->pm == PM_DYNAMIC;
}

static bool is_ondemand(const struct config_service *service) {
    return service->pm == PM_ONDEMAND;
}

static bool has_max_requests(const struct config_service *service) {
    return service->max_requests > 0;
}

static bool refuses(const struct config_service *service) {
    return service->when_full == FULL_REFUSE;
}

static bool is_text(const struct config_service *service) {
    return service->type == NULL || (service->type->flags & SERVICE_TEXT) != 0;
}

static bool has_room(const struct config_service *service) {
    return service->type == NULL || (service->type->flags & SERVICE_MAIL) != 0;
}

static const struct {
    const char *key;
    bool (*counts)(const struct config_service *service);
    const char *words;
} effects[] = {
    { "threads_per_child", is_threads, "only model = \"thread\" heeds it" },
    { "worker_connections", is_event, "only model = \"event\" heeds it" },
    { "start_servers", is_dynamic, "only pm = \"dynamic\" heeds it" },
    { "min_spare_servers", is_dynamic, "only pm = \"dynamic\" heeds it" },
    { "max_spare_servers", is_dynamic, "only pm = \"dynamic\" heeds it" },
    { "process_idle_timeout", is_ondemand, "only pm = \"ondemand\" heeds it" },
    { "max_requests_jitter", has_max_requests, "max_requests is 0" },
    { "full_line", refuses, "only when_full = \"refuse\" heeds it" },
    { "listen_mode", has_unix, "there is no unix:// address" },
    { "backlog", has_stream, "there are only udp:// addresses" },
    { "max_connections", has_stream, "there are only udp:// addresses" },
    { "max_connections_per_source", has_stream, "there are only udp:// addresses" },
    { "idle_timeout", has_stream, "there are only udp:// addresses" },
    { "write_timeout", has_stream, "there are only udp:// addresses" },
    { "write_buffer", has_stream, "there are only udp:// addresses" },
    { "wire", is_text, "the type serves bytes, not texts" },
    { "wire", has_stream, "there are only udp:// addresses" },
    { "first_message_timeout", is_text, "the type serves bytes, not texts" },
    { "first_message_timeout", has_stream, "there are only udp:// addresses" },
    { "message_timeout", is_text, "the type serves bytes, not texts" },
    { "message_timeout", has_stream, "there are only udp:// addresses" },
    { "room", has_room, "the type hears no other worker" },
};

const char *config_check_effect(const void *service, const char *key) {
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        if (strcmp(effects[i].key, key) == 0 && !effects[i].counts(service))
            return effects[i].words;
    return NULL;
}

/* ---- what a service says ---- */

/* One service under the eye. */
struct check {
    struct config_reading *reading;
    struct config_service *service;
    struct config_section *section;
};

static const struct config_origin *origin(const struct check *check, const char *key) {
    return config_origin_of(check->section, key);
}

static bool is_set(const struct check *check, const char *key) {
    return origin(check, key)->where.file != NULL;
}

/* Said of this service, and not of all in the group "defaults". */
static bool is_own(const struct check *check, const char *key) {
    const struct config_where *where = &origin(check, key)->where,
                              *of_all =
                                  &config_origin_of(&check->reading->memory->defaults, key)->where;

    return where->file != NULL && (where->file != of_all->file || where->line != of_all->line);
}

/* Where to point at when a and b do not fit: at what was written last of the two. */
static struct config_where where_of(const struct check *check, const char *a, const char *b) {
    if (is_own(check, a) || !is_set(check, b))
        return origin(check, a)->where;
    return origin(check, b)->where;
}

static void warn_without_effect(const struct check *check) {
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        if (is_own(check, effects[i].key) && !origin(check, effects[i].key)->is_bad &&
            !effects[i].counts(check->service))
            config_warn(check->reading, origin(check, effects[i].key)->where,
                "%s changes nothing: %s", effects[i].key, effects[i].words);
}

static uint64_t value_of(const struct check *check, const char *key, char text[NUMBER_TEXT_MAX]) {
    const struct setting *row = settings_find(check->section->table, key);

    settings_format(row, check->service, text, NUMBER_TEXT_MAX);
    return *(const uint64_t *)((const char *)check->service + row->offset);
}

/* a must be at most b. Returns false when it is not. */
static bool check_order(const struct check *check, const char *a, const char *b) {
    char a_text[NUMBER_TEXT_MAX], b_text[NUMBER_TEXT_MAX];

    if (origin(check, a)->is_bad || origin(check, b)->is_bad)
        return false;
    if (value_of(check, a, a_text) <= value_of(check, b, b_text))
        return true;
    config_complain(check->reading, where_of(check, a, b), "%s, %s, must not be above %s, %s", a,
        a_text, b, b_text);
    return false;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Defaults bend to what was said; what was said must fit. */
static void check_pool(const struct check *check) {
    struct config_service *s = check->service;
    bool has_max = is_set(check, "max_spare_servers");

    if (s->pm != PM_DYNAMIC)
        return;
    if (!has_max && s->max_spare_servers < s->min_spare_servers)
        s->max_spare_servers = s->min_spare_servers;
    if (!has_max)
        s->max_spare_servers = least(s->max_spare_servers, s->max_children);
    if (!is_set(check, "min_spare_servers"))
        s->min_spare_servers = least(s->min_spare_servers, s->max_spare_servers);
    if (!check_order(check, has_max ? "max_spare_servers" : "min_spare_servers", "max_children") ||
        !check_order(check, "min_spare_servers", "max_spare_servers") || s->start_servers == 0)
        return;
    check_order(check, "min_spare_servers", "start_servers");
    check_order(check, "start_servers", "max_spare_servers");
}

/* The limit of this process that a worker begins with. */
static uint64_t hard_limit(int resource) {
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0 || limit.rlim_max == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_max;
}

static void warn_of_descriptors(const struct check *check) {
    const struct config_service *s = check->service;
    const char *key = s->model == MODEL_EVENT ? "worker_connections" : "threads_per_child";
    uint64_t sessions = s->model == MODEL_EVENT ? s->worker_connections : s->threads_per_child;
    const bool has_bus = s->type != NULL && (s->type->flags & SERVICE_MAIL) != 0;
    uint64_t limit = s->rlimit_nofile != UINT64_MAX ? s->rlimit_nofile : hard_limit(RLIMIT_NOFILE);
    struct config_where where = where_of(check, key, "rlimit_nofile");

    if (s->model == MODEL_THREAD && has_bus)
        sessions *= 2; /* each thread waits by a descriptor of its own */
    if (s->model == MODEL_PROCESS || sessions + FDS_OF_WORKER <= limit)
        return;
    if (where.file == NULL)
        where.file = s->file;
    config_warn(check->reading, where,
        "%s: %" PRIu64 " sessions need %" PRIu64 " descriptors in each worker, the limit "
        "(RLIMIT_NOFILE) is %" PRIu64,
        key, sessions, sessions + FDS_OF_WORKER, limit);
}

static void warn_of_limits(const struct check *check) {
    const struct config_service *s = check->service;
    const struct {
        const char *key;
        uint64_t value;
        int resource;
    } limits[] = {
        { "rlimit_nofile", s->rlimit_nofile, RLIMIT_NOFILE },
        { "rlimit_as", s->rlimit_as_bytes, RLIMIT_AS },
        { "rlimit_core", s->rlimit_core_bytes, RLIMIT_CORE },
    };
    struct rlimit nice;

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && geteuid() != 0; i++)
        if (limits[i].value != UINT64_MAX && limits[i].value > hard_limit(limits[i].resource))
            config_warn(check->reading, origin(check, limits[i].key)->where,
                "%s: only root can go above the hard limit, %" PRIu64, limits[i].key,
                hard_limit(limits[i].resource));
    /* 0 leaves it as it is. */
    if (geteuid() != 0 && s->nice != 0 && s->nice < getpriority(PRIO_PROCESS, 0) &&
        getrlimit(RLIMIT_NICE, &nice) == 0 && 20 - (int64_t)nice.rlim_cur > s->nice)
        config_warn(check->reading, origin(check, "nice")->where, "nice: only root can go below %d",
            getpriority(PRIO_PROCESS, 0));
}

/* ---- CPUs ---- */

#define CPUS (64 * (sizeof(((struct config_service *)NULL)->cpu_mask) / sizeof(uint64_t)))

/* A number at *text, which moves behind it; -1 when there is none, or no CPU has it. */
static long take_cpu(const char **text) {
    long value = 0;

    if (**text < '0' || **text > '9')
        return -1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        value = value * 10 + (**text - '0');
        if (value >= (long)CPUS)
            return -1;
    }
    return value;
}

/* "0,2-3" into bits. */
static bool parse_cpus(const char *text, uint64_t *mask) {
    long first, last;

    for (;; text++) {
        first = last = take_cpu(&text);
        if (first >= 0 && *text == '-') {
            text++;
            last = take_cpu(&text);
        }
        if (first < 0 || last < first)
            return false;
        for (; first <= last; first++)
            mask[first / 64] |= 1ull << first % 64;
        if (*text == '\0')
            return true;
        if (*text != ',')
            return false;
    }
}

static void check_cpus(const struct check *check) {
    struct config_service *s = check->service;
    struct config_where where = origin(check, "cpu_affinity")->where;
    unsigned wanted = 0, there = 0;
    cpu_set_t set;

    if (s->cpu_affinity == NULL)
        return;
    if (!parse_cpus(s->cpu_affinity, s->cpu_mask)) {
        config_complain(check->reading, where,
            "cpu_affinity: \"%.80s\" is not a list of CPUs from 0 to %zu: write \"0,2-3\"",
            s->cpu_affinity, CPUS - 1);
        return;
    }
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return;
    for (size_t i = 0; i < CPUS; i++)
        if (s->cpu_mask[i / 64] >> i % 64 & 1) {
            wanted++;
            there += i < CPU_SETSIZE && CPU_ISSET(i, &set);
        }
    if (there == 0)
        config_complain(check->reading, where,
            "cpu_affinity: none of the CPUs \"%.80s\" is there for this process", s->cpu_affinity);
    else if (there < wanted)
        config_warn(check->reading, where,
            "cpu_affinity: of the CPUs \"%.80s\" only %u of %u are there for this process",
            s->cpu_affinity, there, wanted);
}

void config_check_service(struct config_reading *reading, unsigned index) {
    struct config_service *service = &reading->config->service[index];
    struct check check = {
        .reading = reading, .service = service, .section = &reading->memory->common[index]
    };

    config_listen_parse(reading, index);
    check_pool(&check);
    check_order(&check, "restart_delay", "restart_max_delay");
    check_cpus(&check);
    warn_without_effect(&check);
    warn_of_descriptors(&check);
    warn_of_limits(&check);
}

/* ---- what the whole says ---- */

static void check_workers(struct config_reading *reading) {
    const struct config *config = reading->config;
    uint64_t allowed = least(config->process_max, WORKERS_MAX), sum = 0;
    struct config_where where;

    for (unsigned i = 0; i < config->service_count; i++) {
        sum += config->service[i].max_children;
        if (sum <= allowed)
            continue;
        where = config_origin_of(&reading->memory->common[i], "max_children")->where;
        if (where.file == NULL)
            where.file = config->service[i].file;
        config_complain(reading, where,
            "max_children: with this service all may have %" PRIu64 " workers together, "
            "process_max allows %" PRIu64,
            sum, allowed);
        return;
    }
}

/* What a path stands in is asked for only where the path was written: others make the default. */
void config_check_folder(struct config_reading *reading, const struct config_section *section,
    const char *key, const char *path) {
    const struct config_origin *origin = config_origin_of(section, key);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    struct stat st;
    char *folder;

    if (slash == NULL || slash == path || origin->where.file == NULL || origin->is_bad)
        return;
    folder = strndup(path, (size_t)(slash - path));
    if (folder != NULL && (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode)))
        config_warn(reading, origin->where, "%s%s%s: there is no folder %s",
            section->group != NULL ? section->group : "", section->group != NULL ? "." : "", key,
            folder);
    free(folder);
}

static void check_control(struct config_reading *reading) {
    const struct config_section *section = &reading->memory->control;
    size_t len = strlen(reading->config->control.socket);
    size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (len > most)
        config_complain(reading, config_origin_of(section, "socket")->where,
            "control.socket: the path has %zu bytes, at most %zu are allowed", len, most);
}

void config_check_whole(struct config_reading *reading) {
    const struct config *config = reading->config;
    const struct config_memory *memory = reading->memory;

    config_listen_compare(reading);
    config_rooms_check(reading);
    check_workers(reading);
    check_control(reading);
    config_check_folder(reading, &memory->control, "socket", config->control.socket);
    config_check_folder(reading, &memory->log, "file", config->log.file);
    config_check_folder(reading, &memory->daemon, "pid_file", config->pid_file);
}
