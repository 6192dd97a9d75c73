#ifndef SHARED_MAPPING_H
#define SHARED_MAPPING_H

/* Memory that processes share and that outlives each of them: a sealed memfd, mapped. */

#include <stddef.h>

/*
 * Map so many bytes, all zero, read and written by this process and all that it forks. Sealed:
 * nobody can take pages away under those who read. Pages are made as they are touched. name: as
 * /proc/PID/maps shows it. Returns NULL with errno.
 */
void *mapping_new(const char *name, size_t size);

/* NULL is ignored; errno is kept. */
void mapping_free(void *memory, size_t size);

#endif
