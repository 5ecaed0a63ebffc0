#!/bin/sh
for word in "$@"; do printf '[%s]\n' "$word"; done
echo "deploying from $0" >&2
