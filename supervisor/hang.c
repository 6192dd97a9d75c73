/* What was seen of each lane, and when first. */
#include "supervisor/hang.h"

#include <stdlib.h>

int hang_init(struct hang *hang, unsigned lanes) {
    *hang = (struct hang){ .lanes = lanes };
    if (lanes <= 1)
        return 0;
    hang->more = calloc(lanes, sizeof(hang->more[0]));
    return hang->more != NULL ? 0 : -1;
}

void hang_free(struct hang *hang) {
    free(hang->more);
    hang->more = NULL;
}

uint64_t hang_look(struct hang *hang, const struct scoreboard_lane *lanes, uint64_t now_ns) {
    struct hang_seen *seen = hang->more != NULL ? hang->more : &hang->one;
    uint64_t oldest_ns = UINT64_MAX, count;

    for (unsigned i = 0; i < hang->lanes; i++) {
        count = lanes[i].hook_count;
        if (count % 2 == 0)
            continue;
        if (seen[i].count != count) {
            seen[i].count = count;
            seen[i].since_ns = now_ns;
        }
        if (seen[i].since_ns < oldest_ns)
            oldest_ns = seen[i].since_ns;
    }
    return oldest_ns;
}
