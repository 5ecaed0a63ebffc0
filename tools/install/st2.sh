#!/bin/sh
# Installs StackStorm's own command line (st2client 3.9.0) into a virtual environment that later runs use again, and
# prints the path of `st2`. It runs on Python 3.9 to 3.12; 3.13 lacks a module that it imports.
set -eu
version=3.9.0
home=${LINEFEED_TEST_CACHE:-$(cd "$(dirname "$0")/../.." && pwd)/.cache}/st2client-$version
if [ -x "$home/bin/st2" ] && "$home/bin/st2" --version >/dev/null 2>&1; then echo "$home/bin/st2"; exit 0; fi
python=
for candidate in python3.11 python3.12 python3.10 python3.9 python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv; sys.exit(not (3, 9) <= sys.version_info < (3, 13))' 2>/dev/null; then
    python=$candidate; break
  fi
done
[ -n "$python" ] || { echo "st2client $version needs Python 3.9 to 3.12" >&2; exit 1; }
rm -rf "$home"
mkdir -p "$home"
log=$home/install.log
if ! { "$python" -m venv "$home" && "$home/bin/python" -m pip install --quiet "st2client==$version"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2; exit 1
fi
echo "$home/bin/st2"
