#!/bin/sh
# Brings the Chromium that tests and benchmarks of the page drive. Does nothing when there is one.
set -eu
if [ -x "${LINEFEED_CHROMIUM:-/usr/bin/chromium}" ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "No apt-get here: install Chromium yourself and set LINEFEED_CHROMIUM to its path" >&2
  exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then sudo="sudo"; fi
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
