#!/bin/sh
# Every extern function is called <file>_<verb>: names.sh BUILD OBJECT...
# A family's files share its name: job_events.c may hold job_..., kernels.c kernels_...
set -eu

build=$1
shift
bad=$(for object in "$@"; do
    [ -f "$object" ] || continue
    stem=$(basename "$object" .o)
    [ "$stem" != main ] || continue
    family=${stem%%_*}
    nm -g --defined-only "$object" | awk -v stem="$stem" -v family="$family" \
        -v file="${object#"$build"/}" '
        $2 == "T" && $3 != stem && index($3, stem "_") != 1 && index($3, family "_") != 1 {
            print file ": " $3 " is not called " stem "_..."
        }'
done)
if [ -n "$bad" ]; then
    printf '%s\n' "$bad"
    exit 1
fi
echo "names: ok"
