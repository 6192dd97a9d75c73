#!/bin/bash
# Four kinds of clients in one room that nobody else is in: demo-chat.sh BUILD PORT UDP-PORT
# Each is a process with a pipe to type into; what each has read is shown at the end.
set -eu

prefork=$1/prefork port=$2 udp=$3
examples=$(dirname "$0")/../../etc/examples
dir=$(mktemp -d)
declare -A pid in
end() {
    [ ${#pid[@]} = 0 ] || kill "${pid[@]}" 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT

# join NAME COMMAND...: what is written to descriptor in[NAME] is what it is typed
join() {
    local name=$1 fd

    shift
    mkfifo "$dir/$name.in"
    "$@" <"$dir/$name.in" >"$dir/$name" 2>&1 &
    pid[$name]=$!
    exec {fd}>"$dir/$name.in"
    in[$name]=$fd
}

# As nc or telnet would: what is typed goes out, what comes is printed.
lines() {
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    cat <&0 >&3 &
    cat <&3
    kill $! 2>/dev/null || true
    wait $! || true
}

# until_read NAME WORDS
until_read() {
    for _ in $(seq 500); do
        ! grep -qF "$2" "$dir/$1" || return 0
        sleep 0.01
    done
    echo "$1 has not read: $2" >&2
    exit 1
}

join frames "$prefork" chat 127.0.0.1 "$port" --bot --name Frames
until_read frames '"t":"welcome"'
join lab "$examples/lab_client.py" 127.0.0.1 "$port" Lab
until_read frames '"name":"Lab"'
join lines lines
echo Lines >&"${in[lines]}"
until_read frames '"name":"Lines"'
join datagrams "$prefork" chat 127.0.0.1 "$udp" --udp --plain --name Datagrams
until_read frames '"name":"Datagrams"'
for name in lab lines datagrams frames; do
    echo "hello from $name" >&"${in[$name]}"
    for reader in lab lines datagrams frames; do
        [ $reader = $name ] || until_read $reader "hello from $name"
    done
done
for name in datagrams lines lab frames; do
    echo /quit >&"${in[$name]}"
    wait "${pid[$name]}"
    unset "pid[$name]"
done

show() {
    printf '\n%s read:\n' "$2"
    cat "$dir/$1"
}
show lab "the lab's client (Python: sendall, recv(1024))"
show lines "who speaks lines, as nc"
show datagrams "prefork chat --udp"
grep -E '"t":"(msg|ok)"' "$dir/frames" >"$dir/said"
show said "prefork chat --bot, over frames: what was said, and that its own counts"
