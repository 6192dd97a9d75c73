/*
 * A question in hand is tried again in each turn. Nothing wakes the supervisor when the job
 * supervisor has room for orders again, so somebody who finds none asks for a turn soon.
 */
#include "supervisor/control_jobs.h"

#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/supervisor.h"

#define PREFIX   "job."
#define NS_IN_S  1000000000ull
#define AGAIN_NS (20 * 1000000ull)

bool control_jobs_has(const char *verb) {
    return strncmp(verb, PREFIX, strlen(PREFIX)) == 0;
}

static void give_up(struct control_request *request, const struct jobs_keeper *keeper) {
    if (keeper->state == JOBS_KEEPER_RUNNING)
        control_request_finish(
            request, EXIT_CODE_UNAVAILABLE, "the job supervisor takes no more connections for now");
    else if (keeper->last_death[0] != '\0')
        control_request_finish(request, EXIT_CODE_UNAVAILABLE,
            "the job supervisor is %s: it %s; prefork explain jobs",
            jobs_keeper_state_name(keeper->state), keeper->last_death);
    else
        control_request_finish(request, EXIT_CODE_UNAVAILABLE, "the job supervisor is %s",
            jobs_keeper_state_name(keeper->state));
}

static void wait_for_it(struct control_request *request) {
    struct supervisor *supervisor = request->supervisor;
    const struct jobs_keeper *keeper = &supervisor->jobs;

    if (supervisor->now_ns >= request->until_ns) {
        give_up(request, keeper);
        return;
    }
    if (keeper->state != JOBS_KEEPER_RUNNING)
        control_request_tell(request, "the job supervisor is being started");
    jobs_keeper_wake(supervisor,
        keeper->state == JOBS_KEEPER_RUNNING ? supervisor->now_ns + AGAIN_NS : request->until_ns);
}

static void look(struct control_request *request) {
    const struct supervisor *supervisor = request->supervisor;

    if (supervisor->is_stopping)
        control_request_finish(request, EXIT_CODE_UNAVAILABLE, "preforkd is stopping");
    else if (supervisor->jobs.text == NULL)
        control_request_finish(request, EXIT_CODE_CONFIG,
            "there is no job supervisor: write \"jobs : { enabled = true; };\" in %s, then prefork "
            "reload",
            supervisor->config->file);
    else if (request->give(request->owner) < 0)
        wait_for_it(request);
}

static void ask(struct control_request *request) {
    request->until_ns = request->supervisor->now_ns + CONTROL_JOBS_WAIT_S * NS_IN_S;
    look(request);
}

const struct control_verb control_jobs_verb = {
    .question = { .name = PREFIX }, .right = CONTROL_READ, .ask = ask, .look = look
};
