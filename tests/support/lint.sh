#!/bin/sh
# Format, static analysis, shell scripts, spelling, manual pages. Needs make deps-dev.
set -u

status=0
check() { # check NAME COMMAND...
    name=$1
    shift
    if out=$("$@" 2>&1); then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        printf '%s\n' "$out" | tail -n 40
        status=1
    fi
}
sources=$(git ls-files '*.c')
headers=$(git ls-files '*.h')
cflags="-std=gnu17 -D_GNU_SOURCE -I. $(pkg-config --cflags libbsd jansson)"

# shellcheck disable=SC2086
{
    check format clang-format-14 --dry-run -Werror $sources $headers
    check cppcheck cppcheck -q --error-exitcode=1 --inline-suppr --enable=warning,portability \
        --suppress=missingIncludeSystem --suppress=uninitvar --library=gnu -I. $(
            printf '%s\n' $sources | grep -v '^tests/unit')
    check clang-tidy clang-tidy-14 -quiet --warnings-as-errors='*' \
        -checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-signal-handler,-bugprone-branch-clone' \
        $(printf '%s\n' $sources | grep -E '^(shared|supervisor|workers)/') -- $cflags
    check gcc-analyzer sh -c "for f in $(printf '%s ' $sources | tr ' ' '\n' | grep -E '^(shared|supervisor|workers)/' | tr '\n' ' '); do gcc -fanalyzer -Werror -O1 -w -Wanalyzer-double-free -Wanalyzer-use-after-free -Wanalyzer-null-dereference -Wanalyzer-double-fclose $cflags -c \$f -o /dev/null || exit 1; done"
    check shellcheck shellcheck $(git ls-files '*.sh') .ci/run
    check codespell codespell -q 3 $(git ls-files | grep -vE '\.svg$|corpus')
    check mandoc mandoc -Tlint -Wwarning $(git ls-files 'man/*')
}
exit $status
