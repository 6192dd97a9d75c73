#ifndef SUPERVISOR_JOB_ENGINE_LOCAL_H
#define SUPERVISOR_JOB_ENGINE_LOCAL_H

/*
 * The engine of a command: children forked here for the one job that there is, and replaced when
 * they die before it is done. Job supervisor only.
 */

#include "supervisor/job/engine.h"

/* Fork the children. Returns NULL with errno when not a single one could be started. */
struct engine *engine_local_start(
    const struct engine_plan *plan, const struct engine_client *client, struct loop *loop);

#endif
