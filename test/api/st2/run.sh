#!/usr/bin/env bash
# Copied from ../shared/st2-conformance/run.sh of the project, so that a checkout without it can run the same checks.
# Drives the real StackStorm command-line client (`st2`, PyPI st2client) against a server and checks what a
# user of that client sees.  Any server that implements the executions/stream contract should pass.
#
#   st2_conformance.sh [options] BASE_URL
#
#   BASE_URL           e.g. http://127.0.0.1:8080
#   --layout plain     api, stream and auth all under BASE_URL/v1            (default)
#   --layout nginx     BASE_URL/api/v1, BASE_URL/stream/v1, BASE_URL/auth/v1 (StackStorm behind its nginx)
#   --layout ports     BASE_URL:9101/v1, BASE_URL:9102/v1, BASE_URL:9100     (StackStorm's bare services)
#   --st2 PATH         the client to use (default: $ST2_BIN, else st2 from PATH)
#   --action REF       action that takes `cmd` (default core.local)
#   --extras           also check three things StackStorm itself does not guarantee (see section X)
#   --keep             keep the scratch directory
#
# Environment: ST2_API_KEY or ST2_AUTH_TOKEN is handed to the client; ST2_API_URL / ST2_STREAM_URL / ST2_AUTH_URL
# override the layout; EXPECT_AUTH=1 adds "bad credentials are refused"; ST2_TEST_USER + ST2_TEST_PASSWORD add
# `st2 auth` and `st2 login`; GRACE (seconds, default 3) is how long commands wait before their first line, so a
# tail has time to connect; SLOW (default 30) is how long one client call may take beyond its command.
# Use a server nobody else is running commands on: `last` and the list checks look at the newest executions.
# Exit status: 0 when nothing failed.
set -u
LAYOUT=plain ACTION=core.local EXTRAS=0 KEEP=0 ST2=${ST2_BIN:-st2} BASE=
while [ $# -gt 0 ]; do
  case $1 in
    --layout) LAYOUT=$2; shift 2;; --st2) ST2=$2; shift 2;; --action) ACTION=$2; shift 2;;
    --extras) EXTRAS=1; shift;; --keep) KEEP=1; shift;;
    -h|--help) awk 'NR>1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit 0;;
    -*) echo "unknown option $1" >&2; exit 2;; *) BASE=${1%/}; shift;;
  esac
done
[ -n "$BASE" ] || { echo "usage: $0 [options] BASE_URL" >&2; exit 2; }
command -v "$ST2" >/dev/null || { echo "no st2 client at '$ST2' (pip install st2client==3.9.0)" >&2; exit 2; }
command -v python3 >/dev/null || { echo "python3 is needed" >&2; exit 2; }
case $LAYOUT in
  plain) a=$BASE/v1 s=$BASE/v1 u=$BASE/v1;;
  nginx) a=$BASE/api/v1 s=$BASE/stream/v1 u=$BASE/auth/v1;;
  ports) a=$BASE:9101/v1 s=$BASE:9102/v1 u=$BASE:9100;;
  *) echo "unknown layout $LAYOUT" >&2; exit 2;;
esac
export ST2_BASE_URL=$BASE ST2_API_URL=${ST2_API_URL:-$a} ST2_STREAM_URL=${ST2_STREAM_URL:-$s} ST2_AUTH_URL=${ST2_AUTH_URL:-$u}
GRACE=${GRACE:-3} SLOW=${SLOW:-30}
W=$(mktemp -d "${TMPDIR:-/tmp}/st2conf.XXXXXX")
KIDS=()
bye() { local p; for p in ${KIDS[@]+"${KIDS[@]}"}; do kill "$p" 2>/dev/null; done; [ $KEEP = 1 ] && echo "scratch: $W" || rm -rf "$W"; }
trap bye EXIT
# A private HOME keeps the user's ~/.st2 out of it.  The client never flushes while it tails, so a pipe only sees
# lines as they come when Python is unbuffered.
export HOME=$W/home PYTHONUNBUFFERED=1 PYTHONIOENCODING=utf-8 LC_ALL=C.UTF-8 TERM=dumb ST2_COLORIZE=off NO_PROXY='*' no_proxy='*'
unset ST2_CONFIG_FILE ST2_CLI_SKIP_CONFIG
mkdir -p "$HOME"

PASS=0 FAIL=0
ok()  { PASS=$((PASS+1)); echo "ok    $1"; }
bad() { FAIL=$((FAIL+1)); echo "FAIL  $1"; [ -n "${2:-}" ] && printf '%s\n' "$2" | head -n "${3:-6}" | sed 's/^/        /'; return 0; }
is()  { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "wanted: $3
got:    $2"; fi; }
has() { if grep -qF -- "$3" "$2"; then ok "$1"; else bad "$1" "no '$3' in:
$(tail -n 5 "$2")"; fi; }
hasnt() { if grep -qF -- "$3" "$2"; then bad "$1" "unexpected '$3' in:
$(grep -F -- "$3" "$2" | head -3)"; else ok "$1"; fi; }

# c NAME SECONDS args...   runs the client; output in $W/NAME, exit status in RC
c() { local n=$1 t=$2; shift 2; timeout $((t+SLOW)) "$ST2" "$@" >"$W/$n" 2>&1 </dev/null; RC=$?; }
# later CMD  -> starts CMD without waiting and prints its execution id
later() { timeout $SLOW "$ST2" run -a "$ACTION" "$@" 2>&1 </dev/null | sed -n 's/.*execution get \([^ ]*\).*/\1/p' | head -1; }
# js FILE EXPR  evaluates a Python expression over the JSON document d found in the client's output
js() { python3 - "$W/$1" "$2" <<'PY'
import json, sys
raw = open(sys.argv[1], encoding="utf-8", errors="replace").read()
starts = [i for i in (raw.find("{"), raw.find("[")) if i >= 0]
try:
    d = json.loads(raw[min(starts):])
    print(eval(sys.argv[2]))
except Exception as e:
    print("<%s: %s>" % (type(e).__name__, e))
PY
}
STAMP='
import sys, time
o = open(sys.argv[1], "w", encoding="utf-8")
for l in iter(sys.stdin.buffer.readline, b""):
    o.write("%.3f\t%s\n" % (time.monotonic(), l.decode("utf-8", "replace").rstrip("\n"))); o.flush()
'
# watch NAME SECONDS tail-args...   tails in the background; $W/NAME gets "time<TAB>line", $W/NAME.rc the exit status
watch() { local n=$1 t=$2; shift 2
  ( timeout $((t+SLOW)) "$ST2" execution tail "$@" 2>&1 </dev/null; echo $? >"$W/$n.rc" ) | python3 -c "$STAMP" "$W/$n" & KIDS+=($!); WPID=$!; }
text() { cut -f2- "$W/$1" >"$W/$1.txt"; }
until_status() { # id wanted seconds -> last status seen
  local i st=; for i in $(seq "$3"); do c poll 0 execution get -j "$1"; st=$(js poll 'd["status"]'); [ "$st" = "$2" ] && break; sleep 1; done; echo "$st"; }

echo "# $("$ST2" --version 2>&1)  against $ST2_API_URL (stream $ST2_STREAM_URL)"
TAG=t$$x$RANDOM

# --- 1. run and wait -----------------------------------------------------------------------------------------
c run1 5 run "$ACTION" cmd="echo out-$TAG; echo err-$TAG >&2" -j
is    "run: exits 0" $RC 0
is    "run: succeeded" "$(js run1 'd["status"]')" succeeded
is    "run: result has both outputs and the exit code" "$(js run1 '(d["result"]["stdout"], d["result"]["stderr"], d["result"]["return_code"], d["result"]["succeeded"], d["result"]["failed"])')" "('out-$TAG', 'err-$TAG', 0, True, False)"
ID1=$(js run1 'd["id"]')
c run1t 5 run "$ACTION" cmd="echo human-$TAG"
has   "run: human-readable form shows the output" "$W/run1t" "human-$TAG"
has   "run: human-readable form shows the action" "$W/run1t" "action.ref: $ACTION"
c run2 5 run "$ACTION" cmd="exit 3" -j
is    "run: a failing command exits 1" $RC 1
is    "run: a failing command is failed with its code" "$(js run2 '(d["status"], d["result"]["return_code"])')" "('failed', 3)"
ID2=$(js run2 'd["id"]')
c run3 5 run "$ACTION" timeout=1 cmd="echo before-$TAG; sleep 30" -j
is    "run: the timeout parameter stops a command" "$(js run3 'd["status"]')" timeout
c run4 5 run "$ACTION" env="CONF_A=alpha,CONF_B=beta" cwd=/ cmd='echo $CONF_A-$CONF_B-$(pwd)' -j
is    "run: env and cwd reach the command" "$(js run4 'd["result"]["stdout"]')" "alpha-beta-/"
c run5 5 run no_such_pack.no_such_action cmd=x
is    "run: an unknown action exits 1" $RC 1
hasnt "run: an unknown action is an error, not a crash" "$W/run5" Traceback
c run6 5 run "$ACTION"
is    "run: a missing required parameter exits 1" $RC 1
has   "run: a missing required parameter is named by the server" "$W/run6" cmd

# --- 2. tail while it runs ------------------------------------------------------------------------------------
# Lines 1 s apart, then 2 silent seconds before the command ends.
LIVE="sleep $GRACE; for i in 1 2 3 4; do echo o\$i-$TAG; echo e\$i-$TAG >&2; sleep 1; done; sleep 2"
T=$((GRACE+7))
ID=$(later cmd="$LIVE")
if [ -n "$ID" ]; then ok "run -a: prints the execution id"; else bad "run -a: prints the execution id"; fi
P=()
watch all  $T "$ID";                                  P+=($WPID)
watch last $T last;                                   P+=($WPID)
watch out  $T --type stdout "$ID";                    P+=($WPID)
watch err  $T --type stderr --include-metadata "$ID"; P+=($WPID)
for p in "${P[@]}"; do wait "$p"; done; KIDS=()
for n in all last out err; do text $n; done
is  "tail: exits 0 by itself" "$(cat "$W/all.rc")" 0
is  "tail: every stdout line, in order" "$(grep -o "o[0-9]-$TAG" "$W/all.txt" | tr '\n' ' ')" "o1-$TAG o2-$TAG o3-$TAG o4-$TAG "
is  "tail: every stderr line, in order" "$(grep -o "e[0-9]-$TAG" "$W/all.txt" | tr '\n' ' ')" "e1-$TAG e2-$TAG e3-$TAG e4-$TAG "
has "tail: says how it ended" "$W/all.txt" "Execution $ID has completed (status=succeeded)."
timing() { python3 - "$W/$1" "$2" "$TAG" <<'PY'
import sys
seen, end = {}, None
for row in open(sys.argv[1], encoding="utf-8"):
    t, _, line = row.rstrip("\n").partition("\t")
    for i in "1234":
        if sys.argv[2] + i + "-" + sys.argv[3] in line:
            seen[i] = float(t)
    if "has completed" in line:
        end = float(t)
if len(seen) < 4 or end is None:
    sys.exit("saw %d of 4 lines, end %s" % (len(seen), "seen" if end else "not seen"))
t = [seen[i] for i in "1234"]
gaps = [round(b - a, 2) for a, b in zip(t, t[1:])]
lead = round(end - t[3], 2)
msg = "gaps %s s, last line %.2f s and first line %.2f s before the end" % (gaps, lead, end - t[0])
print(msg)
sys.exit(0 if min(gaps) > 0.4 and lead > 1.0 and end - t[0] > 3.5 else "not live: " + msg)
PY
}
live() { local m; if m=$(timing "$2" "$3" 2>&1); then ok "$1 ($m)"; else bad "$1" "$m"; fi; }
live "tail: stdout lines arrive while the command runs" all o
live "tail: stderr lines arrive while the command runs" all e
live "tail last: lines arrive while the command runs" last o
has  "tail last: follows the newest execution" "$W/last.txt" "Execution $ID has completed (status=succeeded)."
live "tail --type stdout: live" out o
hasnt "tail --type stdout: no stderr" "$W/out.txt" "e1-$TAG"
hasnt "tail --type stderr: no stdout" "$W/err.txt" "o1-$TAG"
if grep -qE "^\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|\+00:00)\]\[stderr\] e4-$TAG" "$W/err.txt"; then ok "tail --include-metadata: timestamp and type"; else bad "tail --include-metadata: timestamp and type" "$(cat "$W/err.txt")"; fi

# --- 3. tail afterwards ---------------------------------------------------------------------------------------
c done1 0 execution tail "$ID"
is  "tail of a finished one: all of stdout, in order" "$(grep -o "o[0-9]-$TAG" "$W/done1" | tr '\n' ' ')" "o1-$TAG o2-$TAG o3-$TAG o4-$TAG "
has "tail of a finished one: says how it ended" "$W/done1" "has completed (status=succeeded)"
c done2 0 execution tail --type stderr "$ID"
has   "tail --type stderr of a finished one: stderr" "$W/done2" "e4-$TAG"
hasnt "tail --type stderr of a finished one: no stdout" "$W/done2" "o4-$TAG"
c done3 0 execution tail
has "tail without an id means last" "$W/done3" "Execution $ID has completed"
c done4 0 execution tail 000000000000000000000000
is    "tail of an unknown id exits 1" $RC 1
hasnt "tail of an unknown id is an error, not a crash" "$W/done4" Traceback

# --- 4. content -----------------------------------------------------------------------------------------------
ODD='printf "h\303\251llo \342\234\223 \360\237\230\200\n"; printf "tab\there \"quoted\" back\\\\slash {json: [1]}\n"; printf "\n"; printf "a\342\200\250b\n"; head -c 100000 /dev/zero | tr "\\0" x; printf "\nno newline at the end"'
ID3=$(later cmd="sleep $GRACE; $ODD; sleep 1")
watch odd $((GRACE+1)) "$ID3"; wait "$WPID"; KIDS=(); text odd
has "content: UTF-8 survives a live tail" "$W/odd.txt" "héllo ✓ 😀"
has "content: quotes, tabs and backslashes survive" "$W/odd.txt" "$(printf 'tab\there "quoted" back\\slash {json: [1]}')"
has "content: U+2028 does not break the event framing" "$W/odd.txt" "$(printf 'a\342\200\250b')"
is  "content: a 100000 character line survives" "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' "$W/odd.txt")" 100000
has "content: a last line without newline is delivered" "$W/odd.txt" "no newline at the end"
is  "content: tail ended normally" "$(cat "$W/odd.rc")" 0
ID4=$(later cmd="sleep $GRACE; seq -f 'n%g-$TAG' 1 2000")
watch many $((GRACE+5)) "$ID4"; wait "$WPID"; KIDS=(); text many
seq -f "n%g-$TAG" 1 2000 >"$W/want"; grep -E "^n[0-9]+-$TAG$" "$W/many.txt" >"$W/gotlive"
if cmp -s "$W/want" "$W/gotlive"; then ok "volume: 2000 lines arrive live, once each, in order"; else bad "volume: 2000 lines arrive live, once each, in order" "$(wc -l <"$W/gotlive") lines; $(diff "$W/want" "$W/gotlive" | head -4)"; fi
c many2 5 execution tail "$ID4"; grep -E "^n[0-9]+-$TAG$" "$W/many2" >"$W/gotlater"
if cmp -s "$W/want" "$W/gotlater"; then ok "volume: the stored output is the same 2000 lines"; else bad "volume: the stored output is the same 2000 lines" "$(wc -l <"$W/gotlater") lines; $(diff "$W/want" "$W/gotlater" | head -4)"; fi
c rtail 5 run --tail "$ACTION" cmd="sleep 2; echo rt-$TAG"
is  "run --tail: exits 0" $RC 0
has "run --tail: shows the line" "$W/rtail" "rt-$TAG"
has "run --tail: shows the end" "$W/rtail" "has completed (status=succeeded)"

# --- 5. list --------------------------------------------------------------------------------------------------
c l1 0 execution list -n 3 -j
is "list -n 3: three, the newest last" "$(js l1 'len(d), d[-1]["start_timestamp"] >= d[0]["start_timestamp"], d[1]["id"]')" "(3, True, '$ID4')"
is "list: the fields of a row" "$(js l1 'sorted(k for k in d[-1] if k in ("id","action","context","status","start_timestamp","end_timestamp")), d[-1]["action"]["ref"], bool(d[-1]["context"]["user"])')" "(['action', 'context', 'end_timestamp', 'id', 'start_timestamp', 'status'], '$ACTION', True)"
c l2 0 execution list -n 50 --status failed -j
is "list --status: only that status, with the failed run in it" "$(js l2 "all(x['status'] == 'failed' for x in d), '$ID2' in [x['id'] for x in d]")" "(True, True)"
c l3 0 execution list -n 5 --action "$ACTION" -s asc -j
is "list --action -s asc: only that action, oldest first on the wire" "$(js l3 "all(x['action']['ref'] == '$ACTION' for x in d), d[0]['start_timestamp'] >= d[-1]['start_timestamp']")" "(True, True)"
c l4 0 execution list -n 1
has "list: table form" "$W/l4" "$ACTION"
has "list: the total comes from X-Total-Count" "$W/l4" "Use -n/--last flag for more results"

# --- 6. get ---------------------------------------------------------------------------------------------------
c g1 0 execution get "$ID" -j
is "get: id, status, action, command" "$(js g1 'd["id"], d["status"], d["action"]["ref"], "o$i" in d["parameters"]["cmd"]')" "('$ID', 'succeeded', '$ACTION', True)"
is "get: the log runs from requested to succeeded" "$(js g1 '(lambda l: (l[0], l[-1], "running" in l))([x["status"] for x in d["log"]])')" "('requested', 'succeeded', True)"
is "get: ends after it starts" "$(js g1 'd["end_timestamp"] > d["start_timestamp"]')" True
c g2 0 execution get "$ID1" -k stdout
is "get -k stdout" "$(cat "$W/g2")" "out-$TAG"
c g3 0 execution get last -j
is "get last" "$(js g3 'd["status"], "rt-'"$TAG"'" in d["parameters"]["cmd"]')" "('succeeded', True)"
c g4 0 execution get "$ID1" -x
hasnt "get -x leaves the result out" "$W/g4" "return_code"
c g5 0 execution get 000000000000000000000000
is  "get of an unknown id exits 1" $RC 1
has "get of an unknown id says so" "$W/g5" "is not found"
c g6 0 execution get "$ID1" --attr status -j
is  "get --attr status" "$(js g6 'd["status"]')" succeeded
c g7 0 execution get "$ID1" -d
has "get -d shows a table" "$W/g7" "| status"

# --- 7. cancel ------------------------------------------------------------------------------------------------
ID5=$(later timeout=120 cmd="i=0; while [ \$i -lt 100 ]; do i=\$((i+1)); echo tick\$i-$TAG; sleep 1; done")
until_status "$ID5" running 15 >/dev/null
watch can 30 "$ID5"; CP=$WPID; sleep "$GRACE"
c k1 0 execution cancel "$ID5"
is  "cancel: exits 0" $RC 0
has "cancel: confirms" "$W/k1" "with id $ID5 canceled."
is  "cancel: becomes canceled" "$(until_status "$ID5" canceled 20)" canceled
wait "$CP"; KIDS=(); text can
has "cancel: ends a tail that was following" "$W/can.txt" "Execution $ID5 has completed (status=canceled)."
has "cancel: what came before is in the tail" "$W/can.txt" "-$TAG"
c k2 0 execution cancel "$ID1"
is  "cancel of a finished one exits 0" $RC 0
has "cancel of a finished one is refused in words" "$W/k2" "cannot be canceled"
c k3 0 execution get "$ID1" -j
is  "cancel of a finished one changes nothing" "$(js k3 'd["status"]')" succeeded
c k4 0 execution cancel 000000000000000000000000
hasnt "cancel of an unknown id is an error, not a crash" "$W/k4" Traceback
hasnt "cancel of an unknown id does not claim success" "$W/k4" "000000000000000000000000 canceled."

# --- 8. credentials -------------------------------------------------------------------------------------------
if [ "${EXPECT_AUTH:-0}" = 1 ]; then
  ( export ST2_API_KEY=definitely-wrong; unset ST2_AUTH_TOKEN; c b1 0 execution list -n 1; exit $RC )
  is  "auth: a wrong key is refused" $? 1
  has "auth: a wrong key is a 401 with a message" "$W/b1" "401"
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c b2 0 execution list -n 1; exit $RC )
  is  "auth: no credentials are refused" $? 1
fi
if [ -n "${ST2_TEST_USER:-}" ]; then
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c u1 0 auth "$ST2_TEST_USER" -p "${ST2_TEST_PASSWORD:-}" -t; exit $RC )
  is "auth: st2 auth gives a token" $? 0
  ( unset ST2_API_KEY; export ST2_AUTH_TOKEN; ST2_AUTH_TOKEN=$(tail -n 1 "$W/u1"); c u2 0 execution list -n 1 -j; exit $RC )
  is "auth: the token works" $? 0
  ( unset ST2_API_KEY; export ST2_AUTH_TOKEN; ST2_AUTH_TOKEN=$(tail -n 1 "$W/u1"); c u3 0 run --tail "$ACTION" cmd="sleep 2; echo tok-$TAG"; exit $RC )
  is "auth: the token works for the stream" "$? $(grep -c "^tok-$TAG" "$W/u3")" "0 1"
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c u4 0 login "$ST2_TEST_USER" -p "${ST2_TEST_PASSWORD:-}"; exit $RC )
  is "auth: st2 login" $? 0
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c u5 0 execution list -n 1 -j; exit $RC )
  is "auth: after st2 login no variable is needed" $? 0
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c u6 0 whoami; exit $RC )
  is "auth: st2 whoami" $? 0
  has "auth: st2 whoami names the user" "$W/u6" "$ST2_TEST_USER"
  ( unset ST2_API_KEY ST2_AUTH_TOKEN; c u7 0 auth "$ST2_TEST_USER" -p "wrong-${ST2_TEST_PASSWORD:-}"; exit $RC )
  is "auth: a wrong password is refused" $? 1
fi

# --- X. better than StackStorm --------------------------------------------------------------------------------
if [ $EXTRAS = 1 ]; then
  n=0; for i in 1 2 3 4 5; do c x1 0 run --tail "$ACTION" cmd=true; [ $RC = 0 ] && grep -q "has completed" "$W/x1" && n=$((n+1)); done
  is "extra: tailing a command that ends at once never hangs (5 tries)" $n 5
  ID6=$(later cmd="for i in 1 2 3 4 5 6; do echo late\$i-$TAG; sleep 1; done")
  sleep 3; watch late 5 "$ID6"; wait "$WPID"; KIDS=(); text late
  is "extra: a tail that starts late still shows the earlier lines, once" "$(grep -o "late[0-9]-$TAG" "$W/late.txt" | tr '\n' ' ')" "$(for i in 1 2 3 4 5 6; do printf 'late%s-%s ' $i "$TAG"; done)"
  c x2 0 execution tail "$ID5"; A=$(grep -c "tick" "$W/x2"); sleep 3; c x3 0 execution tail "$ID5"; B=$(grep -c "tick" "$W/x3")
  is "extra: a canceled command stops producing output" "$B" "$A"
fi

echo "$PASS passed, $FAIL failed"
[ $FAIL = 0 ]
