#!/bin/sh
# Build build/deb/preforkd_VERSION_ARCH.deb with dpkg-deb alone.
#
#   build.sh BUILD VERSION
set -eu
umask 022

build=$1 version=$2
arch=$(dpkg --print-architecture)
out=$build/deb
root=$out/root
rm -rf "$root"
mkdir -p "$root/DEBIAN"
DESTDIR=$root PREFIX=/usr SYSCONFDIR=/etc etc/install.sh install "$build"

# As policy has it: stripped programs, compressed pages, a changelog.
programs=$(find "$root/usr/bin" "$root/usr/sbin" -type f)
# shellcheck disable=SC2086
strip --strip-unneeded --remove-section=.comment --remove-section=.note $programs
find "$root/usr/share/man" -type f -exec gzip -9n {} +
mkdir -p "$root/usr/share/doc/preforkd"
gzip -9nc etc/deb/changelog >"$root/usr/share/doc/preforkd/changelog.gz"
install -m 644 etc/deb/copyright "$root/usr/share/doc/preforkd/copyright"

# Which packages the programs are linked with is asked, not kept by hand.
mkdir -p "$out/shlibs/debian"
printf 'Source: preforkd\n\nPackage: preforkd\nArchitecture: any\n' >"$out/shlibs/debian/control"
paths=$(for program in $programs; do realpath "$program"; done)
# shellcheck disable=SC2086
depends=$(cd "$out/shlibs" && dpkg-shlibdeps -O --ignore-missing-info $paths 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "build.sh: dpkg-shlibdeps names no package" >&2; exit 1; }
size=$(du -k -s --apparent-size "$root" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" \
    -e "s/@DEPENDS@/$depends/" etc/deb/control >"$root/DEBIAN/control"
(cd "$root" && find etc -type f | sort | sed 's|^|/|') >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "etc/deb/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/preforkd_${version}_$arch.deb" >/dev/null
rm -rf "$root" "$out/shlibs"
echo "$out/preforkd_${version}_$arch.deb"
