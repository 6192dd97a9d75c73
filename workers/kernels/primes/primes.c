/*
 * Primes by libprimesieve, the sole user of it. The library is opened when a job asks for it:
 * linked, it would bring the C++ runtime into every start of every verb (1 ms of 1.6).
 */
#include "workers/kernels/primes/primes.h"

#include <errno.h>

#if __has_include(<primesieve.h>)

#include <dlfcn.h>
#include <primesieve.h>
#include <stdio.h>
#include <string.h>

#include "workers/sink.h"

#define STRING_OF(x)  #x
#define STRING(x)     STRING_OF(x)
#define LIBRARY       "libprimesieve.so." STRING(PRIMESIEVE_VERSION_MAJOR)
#define SLICE_COUNT   1000000000u /* numbers in a slice: each call costs some 1.5 ms on its own */
#define SLICE_LIST    2000000u
#define CHUNK_SMALL   1000000u
#define CHUNK_ROOTS   200u /* numbers in a chunk for each unit of the square root of the end */
#define CHUNKS_LEAST  32u  /* chunks that a range is cut into, if it is not a short one */
#define CHUNK_LARGEST 1000000000u

static struct {
    __typeof__(&primesieve_count_primes) count;
    __typeof__(&primesieve_generate_primes) generate;
    __typeof__(&primesieve_free) free;
    __typeof__(&primesieve_set_num_threads) set_num_threads;
} library;

static int bind(void *handle, const char *name, void *out_function) {
    void *symbol = dlsym(handle, name);

    memcpy(out_function, &symbol, sizeof(symbol));
    return symbol != NULL ? 0 : -1;
}

static int load_library(struct complaint *complaint) {
    void *handle;

    if (library.count != NULL)
        return 0;
    handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL || bind(handle, "primesieve_generate_primes", &library.generate) < 0 ||
        bind(handle, "primesieve_free", &library.free) < 0 ||
        bind(handle, "primesieve_set_num_threads", &library.set_num_threads) < 0 ||
        bind(handle, "primesieve_count_primes", &library.count) < 0)
        return complaint_set(
            complaint, "kernel primes needs the library %s: %s", LIBRARY, dlerror());
    library.set_num_threads(1);
    return 0;
}

static uint64_t square_root(uint64_t n) {
    uint64_t root = 0;

    for (uint64_t bit = 1ull << 31; bit != 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= n)
            root += bit;
    return root;
}

/*
 * Each chunk sieves the primes up to the root of its end again, and each call prepares its sieve:
 * a chunk is to be worth that, but there are to be enough of them for many workers.
 */
static uint64_t chunk_for_count(const struct interval *interval) {
    uint64_t share = (interval->hi - interval->lo) / CHUNKS_LEAST;
    uint64_t roots = square_root(interval->hi) * CHUNK_ROOTS;
    uint64_t size = share < CHUNK_LARGEST ? share : CHUNK_LARGEST;

    size = size > roots ? size : roots;
    return size > CHUNK_SMALL ? size : CHUNK_SMALL;
}

static int plan(struct kernel_plan *plan, struct complaint *complaint) {
    if (load_library(complaint) < 0) {
        errno = ELIBACC;
        return -1;
    }
    if (plan->chunk_size != 0)
        return 0;
    plan->chunk_size = CHUNK_SMALL;
    if (plan->count_only && !plan->interval.is_empty)
        plan->chunk_size = chunk_for_count(&plan->interval);
    return 0;
}

static int list_primes(uint64_t lo, uint64_t hi, struct kernel_work *work, struct sink *sink) {
    size_t count = 0;
    uint64_t *primes;

    errno = 0;
    primes = library.generate(lo, hi, &count, UINT64_PRIMES);
    if (errno == EDOM) {
        library.free(primes);
        return complaint_set(&work->complaint, "libprimesieve could not list the primes");
    }
    sink_put_numbers(sink, primes, count);
    library.free(primes);
    return 0;
}

static enum kernel_result run(
    void *state, const struct kernel_plan *plan, struct kernel_work *work, struct sink *sink) {
    uint64_t slice = plan->count_only ? SLICE_COUNT : SLICE_LIST;
    bool is_last = work->hi - work->next < slice;
    uint64_t last = is_last ? work->hi : work->next + (slice - 1);

    (void)state;
    if (plan->count_only)
        sink_add_count(sink, library.count(work->next, last));
    else if (list_primes(work->next, last, work, sink) < 0)
        return KERNEL_FAILED;
    if (is_last)
        return KERNEL_DONE;
    work->next = last + 1;
    return KERNEL_MORE;
}

#else /* built without the library: the kernel is known, and says what is missing */

static int plan(struct kernel_plan *plan, struct complaint *complaint) {
    (void)plan;
    complaint_set(complaint, "kernel primes: this program was built without libprimesieve");
    errno = ELIBACC;
    return -1;
}

static enum kernel_result run(
    void *state, const struct kernel_plan *plan, struct kernel_work *work, struct sink *sink) {
    (void)state, (void)plan, (void)work, (void)sink;
    return KERNEL_FAILED;
}

#endif

static const struct setting no_params[] = { { .name = NULL } };

const struct kernel_ops primes_kernel = {
    .name = "primes",
    .version = "1",
    .summary = "prime numbers, by libprimesieve",
    .flags = KERNEL_PURE,
    .params = no_params,
    .plan = plan,
    .run = run,
};
