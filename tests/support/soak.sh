#!/bin/sh
# The system tests with the stated numbers; what they print goes to tests/bench/RESULTS.md.
# soak.sh BUILD [FILTER]
set -eu

build=$1 filter=${2:-}
log=$build/tests/soak.log
status=0
# shellcheck disable=SC2086
"$build/tests/system-tests" --soak ${filter:+--filter $filter} 2>"$log" || status=1
cat "$log" >&2
[ -z "$filter" ] && [ $status = 0 ] || exit $status

{
    echo "## Soak: the stated numbers"
    echo
    echo "commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d)"
    echo
    echo '```'
    grep -B 6 '^ok' "$log" | awk '/^      /{ print } /^ok/{ print }' |
        awk '{ if ($0 ~ /^ok/) { if (n) print; n = 0 } else { print; n++ } }'
    echo '```'
    echo
} | tests/bench/put_section.sh "Soak" "All pairs"
exit $status
