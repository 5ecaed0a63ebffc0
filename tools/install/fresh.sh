#!/bin/bash
# npm run test:fresh: proves the two commands of the README's "Develop" (npm ci, npm test) in an empty root file system of this
# machine's Debian release, as a stranger's machine has it. Takes root, Debian's packages (debootstrap) and the package
# registries; no container engine. Arguments go to `npm test` (`-- --lane unit`).
#
#   FRESH_KEEP=1   leaves the root file system for a look; its path is printed
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "test:fresh takes root: it makes a root file system and mounts into it" >&2; exit 1; }
. /etc/os-release
[ "${ID:-}" = debian ] || { echo "test:fresh runs on Debian; this is ${PRETTY_NAME:-unknown}" >&2; exit 1; }

# What the README asks for, beside Node and npm and a Java from 21 up.
PREREQUISITES=libatomic1

started=$(date +%s)
say() { printf '%5s s  %s\n' "$(($(date +%s) - started))" "$*"; }

# Everything runs in namespaces of its own: what was mounted and what still runs ends with this script.
if [ "${1:-}" != --inside ]; then
  command -v debootstrap >/dev/null || {
    say "installing debootstrap"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  }
  base=/var/cache/linefeed/debootstrap-$VERSION_CODENAME
  if [ ! -e "$base.tar" ]; then
    say "debootstrap $VERSION_CODENAME, once"
    rm -rf "$base"; mkdir -p "$base"
    debootstrap --variant=minbase "$VERSION_CODENAME" "$base" >"$base.log" 2>&1 || { tail -20 "$base.log" >&2; exit 1; }
    tar -C "$base" -cf "$base.part" . && mv "$base.part" "$base.tar"
    rm -rf "$base"
  fi
  root=$(mktemp -d /var/cache/linefeed/fresh-XXXXXX)
  say "root file system: $root"
  cleanup() { [ -n "${FRESH_KEEP:-}" ] || rm -rf --one-file-system "$root"; }
  trap cleanup EXIT
  tar -C "$root" -xf "$base.tar"
  unshare --mount --pid --fork --kill-child --propagation private "$0" --inside "$root" "$started" "$@"
  exit
fi

root=$2 started=$3; shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/dev/shm"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# How this machine reaches Debian's packages and whom it trusts is not part of what is proven.
for path in /etc/apt/sources.list.d/debian.sources /usr/local/share/ca-certificates /etc/ssl/certs; do
  [ -e "$path" ] || continue
  mkdir -p "$root$(dirname "$path")"
  cp -a "$path" "$root$(dirname "$path")/"
done
[ ! -e "$root/etc/apt/sources.list.d/debian.sources" ] || rm -f "$root/etc/apt/sources.list"

# Node and npm: those of this machine. Debian 12 has Node 18, and the README asks for 20.
node=$(type -ap node | grep -v "^$checkout/" | grep -v '/node_modules/' | head -1)
npm=$(readlink -f "$(dirname "$(readlink -f "$(type -ap npm | grep -v "^$checkout/" | head -1)")")/..")
# Debian 12 has no Java from 21 up either.
for java in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
  version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$java/release" 2>/dev/null || true)
  [ "${version:-0}" -ge 21 ] || continue
  mkdir -p "$root/usr/lib/jvm/host"
  mount --bind "$java" "$root/usr/lib/jvm/host"
  break
done
install -m 755 "$(readlink -f "$node")" "$root/usr/local/bin/node"
mkdir -p "$root/usr/local/lib/node_modules"
cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
mkdir -p "$root/root/linefeed"
git -C "$checkout" archive HEAD | tar -C "$root/root/linefeed" -x

inside() {
  chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    $(env | grep -iE '^(https?_proxy|no_proxy|pip_index_url|pip_cert|ssl_cert_file|node_extra_ca_certs)=' || true) \
    sh -c "cd /root/linefeed && $1"
}
say "apt-get install $PREREQUISITES, which the README asks for"
inside "apt-get update -qq && apt-get install -y -qq --no-install-recommends $PREREQUISITES >/dev/null"
say "node $(inside 'node --version'), npm $(inside 'npm --version')"
say "npm ci"
inside 'npm ci --no-audit --no-fund'
say "npm test $*"
code=0
inside "npm test -- $*" || code=$?
say "npm test ended with $code"
exit "$code"
