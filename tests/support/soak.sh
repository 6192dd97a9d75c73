#!/bin/sh
# The system tests with the stated numbers; what they print goes to tests/bench/RESULTS.md.
# soak.sh BUILD [FILTER]
set -eu

build=$1 filter=${2:-}
results=tests/bench/RESULTS.md
log=$build/tests/soak.log
status=0
# shellcheck disable=SC2086
"$build/tests/system-tests" --soak ${filter:+--filter $filter} 2>"$log" || status=1
cat "$log" >&2
[ -z "$filter" ] && [ $status = 0 ] || exit $status

section=$(mktemp)
trap 'rm -f "$section"' EXIT
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
} >"$section"
# In place of the old section, or before the pairs.
awk -v section="$section" '
    function put() { while ((getline line < section) > 0) print line; done = 1 }
    /^## Soak/ { skip = 1; put(); next }
    /^## / { skip = 0 }
    /^## All pairs/ && !done { put() }
    !skip { print }
    END { if (!done) put() }' $results >"$section.new"
cat "$section.new" >$results
rm -f "$section.new"
exit $status
