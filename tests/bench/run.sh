#!/bin/bash
# Measure prefork against minimal references and peers, and write the figures to RESULTS.md.
# run.sh BUILD [PAIRS]: PAIRS per row, 20 by default. Peers that are not installed are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 pairs=${2:-20}
bench=$build/tests/bench prefork=$build/prefork
results=tests/bench/RESULTS.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/pairs"

# row LIMIT COMMAND... --vs REFERENCE...: a row of the table; its pairs are kept
row() {
    local limit=$1 label=$2
    shift 2
    echo "bench: $label" >&2
    local line
    line=$("$bench/pair" "$pairs" "$label" "$@" 2>"$tmp/err") || {
        tail -n 3 "$tmp/err" >&2
        return 1
    }
    echo "${line%|}| $limit |" >>"$tmp/rows"
    printf -- '- %s: %s\n' "$label" "$(tail -n 1 "$tmp/err")" >>"$tmp/pairs"
}

# us_a_chunk COMMAND...: the median of the wall time of so many runs, in us, by 10^6 chunks
us_a_chunk() {
    "$bench/pair" "$pairs" x "$@" --vs "$bench/limit_empty" 2>/dev/null |
        awk -F'|' '{ printf "%.3f", $3 / 1000 }'
}

# seconds COMMAND: wall seconds of a shell command
seconds() {
    local from
    from=$(date +%s%N)
    sh -c "$1" >/dev/null 2>&1
    awk -v ns=$(($(date +%s%N) - from)) 'BEGIN { printf "%.3f", ns / 1e9 }'
}

last=9724000000 # 4 000 000 multiples of 2431
for workers in 1 2; do
    row "<= 1.02" "divisible test 1e10, $workers process, vs OpenMP" \
        "$prefork" job run divisible 1e10 --method test --count --quiet --workers $workers \
        --vs "$bench/limit_test_omp" 10000000000 $workers
    row "<= 1.02" "divisible test 1e10, $workers thread, vs OpenMP" \
        "$prefork" job run divisible 1e10 --method test --count --quiet --engine thread \
        --threads $workers --vs "$bench/limit_test_omp" 10000000000 $workers
done
if command -v primesieve >/dev/null; then
    row "<= 1.03" "primes --count 1e10, 2 workers, vs primesieve -t2" \
        "$prefork" job run primes 1e10 --count --quiet --workers 2 \
        --vs primesieve 10000000000 -t2 -q
fi
export PAIR_FRESH=$tmp/printed
row "<= 1.25" "print 4e6 numbers to a file, 1 worker, vs one C program" \
    "$prefork" job run divisible $last --quiet --workers 1 --output "$tmp/printed" \
    --vs "$bench/limit_stride" $last "$tmp/printed"
row "< 1.00" "print 4e6 numbers to a file, 2 workers, vs one C program" \
    "$prefork" job run divisible $last --quiet --workers 2 --output "$tmp/printed" \
    --vs "$bench/limit_stride" $last "$tmp/printed"
unset PAIR_FRESH
row "<= 1.20" "command /bin/true x 500, 1 worker, vs posix_spawn loop" \
    "$prefork" job run command 500 --quiet --workers 1 -- /bin/true --vs "$bench/limit_spawn" 500
row "+ <= 3 ms" "3 345 212 stride, start to exit, vs an empty program" \
    "$prefork" job run divisible 3345212 --quiet --vs "$bench/limit_empty"
row "+ <= 8 ms" "3 345 212 test, start to exit, vs an empty program" \
    "$prefork" job run divisible 3345212 --method test --quiet --vs "$bench/limit_empty"
if command -v python3 >/dev/null; then
    row ">= 15" "3 345 212 in Python threads, vs prefork test" \
        python3 tests/bench/threads.py 3345212 \
        --vs "$prefork" job run divisible 3345212 --method test --quiet
fi

echo "bench: a chunk" >&2
one=$(us_a_chunk "$prefork" job run null 1e6 --workers 2 --batch 1 --quiet --output "$tmp/null")
many=$(us_a_chunk "$prefork" job run null 1e6 --workers 2 --quiet --output "$tmp/null")
threads=$(us_a_chunk "$prefork" job run null 1e6 --engine thread --threads 2 --quiet --output "$tmp/null")
event=$(us_a_chunk "$prefork" job run null 1e6 --engine event --quiet --output "$tmp/null")
xargs=$(seconds 'seq 1000 | xargs -n1 -P2 true')
parallel=-
command -v parallel >/dev/null && parallel=$(seconds 'seq 1000 | parallel -j2 true')

echo "bench: memory" >&2
pss() { # pss ARGUMENTS...: the peak of all processes of the job, in MB
    "$prefork" compare job "$@" --engines process --workers 2 --repeat 1 --json --quiet |
        sed 's/.*"peak_pss_bytes":\([0-9]*\).*/\1/' | awk '{ printf "%.1f", $1 / 1048576 }'
}

{
    echo "# Measured"
    echo
    echo "Written by \`make bench\` and \`make soak\`; all of it is of this code, on one machine."
    echo
    echo "- commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d)"
    echo "- $(nproc) CPUs, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r | sed 's/-.*//'), $(cc --version | head -n 1)"
    echo "- a ratio is the median of interleaved pairs A B A B; in brackets the range of the middle 80 %"
    echo
    echo "## Against references and peers"
    echo
    echo "| A vs B | A ms | B ms | A CPU ms | B CPU ms | A/B wall | pairs | must reach |"
    echo "| --- | --: | --: | --: | --: | --- | --: | --- |"
    cat "$tmp/rows"
    echo
    echo "## A chunk that computes nothing (10^6 chunks, 2 workers: claim, frame, checksum, order, journal)"
    echo
    echo "| how | us a chunk | must reach |"
    echo "| --- | --: | --- |"
    echo "| process, claimed one by one | $one | <= 1.5 |"
    echo "| process, batched claims | $many | <= 0.3 |"
    echo "| thread, batched claims | $threads | |"
    echo "| event, 64 in flight | $event | |"
    echo "| xargs -P2 true (1000 jobs) | $(awk -v s="$xargs" 'BEGIN { printf "%.0f", s * 1000 }') | >= 200 x: $(awk -v s="$xargs" -v o="$one" 'BEGIN { printf "%.0f x", s * 1000 / o }') of the first row |"
    [ "$parallel" = - ] ||
        echo "| GNU parallel -j2 true (1000 jobs) | $(awk -v s="$parallel" 'BEGIN { printf "%.0f", s * 1000 }') | >= 1000 x: $(awk -v s="$parallel" -v o="$one" 'BEGIN { printf "%.0f x", s * 1000 / o }') of the first row |"
    echo
    echo "## Memory: peak PSS of all processes, 2 workers"
    echo
    echo "| job | MB | must reach |"
    echo "| --- | --: | --- |"
    echo "| divisible 3 345 212 | $(pss divisible 3345212 --method test) | <= 12 |"
    echo "| divisible $last, printing | $(pss divisible $last) | <= 12 |"
    echo "| primes 1e8, printing | $(pss primes 1e8) | <= 12 |"
    echo "| null, 10^6 chunks | $(pss null 1e6) | <= 12 |"
    echo
    if [ -f $results ] && grep -q '^## Soak' $results; then
        sed -n '/^## Soak/,/^## All pairs/p' $results | grep -v '^## All pairs'
    fi
    echo "## All pairs (A/B, wall ms)"
    echo
    cat "$tmp/pairs"
} >"$tmp/results"
cat "$tmp/results" >$results
echo "bench: written to $results" >&2
tests/bench/run_jobs.sh "$build" "$pairs"
tests/bench/run_serve.sh "$build" "$pairs"
tests/bench/run_chat.sh "$build" "$pairs"
