#!/bin/sh
# Install the Debian packages that are missing. Says nothing when all are there.
set -eu

missing=
for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "missing packages:$missing" >&2
        echo "install them as root, or install sudo" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "installing:$missing" >&2
install() {
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y \
        --no-install-recommends $missing >/dev/null
}
# The lists may be older than the archive: fetch them when the first try fails.
install 2>/dev/null || { $sudo apt-get -o DPkg::Lock::Timeout=300 update -qq && install; }
