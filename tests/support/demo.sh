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
