#!/bin/bash
# The package under a real systemd, booted for this in namespaces of its own: what the unit files
# promise. Needs root, cgroup 2 and overlayfs; an environment without them is a failure here, and
# said to be one.
#
#   systemd-test.sh BUILD VERSION
# shellcheck disable=SC2013,SC2016,SC2317
set -u

build=$1 version=$2 role=${3:-outside}
deb=$build/deb/preforkd_${version}_$(dpkg --print-architecture).deb
passed=0 failed=0 skipped=0

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}

if [ "$role" = outside ]; then
    rc=0
    if [ "$(id -u)" != 0 ]; then
        echo "FAIL  environment: it takes root to boot a systemd"
        rc=75
    else
        tests/support/systemd-box.sh "$0" "$build" "$version" inside || rc=$?
        [ "$rc" != 75 ] || echo "FAIL  environment: no systemd can be booted here"
    fi
    if [ "$rc" = 75 ]; then
        failed=1
        finish
    fi
    exit "$rc"
fi

# ---- inside ----

echo_conf=/etc/preforkd/services.d/echo.conf

ok() {
    echo "ok    $1"
    passed=$((passed + 1))
}

bad() {
    echo "FAIL  $1"
    shift
    [ $# = 0 ] || printf '      %s\n' "$@"
    systemctl status preforkd --no-pager -n 8 2>&1 | sed 's/^/      | /'
    failed=$((failed + 1))
}

check() { # check NAME COMMAND...: it succeeds
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then ok "$name"; else bad "$name" "$*" "$out"; fi
}

same() { # same NAME GOT WANTED
    if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "got: $2" "wanted: $3"; fi
}

show() { systemctl show -P "$1" "${2:-preforkd}"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
serves() { prefork echo 127.0.0.1 "${1:-50007}" --count 3 --quiet --timeout 2s >/dev/null 2>&1; }

until_ms() { # until_ms MOST COMMAND...: prints how long it took
    local most=$1 start
    start=$(now_ms)
    shift
    until "$@"; do
        [ $(($(now_ms) - start)) -lt "$most" ] || return 1
        sleep 0.01
    done
    echo $(($(now_ms) - start))
}

told() { [ "$(grep -o "$1" "$2" | wc -l)" -ge "$3" ]; }

status_is() { [ "$(show StatusText)" = "$1" ]; }
generation() { prefork status --json | sed -n 's/.*"generation": *\([0-9]*\).*/\1/p' | head -n 1; }
restarted() { [ "$(show NRestarts)" != "$1" ] && serves; }

install_package() {
    # Some machines forbid that a package starts what it brings.
    rm -f /usr/sbin/policy-rc.d
    check "the package installs" dpkg -i "$deb"
    check "its user is there" getent passwd preforkd
    same "it is enabled" "$(systemctl is-enabled preforkd)" enabled
    same "it is active" "$(systemctl is-active preforkd)" active
    same "the socket unit is off" "$(systemctl is-enabled preforkd.socket)" disabled
    check "the units are well-formed" sh -c \
        '[ -z "$(systemd-analyze verify preforkd.service preforkd.socket 2>&1)" ]'
}

start_and_look() {
    systemctl stop preforkd
    start=$(now_ms)
    check "systemctl start" systemctl start preforkd
    check "it serves when start returns" serves
    echo "      start: $(($(now_ms) - start)) ms"
    same "the status is told" "$(show StatusText)" \
        "$services of $services services running, $((2 * services)) workers"
    check "the journal has its log" sh -c \
        "journalctl -u preforkd --no-pager -o cat | grep -q 'msg=.preforkd $version starts'"
    check "its folders are its own" sh -c \
        '[ "$(stat -c %U /run/preforkd /var/lib/preforkd /var/log/preforkd | sort -u)" = preforkd ]'
    for pid in $(cat "/sys/fs/cgroup/$(show ControlGroup)/cgroup.procs"); do
        grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
    done | sort -u | tr '\t' ' ' >/tmp/rights
    uid=$(id -u preforkd)
    same "no process of it has a right" "$(tr '\n' ';' </tmp/rights)" \
        "CapBnd: 0000000000000000;CapEff: 0000000000000000;NoNewPrivs: 1;Seccomp: 2;Uid: $uid $uid $uid $uid;"
    check "root speaks to it" prefork restart echo
}

jobs() {
    same "a job's output is that of prefork job run" \
        "$(prefork job submit --wait --quiet divisible 3345212 | cksum)" \
        "$(prefork job run --quiet divisible 3345212 | cksum)"
    cp /etc/preforkd/preforkd.conf /tmp/preforkd.conf
    sed -i 's/#commands = "none";/commands = "admin";/' /etc/preforkd/preforkd.conf
    check "commands are allowed" systemctl reload preforkd
    same "they run as the daemon" \
        "$(prefork job submit --wait --quiet command 1..2 -- id -un | tr '\n' ' ')" "preforkd preforkd "
    cp /tmp/preforkd.conf /etc/preforkd/preforkd.conf
    check "and no more" systemctl reload preforkd
}

# Two members on what may be two workers, in memory that they share.
talk() {
    mkfifo /tmp/ann
    prefork chat 127.0.0.1 8004 --name Ann --json </tmp/ann >/tmp/ann.out 2>&1 &
    exec 7>/tmp/ann
    until_ms 5000 told '"event":' /tmp/ann.out 1 >/dev/null
    echo hello | prefork chat 127.0.0.1 8004 --name Bob --json >/dev/null 2>&1
    check "one member of the chat hears the other" until_ms 5000 told hello /tmp/ann.out 1
    exec 7>&-
    wait $!
}

reload() {
    if ! prefork help | grep -q '^  reload '; then
        echo "skip  reload: this prefork has no such verb"
        skipped=$((skipped + 1))
        return
    fi
    cp $echo_conf /tmp/echo.conf
    before=$(generation)
    echo 'max_children = 3; pm = "static";' >>$echo_conf
    check "systemctl reload" systemctl reload preforkd
    same "what was changed is in force when it returns" "$(generation)" $((before + 1))
    # The old workers are counted until they are gone, and the status is told once a second.
    check "the status follows" until_ms 5000 status_is \
        "$services of $services services running, $((2 * services + 1)) workers"
    pid=$(show MainPID)
    echo 'max_childern = 4;' >>$echo_conf
    if systemctl reload preforkd 2>/dev/null; then
        bad "a wrong configuration is told by systemctl reload"
    else
        ok "a wrong configuration is told by systemctl reload"
    fi
    same "the daemon runs on" "$(show MainPID) $(systemctl is-active preforkd)" "$pid active"
    check "and serves" serves
    cp /tmp/echo.conf $echo_conf
    check "and reloads again" systemctl reload preforkd
}

drop_in() { # drop_in LINE...: in [Service]
    mkdir -p /run/systemd/system/preforkd.service.d
    { echo "[Service]"; printf '%s\n' "$@"; } >/run/systemd/system/preforkd.service.d/test.conf
    systemctl daemon-reload
    systemctl restart preforkd
}

# It was fed after all that it was started with is used up.
fed_past_start() {
    [ $(($(show WatchdogTimestampMonotonic) - $(show ActiveEnterTimestampMonotonic))) -gt "$1" ]
}

watchdog() {
    drop_in WatchdogSec=2 LimitCORE=0
    check "the watchdog is fed in its time" until_ms 10000 fed_past_start 2000000
    same "a daemon that lives is left alone by the watchdog" "$(show NRestarts)" 0
    kill -STOP "$(show MainPID)"
    if took=$(until_ms 15000 restarted 0); then
        ok "the watchdog of 2 s replaces a supervisor that is stopped: $took ms"
    else
        bad "the watchdog replaces a supervisor that is stopped"
    fi
    systemctl restart preforkd
    before=$(show NRestarts)
    kill -STOP "$(pgrep -P "$(show MainPID)" -f '^preforkd: log')"
    if took=$(until_ms 15000 restarted "$before"); then
        ok "likewise when the log writer is stopped: $took ms"
    else
        bad "likewise when the log writer is stopped"
    fi
    check "the journal says so" sh -c \
        'journalctl -u preforkd --no-pager | grep -q "Watchdog timeout"'
    rm -r /run/systemd/system/preforkd.service.d
    systemctl daemon-reload
    systemctl reset-failed preforkd
    systemctl restart preforkd
}

kill_nine() {
    before=$(show NRestarts)
    kill -KILL "$(show MainPID)"
    if took=$(until_ms 10000 restarted "$before") && [ "$took" -lt 1000 ]; then
        ok "after kill -9 of the supervisor it serves again: $took ms"
    else
        bad "after kill -9 of the supervisor it serves again in a second" "$took"
    fi
}

refused_user() {
    cp $echo_conf /tmp/echo.conf
    echo 'user = "nobody";' >>$echo_conf
    systemctl restart preforkd 2>/dev/null
    same "a service that asks for another user is refused" \
        "$(systemctl is-active preforkd) $(show ExecMainStatus)" "failed 78"
    check "with a hint" sh -c 'journalctl -u preforkd --no-pager -o cat |
        grep -q "to become \"nobody\" the daemon must be started as root"'
    same "and not tried again" "$(show NRestarts)" 0
    cp /tmp/echo.conf $echo_conf
    systemctl reset-failed preforkd
    check "without that it starts" systemctl start preforkd
}

low_port() {
    systemctl stop preforkd
    sed -i 's|^listen = .*|listen = [ "tcp://127.0.0.1:7", "udp://127.0.0.1:7" ];|' $echo_conf
    check "the socket unit starts" systemctl start preforkd.socket
    same "the daemon is not there yet" "$(systemctl is-active preforkd)" inactive
    check "the first connection to port 7 starts it" serves 7
    check "UDP port 7 answers" prefork echo 127.0.0.1 7 --udp --count 3 --quiet --timeout 2s
    same "by whom has no right to bind it" \
        "$(sed -n 's/^CapEff:\t//p' "/proc/$(show MainPID)/status")" 0000000000000000
    check "no socket was left over" sh -c \
        '! journalctl -u preforkd --no-pager -o cat | grep -q event=socket_unused'
    prefork stop echo 2>/dev/null && prefork start echo 2>/dev/null
    check "a service that was stopped starts again on it" serves 7
    before=$(show NRestarts)
    kill -KILL "$(show MainPID)"
    if serves 7; then
        ok "who comes after kill -9 is not refused: systemd has the socket"
    else
        bad "who comes after kill -9 is not refused: systemd has the socket"
    fi
    until_ms 5000 restarted_on_seven "$before" >/dev/null || bad "it is back after kill -9"
    sed -i 's|^listen = .*|listen = [ "tcp://127.0.0.1:50007", "udp://127.0.0.1:50007" ];|' $echo_conf
    systemctl restart preforkd
    check "a socket that no service listens on is told" sh -c \
        'journalctl -u preforkd --no-pager -o cat | grep -q "no service listens on tcp://127.0.0.1:7"'
    systemctl stop preforkd.socket preforkd
    check "it starts without the socket unit" systemctl start preforkd
    check "and serves" serves
}

restarted_on_seven() { [ "$(show NRestarts)" != "$1" ] && serves 7; }

limits() {
    mkdir -p /etc/systemd/system/preforkd.service.d
    cp /usr/share/doc/preforkd/examples/limits.conf /etc/systemd/system/preforkd.service.d/
    systemctl daemon-reload
    check "the drop-in of the examples is taken" systemctl restart preforkd
    worker=$(pgrep -P "$(show MainPID)" -f '^preforkd: echo' | head -n 1)
    same "its limits reach the workers" \
        "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$worker/limits") $(ps -o ni= -p "$worker" | tr -d ' ')" \
        "0 -5"
    echo 'cpu_affinity = "0";' >>$echo_conf
    sed -i 's/^#SystemCallFilter=/SystemCallFilter=/' \
        /etc/systemd/system/preforkd.service.d/limits.conf
    systemctl daemon-reload
    systemctl restart preforkd
    worker=$(pgrep -P "$(show MainPID)" -f '^preforkd: echo' | head -n 1)
    same "cpu_affinity works with its line for it" \
        "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$worker/status")" 0
    rm -r /etc/systemd/system/preforkd.service.d
    sed -i '/^cpu_affinity/d' $echo_conf
    systemctl daemon-reload
    systemctl restart preforkd
}

rotate() {
    sed -i 's|#file = "/var/log|file = "/var/log|' /etc/preforkd/preforkd.conf
    systemctl restart preforkd
    log=/var/log/preforkd/preforkd.log
    check "a log file can be written" test -s $log
    if ! command -v logrotate >/dev/null; then
        echo "skip  logrotate is not installed"
        skipped=$((skipped + 1))
        return
    fi
    check "logrotate moves it" logrotate -f /etc/logrotate.d/preforkd
    check "the old one is kept" test -s $log.1
    check "the daemon writes to a new one" grep -q event=log_reopened $log
}

stop_and_purge() {
    check "systemctl stop" systemctl stop preforkd
    same "it ends well" "$(show Result) $(show ExecMainStatus)" "success 0"
    same "nobody is left" "$(pgrep -u preforkd | wc -l)" 0
    check "the last word is in its log" grep -q 'event=stop msg="preforkd stops"' /var/log/preforkd/preforkd.log
    systemctl start preforkd
    check "removing stops it" dpkg --remove preforkd
    same "nobody is left" "$(pgrep -u preforkd | wc -l)" 0
    check "the configuration stays" test -f $echo_conf
    check "purging" dpkg --purge preforkd
    same "nothing is left" "$(find /etc /usr /var/lib /var/log /run -path /var/lib/dpkg -prune -o \
        -name '*prefork*' -print 2>/dev/null | tr '\n' ' ')" ""
}

install_package
services=$(find /etc/preforkd/services.d -name '*.conf' | wc -l)
start_and_look
jobs
talk
reload
watchdog
kill_nine
refused_user
low_port
limits
rotate
stop_and_purge
finish
