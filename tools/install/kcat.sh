#!/bin/sh
# Makes sure that kcat, a Kafka client that is not ours, is on this machine, for the test of the examples in docs/events.md.
set -eu
command -v kcat && exit 0
command -v apt-get >/dev/null || { echo "kcat is missing: install the package kcat" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root='sudo -n'
log=$(mktemp)
if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends kcat; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2; rm -f "$log"; exit 1
fi
rm -f "$log"
command -v kcat
