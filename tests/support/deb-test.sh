#!/bin/bash
# The package in a bare Debian without systemd: installed with what it depends on, started, used,
# stopped, upgraded, removed, purged. Under systemd: systemd-test.sh. Needs root, debootstrap and a
# mirror; an environment without them is a failure, and said to be one.
#
#   deb-test.sh BUILD VERSION          BARE_ROOT=TARBALL keeps the bare root for the next time
# shellcheck disable=SC2016,SC2317
set -u

build=$1 version=$2 role=${3:-outside}
name=preforkd_${version}_$(dpkg --print-architecture).deb
passed=0 failed=0

finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}

if [ "$role" = outside ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/preforkd-deb.XXXXXX")
    trap 'rm -rf --one-file-system "$folder"' EXIT
    rc=0
    tests/support/bare-root.sh ${BARE_ROOT:+-t "$BARE_ROOT"} -c "$build/deb/$name" -c "$0" \
        "$folder/root" "apt-get update -qq && bash ./${0##*/} . $version inside" || rc=$?
    if [ "$rc" = 75 ] || [ "$rc" = 100 ]; then
        echo "FAIL  environment: there is no bare root with packages here"
        failed=1
        finish
    fi
    exit "$rc"
fi

# ---- inside ----

check() { # check NAME COMMAND...: it succeeds
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        echo "ok    $what"
        passed=$((passed + 1))
    else
        echo "FAIL  $what"
        printf '      %s\n' "$*" "$out"
        failed=$((failed + 1))
    fi
}

same() { # same NAME GOT WANTED
    check "$1" [ "$2" = "$3" ]
    [ "$2" = "$3" ] || printf '      got:    %s\n      wanted: %s\n' "$2" "$3"
}

# Its log goes where the output goes, as long as no file is configured.
start() {
    setpriv --reuid=preforkd --regid=preforkd --init-groups preforkd >/tmp/log 2>&1
}

running() { pgrep -u preforkd 2>/dev/null | wc -l; }
mine() {
    find / -xdev \( -path /src -o -path /proc -o -path /var/lib/dpkg -o -path /var/cache \) -prune -o \
        -name '*prefork*' -print 2>/dev/null | sort | tr '\n' ' '
}
pgrep() { # procps is no part of a bare root
    for folder in /proc/[0-9]*; do
        [ "$(stat -c %U "$folder" 2>/dev/null)" != "$2" ] || echo "${folder#/proc/}"
    done
}

same "a bare root has nothing of it" "$(mine)" ""
check "it installs, with what it depends on" apt-get install -y -q --no-install-recommends "./$name"
check "every library is there" sh -c '! ldd /usr/sbin/preforkd /usr/bin/prefork | grep "not found"'
check "no file of it is damaged" dpkg --verify preforkd
same "its user has no shell" "$(getent passwd preforkd | cut -d : -f 6-)" \
    "/var/lib/preforkd:/usr/sbin/nologin"
same "its folders are its own" "$(stat -c '%n %U %a' /run/preforkd /var/lib/preforkd /var/log/preforkd |
    tr '\n' ' ')" "/run/preforkd preforkd 755 /var/lib/preforkd preforkd 750 /var/log/preforkd preforkd 750 "
check "the configuration is good" preforkd -t
check "it starts" start
check "it serves" prefork echo 127.0.0.1 50007 --count 100 --quiet
check "root looks at it" prefork status
same "nobody but its user runs it" \
    "$(for p in /proc/[0-9]*; do case $(tr -d '\0' <"$p/cmdline" 2>/dev/null) in preforkd:*) stat -c %U "$p" ;; esac; done |
        sort -u)" preforkd
check "a job runs" sh -c '[ "$(prefork job run divisible 1..1000 --by 7 --count --quiet)" = 142 ]'
check "it stops" prefork stop
same "nobody is left" "$(running)" 0

echo '# mine' >>/etc/preforkd/services.d/echo.conf
check "it is installed again over a changed file" dpkg --force-confold -i "./$name"
check "which stays" grep -q '# mine' /etc/preforkd/services.d/echo.conf
check "it starts" start
check "removing it" apt-get remove -y -q preforkd
same "stops it" "$(running)" 0
check "keeps the configuration" test -f /etc/preforkd/services.d/echo.conf
check "purging it" apt-get purge -y -q preforkd
same "leaves nothing" "$(mine)" ""
same "but the user" "$(getent passwd preforkd | cut -d : -f 1)" preforkd
check "it installs once more" apt-get install -y -q --no-install-recommends "./$name"
check "and is purged at once" apt-get purge -y -q preforkd
same "leaves nothing" "$(mine)" ""
finish
