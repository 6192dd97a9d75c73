#!/bin/sh
# How many lines the tests reach. Children that are killed leave no counters, so the figure is low
# rather than high. coverage.sh [PERCENT]: fail below.
set -eu

least=${1:-0} build="build-coverage"
make --no-print-directory BUILD=$build HARDEN=-fPIE CFLAGS='-O0 -g --coverage -DPREFORK_COVERAGE' \
    LDFLAGS=--coverage test-programs >/dev/null
find $build -name '*.gcda' -delete
tests/support/run-tests.sh $build | tail -n 1
gcovr --root . --object-directory $build --filter 'shared/' --filter 'supervisor/' --filter 'workers/' \
    --gcov-ignore-parse-errors --exclude-unreachable-branches --fail-under-line "$least" \
    --sort-percentage $build 2>/dev/null | grep -v '100%'
