#!/bin/sh
# Put preforkd into a system, and take it away again; "make install" and "make uninstall" call this.
#
#   install.sh install|uninstall BUILD        environment: DESTDIR PREFIX SYSCONFDIR
#
# One list for both ways: what installed() names is put there by the one and removed by the other.
# Configuration is the administrator's: a file that is there already is never touched, and what was
# changed is not removed.
set -eu

verb=$1 build=$2
: "${DESTDIR:=}" "${PREFIX:=/usr/local}" "${SYSCONFDIR:=/etc}"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# What is not built here may have been there when it was installed.
is_there() {
    [ "$verb" = uninstall ] || [ -s "$1" ]
}

# MODE SOURCE TARGET, one a line
installed() {
    for program in prefork prefork-mpi prefork-chat; do
        ! is_there "$build/$program" || echo "755 $build/$program $PREFIX/bin/$program"
    done
    echo "755 $build/preforkd $PREFIX/sbin/preforkd"
    for page in man/*.[1-8]; do
        echo "644 $page $PREFIX/share/man/man${page##*.}/${page##*/}"
    done
    for unit in preforkd.service preforkd.socket; do
        echo "644 $made/$unit $PREFIX/lib/systemd/system/$unit"
    done
    echo "644 etc/sysusers.d/preforkd.conf $PREFIX/lib/sysusers.d/preforkd.conf"
    echo "644 etc/tmpfiles.d/preforkd.conf $PREFIX/lib/tmpfiles.d/preforkd.conf"
    echo "644 etc/systemd/preforkd.service.d/limits.conf $PREFIX/share/doc/preforkd/examples/limits.conf"
    ! is_there "$made/completion" ||
        echo "644 $made/completion $PREFIX/share/bash-completion/completions/prefork"
}

# What belongs to the administrator once it is there.
configured() {
    echo "644 etc/preforkd.conf $SYSCONFDIR/preforkd/preforkd.conf"
    for file in etc/services.d/*.conf; do
        echo "644 $file $SYSCONFDIR/preforkd/services.d/${file##*/}"
    done
    for file in etc/jobs.d/*.conf; do
        echo "644 $file $SYSCONFDIR/preforkd/jobs.d/${file##*/}"
    done
    echo "644 $made/logrotate $SYSCONFDIR/logrotate.d/preforkd"
}

# Files that name the programs by their whole path, with the one they will have.
make_files() {
    for unit in preforkd.service preforkd.socket; do
        sed -e "s|/usr/sbin/preforkd|$PREFIX/sbin/preforkd|g" \
            -e "s|/usr/bin/prefork|$PREFIX/bin/prefork|g" "etc/systemd/$unit" >"$made/$unit"
    done
    sed "s|/usr/bin/prefork|$PREFIX/bin/prefork|g" etc/logrotate.d/preforkd >"$made/logrotate"
    "$build/prefork" completion bash >"$made/completion" 2>/dev/null ||
        cp etc/completion/prefork.bash "$made/completion" 2>/dev/null || rm -f "$made/completion"
}

# Folders that nobody but us has anything in.
folders() {
    echo "$PREFIX/share/doc/preforkd/examples" "$PREFIX/share/doc/preforkd"
    echo "$SYSCONFDIR/preforkd/services.d" "$SYSCONFDIR/preforkd/jobs.d" "$SYSCONFDIR/preforkd"
}

put() {
    while read -r mode source target; do
        install -D -m "$mode" "$source" "$DESTDIR$target"
    done
}

put_missing() {
    while read -r mode source target; do
        if [ ! -e "$DESTDIR$target" ]; then
            install -D -m "$mode" "$source" "$DESTDIR$target"
        elif ! cmp -s "$source" "$DESTDIR$target"; then
            echo "$DESTDIR$target: was changed, stays"
        fi
    done
}

take_away() {
    while read -r _ _ target; do rm -f "$DESTDIR$target"; done
}

take_unchanged() {
    while read -r _ source target; do
        [ -e "$DESTDIR$target" ] || continue
        if cmp -s "$source" "$DESTDIR$target"; then
            rm -f "$DESTDIR$target"
        else
            echo "$DESTDIR$target: was changed, stays"
        fi
    done
}

make_files
case $verb in
install)
    installed | put
    configured | put_missing
    ;;
uninstall)
    installed | take_away
    configured | take_unchanged
    for folder in $(folders); do
        rmdir "$DESTDIR$folder" 2>/dev/null || true
    done
    ;;
*)
    sed -n '2,9p' "$0" >&2
    exit 2
    ;;
esac
