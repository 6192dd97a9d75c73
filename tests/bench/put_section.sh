#!/bin/sh
# put_section.sh TITLE FOLLOWERS <SECTION: put a section of RESULTS.md in place of the old one that
# begins with "## TITLE", or before the first of those that follow it (as in "Soak|All pairs").
set -eu
cd "$(dirname "$0")"

new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat >"$new.section"
trap 'rm -f "$new" "$new.section"' EXIT
awk -v section="$new.section" -v title="^## $1" -v followers="^## ($2)" '
    function put() { while ((getline line < section) > 0) print line; done = 1 }
    $0 ~ title { skip = 1; put(); next }
    /^## / { skip = 0 }
    $0 ~ followers && !done { put() }
    !skip { print }
    END { if (!done) put() }' RESULTS.md >"$new"
cat "$new" >RESULTS.md
