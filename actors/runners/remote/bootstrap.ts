/**
 * The script for /bin/sh on the remote host: it sets the environment, the folder and the user, then runs the work. The shell
 * reads it from stdin: arguments are limited in size, and every user of the host can read them.
 */
import type { RemoteSetting, RemoteWork } from './job.ts';

/** The bootstrap's own shell runs longer commands, which cannot be one argument. */
const MAX_ARGUMENT_BYTES = 120_000;

/** Quotes any text as one word for a Bourne shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The bootstrap writes this and its process group id to stderr first. Readers of the output do not see it. */
export function pidMarker(nonce: string): string {
  return `\x1e${nonce} `;
}

const STDBUF = "u=; if command -v stdbuf >/dev/null 2>&1; then u='stdbuf -oL -eL'; fi";

/** With a password, sudo reads its first line from stdin. The words must not read stdin: when sudo does not ask, the line is still there. */
function sudo(setting: RemoteSetting, words: string): string {
  if (setting.sudoPassword === undefined) return `sudo -n -E -H -- ${words}`;
  const closed = `sh -c 'exec "$@" </dev/null' sh ${words}`;
  return `printf '%s\\n' ${quote(setting.sudoPassword)} | sudo -S -p '' -E -H -- ${closed}`;
}

function commandLines(work: RemoteWork & { kind: 'command' }): string[] {
  const lines = [`c=${quote(work.text)}`, work.unbuffer ? STDBUF : 'u='];
  if (work.sudo) {
    lines.push(
      's=sh; if command -v bash >/dev/null 2>&1; then s=bash; fi',
      sudo(work, '$u "$s" -c "$c"'),
      'exit $?',
    );
  } else if (Buffer.byteLength(work.text) > MAX_ARGUMENT_BYTES) {
    lines.push('eval "$c"', 'exit $?');
  } else {
    lines.push('s=$SHELL; [ -n "$s" ] || s=/bin/sh', 'exec $u "$s" -c "$c"');
  }
  return lines;
}

function scriptLines(work: RemoteWork & { kind: 'script' }, folder: string): string[] {
  const words = ['$u', ...(work.interpreter ? [quote(work.interpreter)] : []), quote(`${folder}/script`)];
  const run = [...words, ...work.arguments.map(quote)].join(' ');
  // The shell waits, to remove the script even without a connection. Signals to the group end the script, not the shell.
  return [
    'trap : HUP INT TERM PIPE',
    work.unbuffer ? STDBUF : 'u=',
    work.sudo ? sudo(work, run) : run,
    'c=$?',
    `rm -rf -- ${quote(folder)}`,
    'exit $c',
  ];
}

/** @param folder the folder that holds the copied script. */
export function bootstrap(work: RemoteWork, nonce: string, folder: string): string {
  const variables = Object.entries({ PYTHONUNBUFFERED: '1', ...work.env });
  const lines = [
    'exec </dev/null',
    `printf '\\036%s %s\\n' ${nonce} $$ >&2`,
    ...variables.map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(work.cwd)} || exit 1`,
    ...(work.kind === 'command' ? commandLines(work) : scriptLines(work, folder)),
  ];
  // The braces make the shell read the whole text before it runs it: the first command replaces its stdin.
  return `{\n${lines.join('\n')}\n}\n`;
}

/** A script that ends the process group and waits for its end: TERM, then KILL after `tenths` tenths of a second. */
export function killScript(pid: number, tenths: number, setting: RemoteSetting): string {
  const group = [
    `i=0; kill -s TERM -- -${pid} 2>/dev/null || kill -s TERM ${pid} 2>/dev/null`,
    `while [ $i -lt ${tenths} ] && kill -s 0 -- -${pid} 2>/dev/null; do i=$((i+1)); sleep 0.1 2>/dev/null || sleep 1; done`,
    `kill -s KILL -- -${pid} 2>/dev/null; exit 0`,
  ].join('\n');
  return setting.sudo ? `${sudo(setting, `sh -c ${quote(group)}`)}\n` : `${group}\n`;
}
