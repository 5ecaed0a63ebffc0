#!/bin/sh
# Makes sure that sudo is on this machine, for the test of commands that run as another user. The test brings its own
# rules and shows them to its own processes alone: nothing in /etc is changed beyond what the package itself brings.
set -eu
command -v sudo && exit 0
command -v apt-get >/dev/null || { echo "sudo is missing: install the package sudo" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "sudo is missing, and only root can install it" >&2; exit 1; }
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends sudo; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2; rm -f "$log"; exit 1
fi
rm -f "$log"
command -v sudo
