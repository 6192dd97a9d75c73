/* Fail-points. The counter lies in memory that forks share, so that a step is taken once. */
#include "shared/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum how { HOW_KILL, HOW_STOP, HOW_FAIL, HOWS };
static const char *const hows[HOWS] = { "kill", "stop", "fail" };

struct failpoint {
    _Atomic uint64_t passed;
    uint64_t wanted;
    char name[64];
    enum how how;
};

bool failpoint_is_armed;
static struct failpoint *armed;

void failpoint_init(void) {
    const char *text = getenv("PREFORK_FAILPOINT"), *colon;
    char *how = NULL;

    if (text == NULL)
        return;
    armed = mmap(NULL, sizeof(*armed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (armed == MAP_FAILED)
        return;
    colon = strchrnul(text, ':');
    if ((size_t)(colon - text) >= sizeof(armed->name))
        return;
    memcpy(armed->name, text, (size_t)(colon - text));
    armed->wanted = *colon == ':' ? strtoull(colon + 1, &how, 10) : 1;
    for (int i = 0; how != NULL && *how == ':' && i < HOWS; i++)
        if (strcmp(how + 1, hows[i]) == 0)
            armed->how = (enum how)i;
    failpoint_is_armed = true;
}

static bool is_struck(const char *name) {
    uint64_t passed;

    if (strcmp(armed->name, name) != 0)
        return false;
    passed = atomic_fetch_add(&armed->passed, 1) + 1;
    return armed->wanted == 0 || passed == armed->wanted;
}

void failpoint_hit(const char *name) {
    if (is_struck(name))
        kill(getpid(), armed->how == HOW_STOP ? SIGSTOP : SIGKILL);
}

void failpoint_hit_of(const char *name, const char *service) {
    char whole[sizeof(armed->name)];

    snprintf(whole, sizeof(whole), "%s@%s", name, service);
    failpoint_hit(whole);
}

bool failpoint_fails(const char *name) {
    return failpoint_is_armed && armed->how == HOW_FAIL && is_struck(name);
}

void failpoint_linger(void) {
    const struct timespec moment = { .tv_nsec = 100000 };

    nanosleep(&moment, NULL);
}
