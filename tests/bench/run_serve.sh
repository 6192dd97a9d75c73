#!/bin/bash
# Measure preforkd's echo against minimal servers and peers; the figures go into RESULTS.md, into
# the section "Services". Peers that are not installed are left out.
#
#     run_serve.sh BUILD [PAIRS]
#
# PAIRS per row, 20 by default. SERVE_ROWS=WORDS: only rows whose label matches, on stdout, and
# RESULTS.md stays. SERVE_OURS=limit: the minimal servers against themselves, which proves the
# harness: all ratios must be near 1. Servers run on CPU 0 and loads on CPU 1.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 pairs=${2:-20} only=${SERVE_ROWS:-}
bench=$build/tests/bench load=$build/tests/bench/load_echo
results=tests/bench/RESULTS.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/pairs" && : >"$tmp/rows" && : >"$tmp/exact" && : >"$tmp/memory" && : >"$tmp/respawn" && : >"$tmp/reload_rows"
port=17000 level=info
export SERVE_PIN=1

say() {
    echo "bench: $1" >&2
}

wanted() {
    [[ -z $only || $1 == *$only* ]]
}

# Each of these puts a server's words into the array "server": where it listens, and its command.

# ours MODEL CHILDREN [LINE...]: preforkd with one service echo
ours() {
    local model=$1 children=$2 folder
    shift 2
    port=$((port + 1))
    if [ "${SERVE_OURS:-}" = limit ]; then
        limit "$model" "$children"
        return
    fi
    folder=$tmp/$port
    mkdir -p "$folder/services.d"
    cat >"$folder/preforkd.conf" <<END
services_dir = "$folder/services.d";
control : { socket = "$folder/control.sock"; };
log : { file = "$folder/preforkd.log"; level = "$level"; };
process_max = 1000;
END
    cat >"$folder/services.d/echo.conf" <<END
type = "echo";
listen = [ "tcp://127.0.0.1:$port" ];
model = "$model";
pm = "static";
max_children = $children;
threads_per_child = 256;
worker_connections = 1024;
backlog = 1024;
idle_timeout = "300s";
max_spawn_rate = 1000;
END
    printf '%s\n' "$@" >>"$folder/services.d/echo.conf"
    server=("$port" "$build/preforkd" -F -f "$folder/preforkd.conf")
}

# limit MODEL CHILDREN: the minimal server of that model
limit() {
    port=$((port + 1))
    case $1 in
    event) server=("$port" "$bench/limit_echo_epoll" "$port") ;;
    thread) server=("$port" "$bench/limit_echo_thread" "$port") ;;
    process) server=("$port" "$bench/limit_echo_process" "$port" "$2") ;;
    esac
}

# peer NAME: returns 1 when it is not installed
peer() {
    port=$((port + 1))
    local built=$tmp/peer_$1 source=tests/bench/peers/echo_$1.c
    case $1 in
    Go)
        command -v go >/dev/null || return 1
        [ -x "$built" ] || go build -o "$built" tests/bench/peers/echo.go || return 1
        # As many threads as it would have unpinned: that is how it is run.
        server=("$port" env "GOMAXPROCS=$(nproc)" "$built" "$port")
        ;;
    libevent | libuv)
        pkg-config --exists "$1" || return 1
        # shellcheck disable=SC2046
        [ -x "$built" ] || cc -O2 -o "$built" "$source" $(pkg-config --cflags --libs "$1") || return 1
        server=("$port" "$built" "$port")
        ;;
    redis)
        command -v redis-server >/dev/null || return 1
        server=("$port" redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no
            --daemonize no --dir "$tmp")
        ;;
    xinetd)
        command -v xinetd >/dev/null || return 1
        printf 'defaults\n{\n}\nservice bench\n{\n type = UNLISTED\n socket_type = stream\n protocol = tcp\n bind = 127.0.0.1\n port = %s\n wait = no\n user = %s\n server = /bin/cat\n instances = UNLIMITED\n per_source = UNLIMITED\n cps = 1000000 1\n}\n' \
            $port "$(id -un)" >"$tmp/xinetd.conf"
        server=("$port" xinetd -dontfork -f "$tmp/xinetd.conf" -pidfile "$tmp/xinetd.pid")
        ;;
    esac
}

# row LIMIT LABEL LOAD_OPTIONS: a row of ours (array a) against the array server; PING asks B so
row() {
    local limit=$1 label=$2 line
    shift 2
    wanted "$label" || return 0
    say "$label"
    line=$("$bench/serve_pair" "$pairs" "$label" --load "$load" "$@" \
        ${load_b:+--load-b "$load" $load_b} --a "${a[@]}" --b "${server[@]}" 2>"$tmp/err") || {
        tail -n 3 "$tmp/err" >&2
        echo "| $label | failed | | | | | | | $limit |" >>"$tmp/rows"
        return 0
    }
    echo "${line%|}| $limit |" >>"$tmp/rows"
    printf -- '- %s: %s\n' "$label" "$(tail -n 1 "$tmp/err")" >>"$tmp/pairs"
}

# exact LIMIT LABEL MODEL CHILDREN LOAD_OPTIONS: system calls and instructions a message
exact() {
    local limit=$1 label=$2 model=$3 children=$4 x calls=() steps=() messages
    shift 4
    wanted "exact $label" || return 0
    say "exact: $label"
    for x in ours limit; do
        messages=3200
        $x "$model" "$children"
        calls+=("$("$bench/serve_exact" calls --load "$load" "$@" --messages "$messages" \
            --server "${server[@]}" 2>>"$tmp/errors" || echo failed)")
        messages=$([[ $label == connect* ]] && echo 24 || echo 640)
        $x "$model" "$children"
        steps+=("$("$bench/serve_exact" steps --load "$load" "$@" --messages "$messages" \
            --seconds 30 --server "${server[@]}" 2>>"$tmp/errors" || echo 0)")
    done
    # shellcheck disable=SC2183
    printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$label" "${calls[0]}" \
        "${calls[1]}" "${steps[0]}" "${steps[1]}" \
        "$(awk -v a="${steps[0]}" -v b="${steps[1]}" 'BEGIN { printf "%.0f", a - b }')" "$limit" \
        >>"$tmp/exact"
}

# weigh MODEL CHILDREN COLUMN MUST: PSS with 512 connections; COLUMN 3: a connection, 4: a process
weigh() {
    wanted "memory $1" || return 0
    say "memory: $1"
    local x line
    for x in ours limit; do
        $x "$1" "$2"
        line=$("$bench/serve_exact" memory --load "$load" --connections 512 --messages 20000 \
            --server "${server[@]}" 2>>"$tmp/errors") || line="failed - - -"
        # shellcheck disable=SC2086
        set -- "$1" "$2" "$3" "$4" $line
        echo "| $1, $x | $5 | $6 | $7 | $8 | $([ $x = ours ] && echo "$4") |" >>"$tmp/memory"
        set -- "$1" "$2" "$3" "$4"
    done
}

respawn() {
    wanted respawn || return 0
    say respawn
    local alone both
    alone=$("$bench/limit_respawn" 200 5)
    if [ "${SERVE_OURS:-}" = limit ]; then
        a=($((port + 1)) respawn "$bench/limit_respawn" serve $((port + 1)))
    else
        ours process 1
        a=("${server[0]}" "preforkd: echo" "${server[@]:1}")
    fi
    port=$((port + 2))
    both=$("$bench/serve_respawn" 200 5 --a "${a[@]}" --b $port respawn "$bench/limit_respawn" serve \
        $port 2>"$tmp/err") || both="failed - - - -"
    # shellcheck disable=SC2086
    set -- $both $alone
    {
        echo "| a client that connects at the kill is answered: preforkd | $1 | $2 | $5 | <= 1.7, p99 <= 2 |"
        echo "| the same: limit_respawn | $3 | $4 | 1 | |"
        echo "| kill to READY inside limit_respawn | $6 | $7 | | |"
    } >>"$tmp/respawn"
}

reload() {
    wanted reload || return 0
    [ "${SERVE_OURS:-}" != limit ] || return 0
    say reload
    local figures weight
    port=$((port + 20))
    # As it is in life: on any CPU.
    figures=$(env -u SERVE_PIN "$bench/serve_reload" times "$build/preforkd" "$build/prefork" "$tmp/reload" $port \
        2>"$tmp/err") || figures="failed - - - - - - -"
    port=$((port + 20))
    weight=$("$bench/serve_reload" weight "$build/preforkd" "$tmp/weight" $port 10000 \
        2>"$tmp/err") || weight="failed - -"
    # shellcheck disable=SC2086
    set -- $figures $weight
    {
        echo "| prefork reload, called to verdict, ms: median (longest of 40) | $1 ($2) | <= 20 |"
        echo "| the daemon's own part of it, ms: median | $3 | |"
        echo "| longest exchange of the changed service, ms: a connection that stays, new ones | $4, $5 | <= 50 |"
        echo "| p99 of another service, ms: without, with reloads, ratio | $6, $7, $8 | unchanged |"
        echo "| supervisor's PSS, 10 services and 100 workers, KB: at first, after ${11} worker lives | $9, ${10} | <= 8192, flat |"
    } >>"$tmp/reload_rows"
}

small="--messages 40000" connects="--connect --connections 16 --messages 5000"
load_b=
for n in 64 512; do
    ours event 1 && a=("${server[@]}")
    limit event 1
    # shellcheck disable=SC2086
    row "<= 1.05" "event, $n connections, vs minimal epoll" --connections $n $small
    for name in Go redis libevent libuv; do
        peer $name || continue
        must=0.90
        [[ $name == lib* ]] && must=0.75
        [ $name = redis ] && load_b="--ping --connections $n $small"
        # shellcheck disable=SC2086
        row "<= $must" "event, $n connections, vs $name" --connections $n $small
        load_b=
    done
done
for model in thread process; do
    ours $model "$([ $model = thread ] && echo 1 || echo 64)" && a=("${server[@]}")
    limit $model 64
    # shellcheck disable=SC2086
    row "<= 1.05" "$model, 64 connections, vs minimal $model" $small
done
ours event 1 && a=("${server[@]}")
limit event 1
row "<= 1.10, p99 <= 1.3" "event, 16 deep, vs minimal epoll" --depth 16 --messages 600000
row "<= 1.10, p99 <= 1.3" "event, 16 KiB, vs minimal epoll" --bytes 16384 --messages 25000
# Each connection makes two records in the log; the limit is for serving, so once without.
for level in info warn; do
    for model in event thread process; do
        children=$([ $model = process ] && echo 16 || echo 1)
        ours $model "$children" && a=("${server[@]}")
        limit $model 16
        # shellcheck disable=SC2086
        row "$([ $level = warn ] && echo "<= 1.10")" \
            "connect + echo + close, $model, log level $level, vs minimal $model" $connects
    done
done
# a is the process model still, its log at warn
if peer Go; then
    # shellcheck disable=SC2086
    row "<= 0.85" "connect + echo + close, process, vs Go" $connects
fi
if peer xinetd; then
    load_b="--connect --connections 16 --messages 150"
    # shellcheck disable=SC2086
    row "<= 0.033" "connect + echo + close, process, vs xinetd fork + exec" $connects
    load_b=
fi
exact "the same calls, + <= 300" "event, 64 connections" event 1 --rounds
exact "the same calls, + <= 300" "event, 512 connections" event 1 --rounds --connections 512
exact "the same calls, + <= 300" "event, 16 deep" event 1 --rounds --depth 16
exact "the same calls" "thread, 64 connections" thread 1 --rounds
exact "the same calls" "process, 64 connections" process 64 --rounds
level=info
exact "" "connect, event, log level info" event 1 --connect --connections 4
level=warn
exact "" "connect, event" event 1 --connect --connections 16
exact "" "connect, thread" thread 1 --connect --connections 16
exact "" "connect, process" process 16 --connect --connections 16
level=info
weigh event 1 3 "<= 2 a connection"
weigh thread 2 3 "<= 16 a connection"
weigh process 512 4 "<= 60 a process"
respawn
reload

[ ! -s "$tmp/errors" ] || sed 's/^/bench: /' "$tmp/errors" >&2
if [ -n "$only" ]; then
    cat "$tmp/rows" "$tmp/exact" "$tmp/memory" "$tmp/respawn" "$tmp/reload_rows"
    exit 0
fi
{
    echo "## Services: echo, 64-byte messages, loopback"
    echo
    echo "commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d); servers on CPU 0, loads on CPU 1 (counts: both on CPU 0)"
    [ "${SERVE_OURS:-}" != limit ] || echo "**The minimal servers against themselves: this is the harness alone.**"
    echo
    echo "| A vs B | A CPU s / 10^6 | B CPU s / 10^6 | A/B CPU | A/B p99 | A k/s | B k/s | pairs | must reach (CPU) |"
    echo "| --- | --: | --: | --- | --- | --: | --: | --: | --- |"
    cat "$tmp/rows"
    echo
    echo "Counted, a message (or a connection): A is preforkd, B the minimal server of the model."
    echo
    echo "| load | A system calls | B system calls | A instr. | B instr. | more | must reach |"
    echo "| --- | --- | --- | --: | --: | --: | --- |"
    cat "$tmp/exact"
    echo
    echo "Memory, PSS of all the server's processes in KB:"
    echo
    echo "| server | 0 connections | 512 connections | more, a connection | in all, a process | must reach |"
    echo "| --- | --: | --: | --: | --: | --- |"
    cat "$tmp/memory"
    echo
    echo "A worker killed by kill -9, 200 times, ms:"
    echo
    echo "| until | median | p99 | ratio | must reach |"
    echo "| --- | --: | --: | --: | --- |"
    cat "$tmp/respawn"
    echo
    echo "Reload of one service among ten, a pool of 4, under load:"
    echo
    echo "| what | measured | must reach |"
    echo "| --- | --: | --- |"
    cat "$tmp/reload_rows"
    echo
    echo "Pairs (A/B, CPU s / 10^6):"
    echo
    cat "$tmp/pairs"
    echo
} >"$tmp/section"
tests/bench/put_section.sh "Services" "Chat|Soak|All pairs" <"$tmp/section"
say "written to $results"
