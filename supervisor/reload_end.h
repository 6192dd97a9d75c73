#ifndef SUPERVISOR_RELOAD_END_H
#define SUPERVISOR_RELOAD_END_H

/*
 * How a run of a reload ends: with a verdict; and when it came to nothing, without its candidates.
 * Parent only; nothing here blocks.
 */

struct supervisor;

/* The run is over: give its verdict, and tell. error: what was wrong; NULL for nothing. */
void reload_end(struct supervisor *supervisor, int exit_code, const char *error);

/* Likewise, before the new configuration counts: all candidates are given up first. */
void reload_give_up(struct supervisor *supervisor, int exit_code, const char *error);

#endif
