/* What was seen of each lane, and when first. */
#include "supervisor/hang.h"

#include <stdlib.h>

struct hang {
    unsigned lanes;
    struct {
        uint64_t count, since_ns;
    } seen[];
};

struct hang *hang_new(unsigned lanes) {
    struct hang *hang = calloc(1, sizeof(*hang) + lanes * sizeof(hang->seen[0]));

    if (hang != NULL)
        hang->lanes = lanes;
    return hang;
}

void hang_free(struct hang *hang) {
    free(hang);
}

uint64_t hang_look(struct hang *hang, const struct scoreboard_lane *lanes, uint64_t now_ns) {
    uint64_t oldest_ns = UINT64_MAX, count;

    for (unsigned i = 0; i < hang->lanes; i++) {
        count = lanes[i].hook_count;
        if (count % 2 == 0)
            continue;
        if (hang->seen[i].count != count) {
            hang->seen[i].count = count;
            hang->seen[i].since_ns = now_ns;
        }
        if (hang->seen[i].since_ns < oldest_ns)
            oldest_ns = hang->seen[i].since_ns;
    }
    return oldest_ns;
}
