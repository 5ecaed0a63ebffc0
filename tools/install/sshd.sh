#!/bin/sh
# Makes sure that an OpenSSH server binary is on this machine, for the tests of the remote runners. They start their own
# private sshd on a loopback port; the packaged service is not started.
set -eu
for sshd in /usr/sbin/sshd "$(command -v sshd 2>/dev/null || true)"; do
  [ -n "$sshd" ] && [ -x "$sshd" ] && { echo "$sshd"; exit 0; }
done
command -v apt-get >/dev/null || { echo "sshd is missing: install OpenSSH's server" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root='sudo -n'
# A policy file that denies starting services is honoured by Debian's package scripts.
policy=/usr/sbin/policy-rc.d
made=
if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=$policy
fi
trap '[ -z "$made" ] || rm -f "$made"' EXIT
log=$(mktemp)
if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends openssh-server openssh-client; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2; rm -f "$log"; exit 1
fi
rm -f "$log"
echo /usr/sbin/sshd
