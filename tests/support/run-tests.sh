#!/bin/sh
# Run the tests and print one closing line. run-tests.sh BUILD [unit]
set -u

build=$1
only=${2:-all}
log=$build/tests/unit.log
passed=0 failed=0 skipped=0

field() { # field NAME: its number in the last line of the unit test's log
    sed -n "s/.*Synthesis:.*$1: \([0-9]*\).*/\1/p" "$log" | tail -n 1
}

echo "unit tests"
# By the sources: what was built of one that is gone does not count.
for source in $(find tests/unit -name '*_test.c' | sort); do
    test=$build/${source%.c}
    timeout -k 5 300 "$test" --ascii -j2 >"$log" 2>&1
    status=$?
    good=$(field Passing) bad=$(field Failing)
    # Crashing tests are among the failing; a program that says nothing has failed, too.
    if [ -z "$good" ] || [ "$((good + bad))" = 0 ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; }; then
        bad=1
        good=0
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        echo "FAIL  ${test#"$build"/tests/unit/}"
        sed 's/^/      /' "$log"
    else
        echo "ok    ${test#"$build"/tests/unit/}: $good"
    fi
done

if [ "$only" = all ]; then
    echo "system tests"
    "$build/tests/system-tests" >"$build/tests/system.log"
    line=$(sed -n 's/^system: //p' "$build/tests/system.log")
    if [ -n "$line" ]; then
        # shellcheck disable=SC2086
        set -- $line
        passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
    else
        failed=$((failed + 1))
    fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
