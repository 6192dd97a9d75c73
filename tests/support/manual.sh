#!/bin/sh
# The lists in the manual pages come from the tables of the program.
#   manual.sh write BUILD    write them anew
#   manual.sh check BUILD    fail when a page's lists are not the program's
# A list stands between the lines  .\" list: TOPIC  and  .\" end of list
# Pages of the daemon, in sections 5 and 8, have the lists of preforkd --mdoc.
set -eu

mode=$1 build=$2
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
status=0
for page in man/*.[0-9]; do
    case $page in
    *.[58]) command="$build/preforkd --mdoc " ;;
    *) command="$build/prefork help --mdoc " ;;
    esac
    awk -v program="$command" '
        !inside { print }
        /^\.\\" list: / {
            topic = $0
            sub(/^\.\\" list: /, "", topic)
            command = program topic
            while ((command | getline line) > 0) print line
            if (close(command) != 0) exit 1
            inside = 1
        }
        /^\.\\" end of list/ { print; inside = 0 }
        END { if (inside) exit 1 }' "$page" >"$tmp"
    cmp -s "$tmp" "$page" && continue
    if [ "$mode" = write ]; then
        cat "$tmp" >"$page"
        echo "$page: written"
    else
        echo "$page: its lists are not those of the program; make man writes them" >&2
        status=1
    fi
done
exit $status
