#!/bin/sh
# Who may include whom:
#   shared/                  shared/
#   workers/                 workers/, shared/; a room never another room
#   supervisor/              supervisor/, shared/, and of workers/ the contracts alone
#   supervisor/cli/          supervisor/cli/, supervisor/job/, shared/, the contract service.h; cmds.c
#                            also a room's *_cmd.h
#   a room's *_cmd.c         its own room, shared/
#   tests/                   anything
set -eu

contracts='workers/(worker|job_worker|job_text|services/service|kernels/kernel)\.h'
bad=$(grep -rn '^#include "' shared supervisor workers --include='*.[ch]' |
    awk -v contracts="^$contracts\$" '
    {
        split($0, part, ":")
        file = part[1]
        match($0, /"[^"]*"/)
        header = substr($0, RSTART + 1, RLENGTH - 2)
        ok = 0
        room = file; sub(/\/[^\/]*$/, "/", room)
        is_room = room ~ /^workers\/(kernels|services)\/[^\/]+\/$/
        if (header ~ /^shared\//) ok = 1
        else if (file ~ /^shared\//) ok = 0
        else if (file ~ /_cmd\.c$/) ok = index(header, room) == 1
        else if (is_room) ok = index(header, room) == 1 ||
            (header ~ /^workers\// && header !~ /^workers\/(kernels|services)\/[^\/]+\//)
        else if (file ~ /^workers\//) {
            ok = header ~ /^workers\//
            # only the table of a family knows its rooms
            if (header ~ /^workers\/(kernels|services)\/[^\/]+\// && file !~ /\/(kernels|services)\.c$/) ok = 0
        }
        else if (file ~ /^supervisor\/cli\//)
            ok = header ~ /^supervisor\/(cli|job)\// ||
                header == "workers/services/service.h" ||
                (file ~ /\/cmds\.c$/ && header ~ /_cmd\.h$/)
        else if (file ~ /^supervisor\//) ok = header ~ /^supervisor\// || header ~ contracts
        if (!ok) print file ":" part[2] ": must not include " header
    }')
# Own header first.
own=$(find shared supervisor workers -name '*.c' | while read -r file; do
    header=${file%.c}.h
    [ -f "$header" ] || continue
    first=$(sed -n 's/^#include "\(.*\)"/\1/p' "$file" | head -n 1)
    [ "$first" = "$header" ] || echo "$file: its own header does not come first"
done)
if [ -n "$bad$own" ]; then
    printf '%s\n' "$bad" "$own" | grep .
    exit 1
fi
echo "layers: ok"
