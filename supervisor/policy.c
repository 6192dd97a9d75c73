/* The pool's arithmetic, one function for each mode. */
#include "supervisor/policy.h"

static int at_most(int wanted, int most) {
    return wanted < most ? wanted : most;
}

static int want_static(const struct policy_rules *rules, const struct policy_counts *counts) {
    return (int)rules->max_children - (int)counts->total;
}

/* 0: midway, as PHP-FPM has it. */
static int count_first(const struct policy_rules *rules) {
    const unsigned midway = (rules->min_spare_servers + rules->max_spare_servers) / 2;

    return (int)(rules->start_servers > 0 ? rules->start_servers : midway);
}

static int want_dynamic(const struct policy_rules *rules, const struct policy_counts *counts) {
    const int room_for = (int)rules->max_children - (int)counts->total;
    const int spare = (int)(counts->with_room + counts->starting);
    int wanted;

    if (room_for < 0) /* the operator made it smaller */
        return room_for;
    if (counts->is_first)
        return at_most(count_first(rules) - (int)counts->total, room_for);
    wanted = (int)rules->min_spare_servers - spare;
    if (wanted > 0)
        return at_most(wanted, room_for);
    /* One at a time, and never for the sake of one that is still starting. */
    if (counts->starting == 0 && counts->idle > rules->max_spare_servers)
        return -1;
    return 0;
}

static int want_ondemand(const struct policy_rules *rules, const struct policy_counts *counts) {
    const int room_for = (int)rules->max_children - (int)counts->total;

    if (room_for < 0)
        return room_for;
    if (counts->has_waiting && counts->with_room + counts->starting == 0)
        return at_most(1, room_for);
    return -(int)counts->expired;
}

int policy_want(const struct policy_rules *rules, const struct policy_counts *counts) {
    switch (rules->pm) {
    case PM_STATIC:
        return want_static(rules, counts);
    case PM_DYNAMIC:
        return want_dynamic(rules, counts);
    default:
        return want_ondemand(rules, counts);
    }
}
