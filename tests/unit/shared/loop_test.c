/* The event loop: a watch that is removed is not called any more. */
#include "shared/loop.h"

#include <criterion/criterion.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct loop *loop;
static struct loop_watch first, second;
static int calls;

static void remove_both(struct loop_watch *watch, uint32_t events) {
    (void)watch, (void)events;
    calls++;
    loop_remove(loop, &first);
    loop_remove(loop, &second);
}

Test(loop, callback_may_remove_any_watch) {
    loop = loop_new();
    first = (struct loop_watch){ .fd = eventfd(1, 0), .ready = remove_both };
    second = (struct loop_watch){ .fd = eventfd(1, 0), .ready = remove_both };
    cr_assert_eq(loop_add(loop, &first, EPOLLIN), 0);
    cr_assert_eq(loop_add(loop, &second, EPOLLIN), 0);
    cr_assert_eq(loop_turn(loop, 1000), 1);
    cr_assert_eq(calls, 1);
    cr_assert_eq(loop_turn(loop, 0), 0);
    loop_free(loop);
}

Test(loop, bad_descriptor_is_refused) {
    loop = loop_new();
    first = (struct loop_watch){ .fd = -1, .ready = remove_both };
    cr_assert_eq(loop_add(loop, &first, EPOLLIN), -1);
    loop_free(loop);
    loop_free(NULL);
}
