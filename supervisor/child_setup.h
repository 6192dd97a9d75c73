#ifndef SUPERVISOR_CHILD_SETUP_H
#define SUPERVISOR_CHILD_SETUP_H

/*
 * What a freshly forked child does before it becomes what it is to be: its name, its standard
 * streams, the descriptors it may keep, limits, and last its user. Child only, right after fork;
 * leaves the process with a word in the log when something is refused.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/config.h"

#define CHILD_SETUP_KEEP_FEW 24

struct child_setup {
    const char *title; /* "echo"; shown as "preforkd: echo 1" */
    unsigned slot;     /* 0: none */
    pid_t parent;
    const struct config_service *service; /* uid, gid, limits */
    const char *user;                     /* whose uid that is; NULL: it stays who it is */
    int out_fd, err_fd;                   /* become stdout and stderr; -1: as they are */
    bool keeps_all;                       /* the log writer closes what it does not need */
    int death_signal;                     /* when the parent dies; 0: SIGKILL */
    uint64_t capabilities;                /* that another user than root keeps: capabilities.h */
    int few[CHILD_SETUP_KEEP_FEW];
    int *many; /* on the heap, when they are more; NULL */
    unsigned keep_count, keep_room;
};

/* Do not close this descriptor; -1 is ignored. Without memory it leaves the process. */
void child_setup_keep(struct child_setup *setup, int fd);

void child_setup_apply(struct child_setup *setup);

#endif
