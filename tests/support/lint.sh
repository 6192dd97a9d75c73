#!/bin/sh
# Format, static analysis, shell scripts, spelling, manual pages; do the fuzz targets stand, and does
# each corpus reach what it is to? Needs make deps-dev.
# shellcheck disable=SC2046,SC2086,SC2317
set -u

status=0
check() { # check NAME COMMAND...
    name=$1
    shift
    if out=$("$@" 2>&1); then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        printf '%s\n' "$out" | grep -E 'error|warning|note|FAIL|==>|below' | tail -n 40
        status=1
    fi
}
code=$(git ls-files '*.c' | grep -E '^(shared|supervisor|workers)/')
cflags="-std=gnu17 -D_GNU_SOURCE -I. $(pkg-config --cflags libbsd jansson)"

analyze() {
    for file in $code; do
        gcc -fanalyzer -Werror -O1 -w -Wanalyzer-double-free -Wanalyzer-use-after-free \
            -Wanalyzer-null-dereference -Wanalyzer-double-fclose $cflags -c "$file" -o /dev/null ||
            return 1
    done
}

check format clang-format-14 --dry-run -Werror $(git ls-files '*.c' '*.h')
check cppcheck cppcheck -q --error-exitcode=1 --inline-suppr --enable=warning,portability \
    --suppress=missingIncludeSystem --suppress=uninitvar --suppress=ctuuninitvar --library=gnu \
    '-DTAILQ_FOREACH(v,h,f)=if(((v)=(void*)(h)))' '-DTAILQ_HEAD(n,t)=struct n' -I. $code
# Between vfork and exec the analyzer allows nothing but exec; command.c says what it does there.
check clang-tidy clang-tidy-14 -quiet --warnings-as-errors='*' \
    -checks='-*,clang-analyzer-*,-clang-analyzer-optin.performance.Padding,-clang-analyzer-security.insecureAPI.*,-clang-analyzer-valist.Uninitialized,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-signal-handler,-bugprone-branch-clone,-bugprone-suspicious-include,-bugprone-sizeof-expression,-bugprone-not-null-terminated-result,-bugprone-implicit-widening-of-multiplication-result' \
    $code -- $cflags
check gcc-analyzer analyze
check shellcheck shellcheck $(git ls-files '*.sh' 'etc/deb/p*') .ci/run
# mdoc's macros and our option names are words here; the tests mistype on purpose.
check codespell codespell -q 3 -L wont,hel,nd,ndoes,inflight,divisable,proceses,evnet,contrl,stpo,nubmers,evry,opitons,whats,lsat \
    $(git ls-files ':!tests/fuzz/corpus')
check answers tests/support/answers.sh
check fuzz tests/fuzz/run.sh 1
check mandoc mandoc -Tlint -Wwarning $(git ls-files 'man/*')
exit $status
