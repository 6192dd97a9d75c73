#!/bin/sh
# Every test that tests/system/README.md names as `suite/test` exists, and every row names one.
# shellcheck disable=SC2016
set -eu

page=tests/system/README.md
there=$(awk '
    match($0, /^    \{ "[a-z0-9_]+"/) { test[++tests] = substr($0, 8, RLENGTH - 8) }
    match($0, /_suite = \{ "[a-z0-9_]+", tests \}/) {
        split(substr($0, RSTART, RLENGTH), part, "\"")
        for (i = 1; i <= tests; i++) print part[2] "/" test[i]
        tests = 0
    }' tests/system/*_test.c)
status=0
for name in $(grep -o '`[a-z0-9_]*/[a-z0-9_]*`' "$page" | tr -d '`' | sort -u); do
    if ! printf '%s\n' "$there" | grep -qx "$name"; then
        echo "error: $page: there is no test $name"
        status=1
    fi
done
if grep -E '^\| +[0-9]+ \|' "$page" | grep -vE '`[a-z0-9_]+/[a-z0-9_]+`'; then
    echo "error: $page: this row names no test"
    status=1
fi
exit $status
