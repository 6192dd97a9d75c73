#ifndef SHARED_LEAVE_H
#define SHARED_LEAVE_H

/*
 * End a child: _exit, so that nothing of the parent's is flushed or run a second time. Child only,
 * any thread. A build that measures coverage saves its counters first.
 */
_Noreturn void leave_process(int exit_code);

#endif
