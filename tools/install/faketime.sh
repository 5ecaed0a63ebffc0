#!/bin/sh
# Makes sure that libfaketime is on this machine, for the test that sets the clock of a real server. Prints its path.
set -eu
find_library() {
  for library in /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib/faketime/libfaketimeMT.so.1; do
    [ -e "$library" ] && { echo "$library"; return 0; }
  done
  return 1
}
find_library && exit 0
command -v apt-get >/dev/null || { echo "libfaketime is missing: install the package faketime" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root='sudo -n'
log=$(mktemp)
if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends faketime; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2; rm -f "$log"; exit 1
fi
rm -f "$log"
find_library
