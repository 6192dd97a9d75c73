#include "shared/owner.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/mapping.h"

#define MAGIC 0x72656e776f2d666bull /* "kf-owner" */
#define ABI   1u
#define PAGE  4096u /* the head has one of its own */

struct head {
    uint64_t magic;
    uint32_t abi;
    _Atomic uint32_t who; /* 0: nobody */
};

struct owner {
    struct head *head;
    size_t size;
    int wake_fd;
};

struct owner *owner_new(size_t size) {
    struct owner *owner = calloc(1, sizeof(*owner));

    if (owner == NULL)
        return NULL;
    owner->size = size;
    owner->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (owner->wake_fd >= 0)
        owner->head = mapping_new("preforkd owner", PAGE + size);
    if (owner->head == NULL) {
        owner_free(owner);
        return NULL;
    }
    owner->head->abi = ABI;
    owner->head->magic = MAGIC;
    return owner;
}

void owner_free(struct owner *owner) {
    int saved_errno = errno;

    if (owner == NULL)
        return;
    mapping_free(owner->head, PAGE + owner->size);
    if (owner->wake_fd >= 0)
        close(owner->wake_fd);
    free(owner);
    errno = saved_errno;
}

void owner_forget(struct owner *owner) {
    mapping_free(owner->head, PAGE + owner->size);
}

static void wake(struct owner *owner) {
    eventfd_t value;

    if (eventfd_write(owner->wake_fd, 1) == 0)
        return;
    /* Nobody reads it, so it may be full in some centuries, or by a faulty worker. */
    eventfd_read(owner->wake_fd, &value);
    eventfd_write(owner->wake_fd, 1);
}

void owner_pass(struct owner *owner, uint32_t who) {
    if (atomic_compare_exchange_strong(&owner->head->who, &who, 0))
        wake(owner);
}

/* Whoever it was: it may have been killed after it passed it on and before it woke anybody. */
void owner_bereave(struct owner *owner, uint32_t who) {
    atomic_compare_exchange_strong(&owner->head->who, &who, 0);
    wake(owner);
}

bool owner_take(struct owner *owner, uint32_t who) {
    uint32_t nobody = 0;

    return atomic_compare_exchange_strong(&owner->head->who, &nobody, who) || nobody == who;
}

bool owner_is(const struct owner *owner, uint32_t who) {
    return atomic_load_explicit(&owner->head->who, memory_order_relaxed) == who;
}

int owner_wake_fd(const struct owner *owner) {
    return owner->wake_fd;
}

void *owner_memory(const struct owner *owner) {
    return owner->size > 0 ? (char *)owner->head + PAGE : NULL;
}
