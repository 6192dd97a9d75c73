#ifndef SUPERVISOR_JOBS_VERBS_PRIVATE_H
#define SUPERVISOR_JOBS_VERBS_PRIVATE_H

/* The rows of the table of verbs, by what they do. Job supervisor only. */

#include "supervisor/jobs/verbs.h"

/*
 * The job that args.id tells of, a number or the name of a definition, if the asker may see it.
 * NULL: the question has been answered, in the same words whether it is another's or nobody's.
 */
struct entry *verbs_find_job(struct request *request);

/* ---- verbs_look.c ---- */
void verbs_look_list(struct request *request);
void verbs_look_list_on(struct request *request);
void verbs_look_show(struct request *request);

/* ---- verbs_change.c ---- */
void verbs_change_submit(struct request *request);
void verbs_change_cancel(struct request *request);
void verbs_change_cancel_on(struct request *request);
void verbs_change_retry(struct request *request);

/* ---- verbs_follow.c ---- */
void verbs_follow_wait(struct request *request);
void verbs_follow_wait_on(struct request *request);
void verbs_follow_result(struct request *request);
void verbs_follow_result_on(struct request *request);

/* Stream the result from byte `from` on: the question stays in hand until it is over. */
void verbs_follow_begin(struct request *request, struct entry *entry, uint64_t from, bool follows);

#endif
