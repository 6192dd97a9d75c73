/*
 * The bus where laps wrap every fourth time round: threads publish, read, fall behind and look up
 * numbers; all readers see one order, and what they miss they are told of.
 */
#define BUS_LAP_BITS 2
#include "shared/bus.c"
#include "shared/bus_index.c"
#include "shared/bus_read.c"
#include "shared/bus_seat.c"
#include "shared/bus_wake.c"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>

enum {
    WRITERS = 3,
    READERS = 3,
    EACH = 200000,
    TOTAL = WRITERS * EACH,
    HISTORY = 16,
    LEN_MAX = 90
};

static struct bus *bus;
static _Atomic unsigned writers_left = WRITERS;
static _Atomic uint64_t order[TOTAL + 1]; /* by sequence number: what the first reader there saw */
static _Atomic uint64_t acknowledged[TOTAL + 1];

static uint64_t name_of(uint64_t member, uint64_t client_id) {
    return member << 32 | client_id;
}

static void *publish_each(void *arg) {
    struct bus_seat *seat = arg;
    char payload[LEN_MAX];
    struct bus_record record = { .member = seat->row_number + 1, .payload = payload };
    uint64_t seq;

    for (uint64_t id = 1; id <= EACH; id++) {
        record.client_id = id;
        record.len = (uint32_t)(id % LEN_MAX);
        memset(payload, (int)(id + record.member), record.len);
        if (bus_publish(seat, &record, &seq) != 1 || seq > TOTAL)
            abort();
        acknowledged[seq] = name_of(record.member, id);
    }
    writers_left--;
    return NULL;
}

static void check_record(const struct bus_record *record) {
    uint64_t name = name_of(record->member, record->client_id), before = 0;

    if (record->len != record->client_id % LEN_MAX)
        abort();
    for (uint32_t i = 0; i < record->len; i++)
        if (((const unsigned char *)record->payload)[i] !=
            (unsigned char)(record->client_id + record->member))
            abort();
    if (!atomic_compare_exchange_strong(&order[record->seq], &before, name) && before != name)
        abort();
}

struct result {
    unsigned pace; /* the second and third reader rest now and then, and are lapped */
    uint64_t read, missed;
};

static void *read_all(void *arg) {
    struct result *result = arg;
    struct bus_reader reader;
    struct bus_record record;
    char buf[LEN_MAX];
    bool is_over;

    bus_begin(&reader, bus, 1);
    for (;;) {
        is_over = writers_left == 0;
        switch (bus_read(&reader, buf, &record)) {
        case BUS_RECORD:
            check_record(&record);
            if (result->pace > 0 && ++result->read % result->pace == 0)
                usleep(200);
            break;
        case BUS_LAPPED:
            break;
        case BUS_DAMAGED:
            abort();
        case BUS_EMPTY:
            if (is_over) {
                result->missed = reader.lapped;
                return reader.cursor == TOTAL + 1 ? result : NULL;
            }
            sched_yield();
            break;
        }
    }
}

static void run(uint32_t history) {
    const struct bus_settings settings = { WRITERS, history, LEN_MAX, 4096 };
    static struct result results[READERS] = { { 0 }, { .pace = 100 }, { .pace = 1000 } };
    pthread_t writers[WRITERS], readers[READERS];
    void *ok;

    crc32c_init();
    bus = bus_new(&settings);
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, read_all, &results[i]);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, publish_each, bus_sit(bus, bus_claim_row(bus)));
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], &ok);
        cr_assert_not_null(ok);
    }
    cr_assert_gt(results[1].missed, 0);
    for (uint64_t seq = 1; seq <= TOTAL; seq++)
        cr_assert(acknowledged[seq] != 0 && (order[seq] == 0 || order[seq] == acknowledged[seq]));
    cr_assert_eq(bus_next(bus), TOTAL + 1);
    bus_free(bus);
}

Test(bus_laps, order_is_one_though_laps_wrap, .timeout = 60) {
    run(16);
}

/* An arena holds about 40 records: here they are overwritten long before their slots. */
Test(bus_laps, order_is_one_though_arenas_wrap, .timeout = 60) {
    run(512);
}
