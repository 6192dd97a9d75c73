#ifndef SUPERVISOR_RELOAD_SWEEP_H
#define SUPERVISOR_RELOAD_SWEEP_H

/*
 * What reloads leave behind. A configuration lives for as long as a service points into it, a
 * service or candidate that is removed for as long as it has children. Parent only.
 */

struct supervisor;

/* Free what nobody needs any more; each turn. */
void reload_sweep(struct supervisor *supervisor);

/* Free all of it, verdicts too. At the end. */
void reload_sweep_all(struct supervisor *supervisor);

#endif
