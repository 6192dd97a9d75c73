#!/bin/bash
# Make a bare Debian root by debootstrap, and run commands in it, chrooted, as on a fresh machine.
#
#   bare-root.sh [-k] [-t TARBALL] [-c FILE]... ROOT COMMAND...
#
#   ROOT     a folder that does not exist yet, or one this script made before (then it is reused)
#   COMMAND  each is one line for sh -e, run in /src, one after the other until one fails
#   -c       copy this file to /src
#   -k       keep ROOT (the default removes it at the end)
#   -t       keep the bare root as this tarball, and start from it when it is there
#
# Mirror and suite are those of this machine's apt. The commands run in mount, PID, IPC and UTS
# namespaces of their own; the network is this machine's, since apt needs it. Exit 75: no root.
set -euo pipefail

keep=no tarball='' files=()
while getopts kt:c: option; do
    case $option in
    k) keep=yes ;;
    t) tarball=$OPTARG ;;
    c) files+=("$OPTARG") ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { sed -n '2,13p' "$0" >&2; exit 2; }
root=$1
shift
[ "$(id -u)" = 0 ] || { echo 'bare-root: needs root' >&2; exit 75; }
case $root in /?*) ;; *) root=$PWD/$root ;; esac
stamp=$root/.bare-root

make_root() {
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v s="$suite" '$2 == s { print $1; exit }')
    [ -n "$mirror" ] || { echo "bare-root: no apt source for $suite: apt-get update first" >&2; exit 75; }
    log=$(mktemp)
    debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --include=ca-certificates "$suite" "$root" "$mirror" >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; rm -f "$log"; exit 75; }
    rm -f "$log" "$root/etc/apt/sources.list"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ ! -s "$file" ] || install -Dm644 "$file" "$root$file"
    done
}

if [ -e "$root" ] && [ ! -e "$stamp" ]; then
    echo "bare-root: $root is there and was not made by this script" >&2
    exit 75
fi
if [ ! -e "$stamp" ]; then
    mkdir -p "$root"
    if [ -n "$tarball" ] && [ -s "$tarball" ]; then
        tar -C "$root" --numeric-owner -xpf "$tarball"
    else
        make_root
        [ -z "$tarball" ] ||
            { tar -C "$root" --numeric-owner -cpf "$tarball.new" . && mv "$tarball.new" "$tarball"; }
    fi
    : >"$stamp"
fi
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
mkdir -p "$root/src"
for file in "${files[@]}"; do cp "$file" "$root/src/"; done

rc=0
for command in "$@"; do
    # shellcheck disable=SC2016
    unshare --mount --pid --ipc --uts --fork --kill-child --propagation private \
        sh -ec 'root=$1 command=$2
            mount -t proc proc "$root/proc"
            mount --rbind /dev "$root/dev"
            mount -t sysfs -o ro sysfs "$root/sys"
            mount -t tmpfs tmpfs "$root/run"
            exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
                DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                sh -ec "cd /src; $command"' sh "$root" "$command" </dev/null || rc=$?
    [ "$rc" = 0 ] || break
done
[ "$keep" = yes ] || rm -rf --one-file-system "$root"
exit "$rc"
