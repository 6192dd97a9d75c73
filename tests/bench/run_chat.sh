#!/bin/bash
# Measure preforkd's chat against minimal broadcasters and peers; the figures go into RESULTS.md,
# into the section "Chat". Peers that are not installed are left out; they are to be had by
#
#     apt-get install redis-server mosquitto ngircd nats-server
#
#     run_chat.sh BUILD [PAIRS]
#
# PAIRS per row, 20 by default. CHAT_ROWS=WORDS: only rows whose label matches, on stdout, and
# RESULTS.md stays. CHAT_OURS=limit: the minimal broadcasters against themselves, which proves the
# harness: all ratios must be near 1. Servers run on CPU 0 and loads on CPU 1.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 pairs=${2:-20} only=${CHAT_ROWS:-}
bench=$build/tests/bench load=$build/tests/bench/load_chat
results=tests/bench/RESULTS.md
tmp=$(mktemp -d)
running=
end() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    [ -z "$running" ] || wait "$running" 2>/dev/null || true
    rm -rf "$tmp"
}
trap end EXIT
: >"$tmp/pairs" && : >"$tmp/rows" && : >"$tmp/exact" && : >"$tmp/across"
port=$((18000 + $$ % 100 * 100)) # two runs at once do not meet
export SERVE_PIN=1

say() {
    echo "bench: $1" >&2
}

wanted() {
    [[ -z $only || $1 == *$only* ]]
}

# Each of these puts a server's words into the array "server": where it listens, and its command;
# and into the array "speak" what its load is told beside the numbers.

# service FOLDER NAME PORT: a chat with one event worker, as it is shipped but that nobody is held
# back, that the log is as silent as the others' are, and that one load is not told of another
service() {
    cat >"$1/services.d/$2.conf" <<END
type = "chat";
room = "bench";
listen = [ "tcp://127.0.0.1:$3" ];
model = "event";
pm = "static";
max_children = 1;
worker_connections = 2048;
backlog = 1024;
wire = "line";
flood_rate = "unlimited";
replay = 0;
log_messages = $log_messages;
END
}

# ours [WORKERS]: with 2, every second member and sender of the load is with the other one
log_messages=false members=100
ours() {
    local folder=$tmp/$((port + 1))
    port=$((port + 1))
    mkdir -p "$folder/services.d"
    cat >"$folder/preforkd.conf" <<END
services_dir = "$folder/services.d";
control : { socket = "$folder/control.sock"; };
log : { file = "$folder/preforkd.log"; level = "info"; };
END
    service "$folder" chat "$port"
    server=("$port" "$build/preforkd" -F -f "$folder/preforkd.conf")
    speak=(--speak chat)
    [ "$members" -le 500 ] || speak+=(--silence 1200) # who joins a crowd is told within a second
    if [ "${1:-1}" = 2 ]; then
        port=$((port + 1))
        service "$folder" other "$port"
        speak+=(--other "$port")
    fi
}

# limit epoll|batch: a minimal broadcaster
limit() {
    port=$((port + 1))
    server=("$port" "$bench/limit_chat_$1" "$port")
    speak=(--speak chat)
}

# peer NAME: returns 1 when it is not installed
peer() {
    port=$((port + 1))
    case $1 in
    redis)
        command -v redis-server >/dev/null || return 1
        server=("$port" redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no
            --daemonize no --dir "$tmp" --client-output-buffer-limit "pubsub 0 0 0")
        speak=(--speak redis)
        ;;
    mosquitto)
        command -v mosquitto >/dev/null || return 1
        printf '%s\n' "listener $port 127.0.0.1" "allow_anonymous true" "persistence false" \
            "set_tcp_nodelay true" "max_queued_messages 0" "sys_interval 0" "log_type none" \
            "user $(id -un)" >"$tmp/mosquitto.conf.$port"
        server=("$port" mosquitto -c "$tmp/mosquitto.conf.$port")
        speak=(--speak mqtt)
        ;;
    ngircd)
        command -v ngircd >/dev/null || return 1
        printf '%s\n' "[Global]" "Name = bench.example.net" "Info = bench" "Listen = 127.0.0.1" \
            "Ports = $port" "MotdPhrase = x" "ServerUID = $(id -u)" "ServerGID = $(id -g)" \
            "[Limits]" "MaxConnections = 0" "MaxConnectionsIP = 0" "MaxJoins = 0" \
            "MaxPenaltyTime = 0" "PingTimeout = 3600" "[Options]" "DNS = no" "Ident = no" \
            "PAM = no" >"$tmp/ngircd.conf.$port"
        server=("$port" ngircd -n -f "$tmp/ngircd.conf.$port")
        speak=(--speak irc)
        ;;
    nats)
        command -v nats-server >/dev/null || return 1
        # As many threads as it would have unpinned: that is how it is run.
        server=("$port" env "GOMAXPROCS=$(nproc)" nats-server -a 127.0.0.1 -p "$port")
        speak=(--speak nats)
        ;;
    esac
}

# Keep what was just put there as A.
as_a() {
    a=("${server[@]}") speak_a=("${speak[@]}")
}

# row LIMIT LABEL LOAD_OPTIONS: a row of A against the array server
row() {
    local must=$1 label=$2 line
    shift 2
    wanted "$label" || return 0
    say "$label"
    line=$("$bench/serve_pair" "$pairs" "$label" --load "$load" --spin "${speak_a[@]}" "$@" \
        --load-b "$load" --spin "${speak[@]}" "$@" --a "${a[@]}" --b "${server[@]}" 2>"$tmp/err") || {
        tail -n 3 "$tmp/err" >&2
        echo "| $label | failed | | | | | | | $must |" >>"$tmp/rows"
        return 0
    }
    echo "${line%|}| $must |" >>"$tmp/rows"
    printf -- '- %s: %s\n' "$label" "$(tail -n 1 "$tmp/err")" >>"$tmp/pairs"
}

# rows LOAD_LABEL MINIMAL MUST LOAD_OPTIONS -- PEER MUST ...: ours against each of them; and, to see
# how much of a ratio is the kernel's, the minimal broadcaster against two of them
rows() {
    local load_label=$1 minimal=$2 must=$3 options=() x
    shift 3
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    ours
    [ "${CHAT_OURS:-}" != limit ] || limit "$minimal"
    as_a
    limit "$minimal"
    row "$must" "$load_label, vs minimal $minimal" "${options[@]}"
    while [ $# -gt 0 ] && [ "${CHAT_OURS:-}" != limit ]; do
        ! peer "$1" || row "$2" "$load_label, vs $1" "${options[@]}"
        shift 2
    done
    limit "$minimal" && as_a
    for x in redis ngircd; do
        ! peer $x || row "" "$load_label, minimal $minimal vs $x" "${options[@]}"
    done
}

# exact LABEL SERVER LOAD_OPTIONS: system calls a delivery
exact() {
    local label=$1 words=() calls
    read -ra words <<<"$2"
    shift 2
    wanted "exact $label ${words[*]}" || return 0
    "${words[@]}" || return 0
    say "exact: $label, ${words[*]}"
    calls=$("$bench/serve_exact" calls --load "$load" "${speak[@]}" "$@" \
        --server "${server[@]}" 2>>"$tmp/errors" || echo failed)
    echo "| $label, ${words[*]} | $calls |" >>"$tmp/exact"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { printf "%.1f (%.1f-%.1f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

field() {
    sed -n "s/.*\"$1\":\\([0-9.]*\\).*/\\1/p"
}

# One member; of two senders one is with his worker, one with the other: 2000 messages with pauses.
# On any CPU, as it is in life.
across() {
    wanted across || return 0
    say across
    local i
    ours 2
    "${server[@]:1}" >/dev/null 2>&1 &
    running=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
    for i in 1 2 3 4 5; do
        "$load" "${speak[@]}" --members 1 --senders 2 --messages 2000 --pause 1000 127.0.0.1 \
            "${server[0]}"
    done >"$tmp/latency"
    kill "$running"
    wait "$running" || true
    running=
    for i in within_p50_us across_p50_us within_p99_us across_p99_us; do
        echo "| ${i%_us} | $(field $i <"$tmp/latency" | median) | |" | tr _ ' '
    done >>"$tmp/across"
    paste <(field across_p99_us <"$tmp/latency") <(field within_p99_us <"$tmp/latency") |
        awk '{ print $1 - $2 }' | median >"$tmp/more"
    echo "| p99 across, more than within | $(cat "$tmp/more") | <= 150 |" >>"$tmp/across"
}

for members in 100 1000; do
    messages=$((60000 / members))
    rows "1 at a time, $members members" epoll "<= 1.10" \
        --members "$members" --messages "$messages" -- \
        redis "<= 0.90" mosquitto "<= 0.85" ngircd "<= 0.80" nats "<= 0.70"
done
for members in 100 1000; do
    messages=$((640000 / members))
    rows "64 ahead, $members members" batch "<= 1.25" \
        --ahead 64 --members "$members" --messages "$messages" -- \
        redis "<= 0.60" mosquitto "" ngircd "<= 0.20" nats "<= 0.60"
done
if [ "${CHAT_OURS:-}" != limit ]; then
    for members in 100 1000; do
        ours 2 && as_a && ours
        row "<= 1.25" "2 workers, 1 at a time, $members members, vs 1 worker" \
            --members "$members" --messages $((60000 / members))
        row "<= 1.25" "2 workers, 64 ahead, $members members, vs 1 worker" \
            --members "$members" --ahead 64 --messages $((640000 / members))
        row "same order" "2 workers, 2 senders, 64 ahead, $members members, vs 1 worker" \
            --members "$members" --senders 2 --ahead 64 --messages $((640000 / members))
    done
    members=100 log_messages=true
    ours && as_a
    log_messages=false
    ours
    row "" "messages in the log, 1 at a time, 100 members, vs without" --members 100 --messages 600
    row "" "messages in the log, 64 ahead, 100 members, vs without" --members 100 --ahead 64 \
        --messages 6400
    for x in ours "ours 2" "limit epoll" "limit batch" "peer redis" "peer mosquitto" \
        "peer ngircd" "peer nats"; do
        exact "1 at a time" "$x" --members 100 --messages 100
        exact "64 ahead" "$x" --members 100 --messages 640 --ahead 64
    done
    across
fi

[ ! -s "$tmp/errors" ] || sed 's/^/bench: /' "$tmp/errors" >&2
if [ -n "$only" ]; then
    cat "$tmp/rows" "$tmp/exact" "$tmp/across"
    exit 0
fi
{
    echo "## Chat: 1 sender, texts of 64 bytes, loopback"
    echo
    echo "commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d), by \`tests/bench/run_chat.sh $build $pairs\`; servers on CPU 0, loads on CPU 1 (counts: both on CPU 0); ours in line mode, one event worker, \`flood_rate = \"unlimited\"\`, \`log_messages = false\`. A delivery is one message that came to one member, in order and checked."
    [ "${CHAT_OURS:-}" != limit ] || echo "**The minimal broadcasters against themselves: this is the harness alone.**"
    echo
    echo "| A vs B | A CPU s / 10^6 | B CPU s / 10^6 | A/B CPU | A/B p99 | A k/s | B k/s | pairs | must reach (CPU) |"
    echo "| --- | --: | --: | --- | --- | --: | --: | --: | --- |"
    cat "$tmp/rows"
    echo
    echo "Counted, a delivery to one of 100 members:"
    echo
    echo "| load, server | system calls |"
    echo "| --- | --- |"
    cat "$tmp/exact"
    echo
    echo "From saying to hearing, idle, 2 workers on any CPU, us; 5 times 2000 messages, median (least-most):"
    echo
    echo "| what | us | must reach |"
    echo "| --- | --- | --- |"
    cat "$tmp/across"
    echo
    echo "Pairs (A/B, CPU s / 10^6):"
    echo
    cat "$tmp/pairs"
    echo
} >"$tmp/section"
tests/bench/put_section.sh "Chat" "Soak|All pairs" <"$tmp/section"
say "written to $results"
