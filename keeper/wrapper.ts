/**
 * The shell between the keeper and a command. It outlives the keeper, so that a killed keeper breaks no pipe and loses
 * no exit code. Builtins only: a fork costs more than all of this.
 */

import type { Exited } from './frames.ts';

/** Files of an execution's folder that are FIFOs. */
export const FIFO = { stdout: 'out', stderr: 'err', control: 'ctl', confirm: 'ack' } as const;

/**
 * `$0` is the folder: it makes the process recognizable whatever happens to pids. `$1` is the claim: whoever makes that
 * file starts the command, this shell or a keeper that finds no claim, never both. `$2` is `merge` or `split`.
 *
 * A FIFO is opened for both directions first, so that nothing blocks. The read ends (5, 7) are held and never read: the
 * command is not ended by SIGPIPE while no keeper lives. The command gets write ends only. The shell's own words, such
 * as `Killed`, go to the control FIFO (9), and stay there until a keeper reads them. A keeper that may have lost the end
 * asks for it again; `done` says that it is on disk.
 */
const WRAPPER = [
  'trap : TERM INT HUP QUIT USR1 USR2',
  'uptime() { up=; [ ! -r /proc/uptime ] || read -r up _ </proc/uptime; }',
  'uptime; set -C; echo "$$ $up" 2>/dev/null >"$1" || [ ! -s "$1" ] || exit 0; set +C',
  'exec 9<>"$0/ctl" 8<>"$0/ack" 4<>"$0/out" 5<"$0/out" 4>&- || exit 0',
  '[ "$2" = merge ] || exec 4<>"$0/err" 7<"$0/err" 4>&- || exit 0',
  'exec >&9 2>&9; echo "started $$ $up"',
  'if [ "$2" = merge ]; then shift 2; (exec "$@" >"$0/out" 2>&1 5<&- 8>&- 9>&-)',
  'else shift 2; (exec "$@" >"$0/out" 2>"$0/err" 5<&- 7<&- 8>&- 9>&-); fi',
  'code=$?; uptime; word=',
  'until [ "$word" = done ]; do echo; echo "exited $code $up"; [ -e "$0/ack" ] || break; read -r word <&8 || :; done',
].join('\n');

/** Arguments of `/bin/sh`. */
export function wrapperArguments(options: {
  folder: string;
  claim: string;
  merge: boolean;
  command: readonly string[];
}): string[] {
  return [
    '-c',
    WRAPPER,
    options.folder,
    options.claim,
    options.merge ? 'merge' : 'split',
    ...options.command,
  ];
}

/** What the wrapper says on the control FIFO: its own lines, and the shell's words about a signal before `exited`. */
interface WrapperWords {
  started?: { pid: number; uptimeS?: number };
  exited?: { code: number; uptimeS?: number; bySignal: boolean };
}

function uptimeOf(text: string | undefined): { uptimeS?: number } {
  return text ? { uptimeS: Number(text) } : {};
}

/** Reads what the wrapper has said so far. An unfinished last line is left out. */
export function parseWrapper(text: string): WrapperWords {
  const words: WrapperWords = {};
  let said = false;
  for (const line of text.split('\n').slice(0, -1)) {
    const started = /^started (\d+)(?: ([\d.]+))?/.exec(line);
    const exited = /^exited (\d+)(?: ([\d.]+))?/.exec(line);
    if (started) words.started = { pid: Number(started[1]), ...uptimeOf(started[2]) };
    else if (exited) words.exited ??= { code: Number(exited[1]), ...uptimeOf(exited[2]), bySignal: said };
    else if (line.trim() !== '') said = true;
  }
  return words;
}

/** What the wrapper says of the end, as a frame says it. */
export function exitedOf({ code, uptimeS, bySignal }: NonNullable<WrapperWords['exited']>): Exited {
  return {
    code,
    ...(bySignal && code > 128 ? { signal: code - 128 } : {}),
    ...(uptimeS === undefined ? {} : { uptimeS }),
  };
}
