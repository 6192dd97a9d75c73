#include "shared/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void *mapping_new(const char *name, size_t size) {
    const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), saved_errno;
    void *memory = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return memory == MAP_FAILED ? NULL : memory;
}

void mapping_free(void *memory, size_t size) {
    int saved_errno = errno;

    if (memory != NULL)
        munmap(memory, size);
    errno = saved_errno;
}
