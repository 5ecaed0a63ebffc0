#!/usr/bin/env bash
set -eu
quiet=no limit=
while [[ "${1-}" == --* ]]; do
  case $1 in
    --quiet) quiet=yes;;
    --limit=*) limit=${1#*=};;
  esac
  shift
done
folder=$1
IFS=, read -ra endings <<<"$2"
[ $quiet = yes ] || echo "reporting on $folder (at most $limit)" >&2
for ending in "${endings[@]}"; do
  echo "$ending $(find "$folder" -maxdepth 1 -name "*.$ending" | head -n "$limit" | wc -l)"
done
. "$(dirname "$0")/goodbye"
