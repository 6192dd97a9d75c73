#!/bin/sh
# ThreadSanitizer on the real binary: jobs in threads, with and without deaths, their results
# compared with those of a plain build; threads on a bus; a daemon in threads. (Criterion does not run
# under it.)
set -eu

build="build-tsan"
log=$PWD/$build/report
make --no-print-directory BUILD=$build HARDEN=-fPIE CFLAGS='-O1 -g' SANITIZE=-fsanitize=thread \
    all storm-programs $build/tests/system-tests >/dev/null
make --no-print-directory all >/dev/null
rm -f "$log".*
export TSAN_OPTIONS="log_path=$log:halt_on_error=0:die_after_fork=0"
failed=0 runs=0

same() { # same ARGUMENTS...: both builds give the same bytes
    runs=$((runs + 1))
    verb="$1 $2"; shift 2
    # shellcheck disable=SC2086
    wanted=$(build/prefork $verb --quiet "$@" | cksum)
    # shellcheck disable=SC2086
    got=$($build/prefork $verb --quiet "$@" | cksum)
    if [ "$got" != "$wanted" ]; then
        echo "tsan: other result: $*"
        failed=$((failed + 1))
    fi
}

for threads in 1 2 4 16; do
    same job run divisible 20000000 --by 7 --engine thread --threads $threads
    same job run divisible 20000000 --by 7 --method test --engine thread --threads $threads \
        --chunk 10000
    same job run null 1..20000 --emit 1 --engine thread --threads $threads --batch 1
    same job run primes 3000000 --engine thread --threads $threads --chunk 100000
    same job run null 1..300 --emit 1 --engine thread --threads $threads --fault segv \
        --fault-at 100 --fault-times 2
    same job run null 1..300 --emit 1 --engine thread --threads $threads --verify 100%
    same job run null 1..40 --engine thread --threads $threads --emit 1 --slow-for 300ms --slow-at 5 \
        --chunk-timeout 100ms --retries 0 --on-held skip
done
same job run command 1..40 --engine thread --threads 4 -- echo '{i}'
same job run divisible 20000000 --by 7 --engine process
same job run divisible 20000000 --by 7 --engine event

runs=$((runs + 1))
$build/tests/storm/bus_threads 20000 || failed=$((failed + 1))

# Members of a room, their threads' posts on one seat of the bus.
runs=$((runs + 1))
HARNESS_SANITIZED=1 $build/tests/system-tests --filter daemon_mail >/dev/null ||
    failed=$((failed + 1))
runs=$((runs + 1))
HARNESS_SANITIZED=1 $build/tests/system-tests --filter chat_storm >/dev/null ||
    failed=$((failed + 1))

# A daemon in threads: many clients at once, workers replaced and killed meanwhile.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
control=$dir/control.sock
mkdir "$dir/services.d"
printf 'control : { socket = "control.sock"; }; log : { file = "log"; };\n' >"$dir/preforkd.conf"
printf 'jobs : { spool_dir = "jobs"; engine = "thread"; workers = 4; };\n' >>"$dir/preforkd.conf"
printf '%s\n' 'type = "echo"; model = "thread"; pm = "static"; max_children = 2;' \
    'listen = [ "tcp://127.0.0.1:0", "udp://127.0.0.1:0" ]; threads_per_child = 8;' \
    'graceful_timeout = "1s"; max_connections = 12; max_requests = 40;' >"$dir/services.d/echo.conf"
$build/preforkd -f "$dir/preforkd.conf"

# Warm workers in threads: one job after the other, two at once, one that is cancelled.
same_in_daemon() {
    runs=$((runs + 1))
    wanted=$(build/prefork job run --quiet "$@" | cksum)
    got=$(build/prefork --control "$control" job submit --wait --quiet "$@" | cksum)
    if [ "$got" != "$wanted" ]; then
        echo "tsan: other result of the daemon: $*"
        failed=$((failed + 1))
    fi
}
long=$(build/prefork --control "$control" job submit divisible 1e11 --method test)
for _ in 1 2 3; do
    same_in_daemon divisible 20000000 --by 7 --method test --chunk 10000
    same_in_daemon null 1..20000 --emit 1 --batch 1
    same_in_daemon primes 3000000 --chunk 100000
done
build/prefork --control "$control" job cancel "$long" >/dev/null 2>&1 || failed=$((failed + 1))
port=$(build/prefork --control "$control" ports --json | tr '{' '\n' |
    sed -n '/"tcp"/s/.*"port": *\([0-9]*\).*/\1/p')
for _ in 1 2 3 4 5; do
    clients=
    for client in 1 2 3 4 5 6 7 8 9 10; do
        build/prefork echo 127.0.0.1 "$port" --count 200 --quiet --timeout 10s &
        clients="$clients $!"
    done
    build/prefork --control "$control" restart echo --no-wait 2>/dev/null
    for client in $clients; do
        runs=$((runs + 1))
        wait "$client" || failed=$((failed + 1))
    done
done
build/prefork --control "$control" stop 2>/dev/null

for report in "$log".*; do
    [ -e "$report" ] || continue
    echo "tsan: $report"
    head -n 40 "$report"
    failed=$((failed + 1))
done
echo "tsan: $runs runs, $failed failed"
[ $failed = 0 ]
