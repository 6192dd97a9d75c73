/*
 * The reference for printing: one process steps by 2431 and formats, two digits at a time, into a
 * buffer that it writes when it is full. limit_stride LAST FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE (256u * 1024u)

static char buf[SIZE];

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static size_t format(char *dst, uint64_t value) {
    char digits[20], *at = digits + sizeof(digits);

    for (; value >= 100; value /= 100)
        at = memcpy(at - 2, pairs + 2 * (value % 100), 2);
    if (value >= 10)
        at = memcpy(at - 2, pairs + 2 * value, 2);
    else
        *--at = (char)('0' + value);
    memcpy(dst, at, (size_t)(digits + sizeof(digits) - at));
    return (size_t)(digits + sizeof(digits) - at);
}

static void flush(int fd, size_t *len) {
    if (write(fd, buf, *len) != (ssize_t)*len)
        exit(1);
    *len = 0;
}

int main(int argc, char **argv) {
    uint64_t last = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
    int fd = argc > 2 ? open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
    size_t len = 0;

    if (fd < 0)
        return 1;
    for (uint64_t n = 2431; n <= last; n += 2431) {
        if (SIZE - len < 24)
            flush(fd, &len);
        len += format(buf + len, n);
        buf[len++] = '\n';
    }
    flush(fd, &len);
    return 0;
}
