#!/bin/sh
# The first look: demo.sh BUILD
set -eu

prefork=$1/prefork

say() {
    printf '\n$ %s\n' "$*"
}

say prefork job run divisible 3 345 212 --method test --seed-format '| tail -n 3'
"$prefork" job run divisible 3 345 212 --method test --seed-format | tail -n 3
for engine in process thread event; do
    say prefork job run divisible 3 345 212 --engine $engine --quiet '| cksum'
    "$prefork" job run divisible 3 345 212 --engine $engine --quiet | cksum
done
say prefork compare job divisible 3 345 212 --method test
"$prefork" compare job divisible 3 345 212 --method test --quiet
say prefork compare job divisible 1e9 --method test --count --repeat 3
"$prefork" compare job divisible 1e9 --method test --count --repeat 3 --quiet

# The daemon: one service in each model, and a look at them.
dir=$(mktemp -d)
control=$dir/control.sock
daemon=
end() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT
mkdir "$dir/services.d" "$dir/jobs.d"
cat >"$dir/preforkd.conf" <<CONF
control : { socket = "control.sock"; };
log     : { file = "preforkd.log"; };
jobs    : { spool_dir = "jobs"; workers = 2; };
CONF
cat >"$dir/jobs.d/sheet.conf" <<CONF
kernel   = "divisible";
interval = "3345212";
run      = "every 1h";
CONF
port=50007
for model in process thread event; do
    cat >"$dir/services.d/echo-$model.conf" <<CONF
type = "echo";
listen = [ "tcp://127.0.0.1:$port" ];
port_policy = "next";
model = "$model";
pm = "static";
max_children = 2;
CONF
    port=$((port + 1))
done
cat >"$dir/services.d/chat.conf" <<CONF
type = "chat";
listen = [ "tcp://127.0.0.1:8004", "udp://127.0.0.1:8004" ];
port_policy = "next";
CONF
say cat services.d/echo-event.conf
cat "$dir/services.d/echo-event.conf"
say preforkd -f preforkd.conf
"$1/preforkd" -f "$dir/preforkd.conf"
daemon=$("$prefork" --control "$control" status --json | sed 's/.*"pid": *\([0-9]*\), *"generation.*/\1/')
port_of() { # SERVICE PROTO
    "$prefork" --control "$control" ports --json | tr '{' '\n' |
        sed -n "/\"$1\".*\"$2\"/s/.*\"port\": *\([0-9]*\).*/\1/p"
}
for model in process thread event; do
    port=$(port_of "echo-$model" tcp)
    say prefork echo 127.0.0.1 "$port" --count 1000 "   # $model"
    "$prefork" echo 127.0.0.1 "$port" --count 1000 >/dev/null
done
say cat services.d/chat.conf "   # four kinds of clients say hello in its room"
cat "$dir/services.d/chat.conf"
tests/support/demo-chat.sh "$1" "$(port_of chat tcp)" "$(port_of chat udp)"
say prefork status
"$prefork" --control "$control" status
say prefork job submit --wait divisible 3 345 212 '| tail -n 3' "   # on workers that are there already"
"$prefork" --control "$control" job submit --wait divisible 3 345 212 | tail -n 3
say prefork job submit --wait sheet '| cksum' "   # jobs.d/sheet.conf, now; by the clock each hour"
"$prefork" --control "$control" job submit --wait sheet --quiet | cksum
say prefork job list --all
"$prefork" --control "$control" job list --all
sed -i 's/max_children = 2/max_children = 3/' "$dir/services.d/echo-event.conf"
echo 'max_requests = 1000;' >>"$dir/services.d/echo-thread.conf"
say prefork reload "   # echo-event and echo-thread were edited"
"$prefork" --control "$control" reload
say prefork stop
"$prefork" --control "$control" stop
daemon=
