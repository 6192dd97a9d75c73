#!/bin/bash
# Measure interval jobs in the daemon against the same jobs without it; the figures go into
# RESULTS.md, into the section "Jobs in the daemon".
#
#     run_jobs.sh BUILD [PAIRS]
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 pairs=${2:-20}
bench=$build/tests/bench prefork=$build/prefork
results=tests/bench/RESULTS.md
tmp=$(mktemp -d)
spool=$(mktemp -d -p /var/tmp) # where files are made and removed all the time, that itself is slow
daemon=
end() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    rm -rf "$tmp" "$spool"
}
trap end EXIT
: >"$tmp/pairs" && : >"$tmp/rows"
export PREFORK_CONTROL=$tmp/control.sock

start_daemon() {
    mkdir -p "$tmp/services.d"
    cat >"$tmp/preforkd.conf" <<END
services_dir = "$tmp/services.d";
control : { socket = "$PREFORK_CONTROL"; };
log : { file = "$tmp/preforkd.log"; };
jobs : { spool_dir = "$spool/jobs"; workers = 2; keep_jobs = 20; };
END
    "$build/preforkd" -F -f "$tmp/preforkd.conf" 2>"$tmp/err" &
    daemon=$!
    until "$prefork" job list >/dev/null 2>&1; do sleep 0.05; done
}

# row LIMIT LABEL COMMAND... --vs REFERENCE...
row() {
    local limit=$1 label=$2 line
    shift 2
    echo "bench: $label" >&2
    line=$("$bench/pair" "$pairs" "$label" "$@" 2>"$tmp/err")
    echo "${line%|}| $(tail -n 1 "$tmp/err" | over) | $limit |" >>"$tmp/rows"
    printf -- '- %s: %s\n' "$label" "$(tail -n 1 "$tmp/err")" >>"$tmp/pairs"
}

# since NS: seconds since then
since() {
    awk -v ns=$(($(date +%s%N) - $1)) 'BEGIN { printf "%.4f", ns / 1e9 }'
}

# Two equal jobs one after the other, then both at once: what each takes.
long=(divisible 3e9 --method test --count --chunk 1e6 --quiet)
two_jobs() {
    local from alone one two pid
    from=$(date +%s%N)
    "$prefork" job submit --wait "${long[@]}" >/dev/null
    "$prefork" job submit --wait "${long[@]}" >/dev/null
    alone=$(since "$from")
    from=$(date +%s%N)
    { "$prefork" job submit --wait "${long[@]}" >/dev/null; since "$from" >"$tmp/one"; } &
    pid=$!
    "$prefork" job submit --wait "${long[@]}" >/dev/null
    two=$(since "$from")
    wait "$pid"
    one=$(cat "$tmp/one")
    awk -v a="$alone" -v x="$one" -v y="$two" 'BEGIN {
        longer = x > y ? x : y; shorter = x > y ? y : x
        printf "%.4f %.4f\n", longer / shorter, longer / a }'
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { printf "%.3f (%.3f-%.3f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# The median of A - B over pairs "A/B A/B ...".
over() {
    tr ' ' '\n' | awk -F/ 'NF == 2 { print $1 - $2 }' | sort -n |
        awk '{ v[NR] = $1 } END { printf "%+.3f", v[int((NR + 1) / 2)] }'
}

start_daemon
row "A - B <= 1.5 ms" "3 345 212 by job submit --wait, vs an empty program" \
    "$prefork" job submit --wait divisible 3345212 --quiet --vs "$bench/limit_empty"
row "" "3 345 212 by job run, vs an empty program" \
    "$prefork" job run divisible 3345212 --quiet --vs "$bench/limit_empty"
row "<= 1.053" "10^6 null chunks by job submit --wait, vs job run" \
    "$prefork" job submit --wait null 1e6 --chunk 1 --quiet \
    --vs "$prefork" job run null 1e6 --chunk 1 --quiet --output "$tmp/null"
row "" "4e6 numbers by job submit --wait, vs job run" \
    "$prefork" job submit --wait divisible 9724000000 --quiet \
    --vs "$prefork" job run divisible 9724000000 --quiet --workers 2
echo "bench: two equal jobs" >&2
for _ in $(seq "$pairs"); do two_jobs; done >"$tmp/two"

{
    echo "## Jobs in the daemon: 2 warm workers"
    echo
    echo "commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d), by \`tests/bench/run_jobs.sh $build $pairs\`"
    echo
    echo "| A vs B | A ms | B ms | A CPU ms | B CPU ms | A/B wall | pairs | A - B ms | must reach |"
    echo "| --- | --: | --: | --: | --: | --- | --: | --: | --- |"
    cat "$tmp/rows"
    echo
    echo "| two equal jobs at once, $pairs times | median (least-most) | must reach |"
    echo "| --- | --- | --- |"
    echo "| the longer over the shorter | $(cut -d' ' -f1 "$tmp/two" | median) | <= 1.10 |"
    echo "| both together over one after the other | $(cut -d' ' -f2 "$tmp/two" | median) | <= 1.05 |"
    echo
    cat "$tmp/pairs"
    echo
} >"$tmp/section"
cat "$tmp/section" >&2
tests/bench/put_section.sh "Jobs in the daemon" "Services|Chat|Soak|All pairs" <"$tmp/section"
echo "bench: written to $results" >&2
