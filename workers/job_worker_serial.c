/* The serial reference: a kernel, a sink, and no machinery between them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/loop.h"
#include "workers/job_worker.h"
#include "workers/sink.h"

struct serial {
    const struct kernel_plan *plan;
    void *state;
    struct loop *loop;
    struct ring_lane row;  /* nobody looks at it, */
    _Atomic int32_t group; /* nor at this */
    struct sink sink;
    struct kernel_work work;
    enum kernel_result result;
};

static void on_finish(struct kernel_work *work, enum kernel_result result) {
    struct serial *serial = (struct serial *)((char *)work - offsetof(struct serial, work));

    serial->result = result;
}

/* Compute the chunk in serial->work. Returns 0, or -1 with the work's complaint. */
static int compute(struct serial *serial) {
    const struct kernel_ops *ops = serial->plan->ops;

    serial->result = KERNEL_MORE;
    if (ops->start != NULL)
        ops->start(serial->state, serial->plan, &serial->work, &serial->sink, serial->loop);
    while (serial->result == KERNEL_MORE) {
        if (ops->start == NULL)
            serial->result = ops->run(serial->state, serial->plan, &serial->work, &serial->sink);
        else if (loop_turn(serial->loop, -1) < 0)
            return complaint_set(&serial->work.complaint, "cannot wait: %s", strerror(errno));
    }
    return serial->result == KERNEL_DONE ? 0 : -1;
}

static int compute_all(
    struct serial *serial, const struct split *split, struct job_worker_totals *out) {
    struct kernel_work *work = &serial->work;

    for (uint64_t i = 0; i < split->chunks; i++) {
        *work = (struct kernel_work){
            .id = i, .attempt = 1, .group = &serial->group, .finish = on_finish
        };
        split_bounds(split, i, &work->lo, &work->hi);
        work->next = work->lo;
        sink_begin(&serial->sink, i, 1, work->lo, work->hi);
        if (compute(serial) < 0)
            return -1;
        sink_finish(&serial->sink);
        out->records += serial->sink.records;
        out->digest = crc32c_combine(out->digest, serial->sink.digest, serial->sink.digested);
        serial->sink.len = serial->sink.sealed = 0;
    }
    return 0;
}

int job_worker_serial_run(const struct kernel_plan *plan, const struct split *split,
    enum result_format format, struct job_worker_totals *out, struct complaint *complaint) {
    struct serial serial = { .plan = plan };
    int rc = -1;

    *out = (struct job_worker_totals){ .records = 0 };
    serial.sink = (struct sink){ .fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
        .row = &serial.row,
        .format = format,
        .count_only = plan->count_only,
        .is_bytes = plan->ops->flags & KERNEL_BYTES,
        .size = JOB_WORKER_LANE_BYTES };
    serial.loop = loop_new();
    if (serial.sink.fd < 0 || serial.loop == NULL || sink_init(&serial.sink) < 0) {
        complaint_set(complaint, "cannot compute serially: %s", strerror(errno));
        goto out;
    }
    if (plan->ops->open != NULL && plan->ops->open(plan, &serial.state, complaint) < 0)
        goto out;
    rc = compute_all(&serial, split, out);
    if (rc < 0)
        *complaint = serial.work.complaint;
    if (plan->ops->close != NULL)
        plan->ops->close(serial.state);
out:
    sink_fini(&serial.sink);
    loop_free(serial.loop);
    if (serial.sink.fd >= 0)
        close(serial.sink.fd);
    return rc;
}
