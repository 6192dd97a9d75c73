#!/bin/sh
# AddressSanitizer and UBSan over the unit and system tests. What counts is what is reported, in the
# logs and on the standard error of every program a test started (the runner reads that): an exit
# status says nothing of a report in a child.
set -eu

build="build-san"
log=$PWD/$build/report
make --no-print-directory BUILD=$build HARDEN=-fPIE CFLAGS='-O1 -g -fno-omit-frame-pointer' \
    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' test-programs >/dev/null
rm -f "$log".*
# The stack of a vforked child is the parent's, and its end is not seen: leaks are looked for, but
# not where a worker leaves by _exit.
export ASAN_OPTIONS="log_path=$log:abort_on_error=0:detect_stack_use_after_return=0"
export UBSAN_OPTIONS="log_path=$log:print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0"
export HARNESS_SANITIZED=1
status=0
tests/support/run-tests.sh $build || status=1
for report in "$log".*; do
    [ -e "$report" ] || continue
    # A worker whose address space a test has limited to nothing: that is what the test wants.
    [ "$(grep -vc -e '^=*$' -e '^ERROR: Failed to mmap$' "$report")" != 0 ] || continue
    echo "sanitizer: $report"
    sed 's/^/    /' "$report" | head -n 40
    status=1
done
[ $status = 0 ] && echo "sanitizers: no report"
exit $status
