/**
 * How a server speaks to its keeper: lines of JSON over a Unix socket. A request has a number and gets one answer with
 * the same number. The keeper also sends notices without a number. A keeper may be older than the server, so a change
 * that an older keeper would misread needs a new version, and the server speaks the version of the keeper's greeting.
 */
import type { TerminationCause } from './frames.ts';

export const PROTOCOL_VERSION = 1;

/** One stream to capture. Source 0 is stdout, 1 is stderr (absent when merged), then two for each remote host. */
export interface SourceSpec {
  source: number;
  /** Name of its FIFO in the execution's folder. */
  fifo: string;
}

export interface Limits {
  /** 0 means never. */
  timeoutMs: number;
  /** Between TERM and KILL. */
  graceMs: number;
  /** Of all sources together; 0 means no limit. */
  maxOutputBytes: number;
  /** End the command at the limit, instead of keeping its head and its tail. */
  endAtLimit: boolean;
}

export interface StartRequest {
  op: 'start';
  execution: string;
  command: readonly [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
}

export type KeeperRequest =
  | StartRequest
  /** Whether the command was started, which a server that has restarted does not know. Forbids a start that is late. */
  | { op: 'find'; execution: string }
  /** Ends the command and all that it started. */
  | { op: 'terminate'; execution: string; cause: TerminationCause; graceMs: number }
  /** What the command still prints is counted and dropped. Its folder may be removed. */
  | { op: 'discard'; execution: string };

export interface Numbered {
  number: number;
}

export type KeeperAnswer = { number: number; ok: unknown } | { number: number; error: string };

export type KeeperNotice =
  | { greeting: { version: number; pid: number } }
  /** New frames of these executions lie in the spool. */
  | { wrote: string[] };

/** What the server writes to `launch.json` before it asks for a start, and a later keeper reads. */
export interface LaunchFile extends Limits {
  merge: boolean;
  /** Labels of remote hosts, in order. */
  hosts: readonly string[];
  /** Claims of this execution that are known never to have run. */
  earlier: number;
  /** Of the machine's boot; absent where the system does not say. */
  boot?: string;
  /** Sealed values to mask; none of the keeper's business. */
  sealedSecrets?: string;
}

export function sourcesOf(launch: Pick<LaunchFile, 'merge' | 'hosts'>): SourceSpec[] {
  const own = launch.merge ? ['out'] : ['out', 'err'];
  return [
    ...own.map((fifo, source) => ({ source, fifo })),
    ...launch.hosts.flatMap((label, host) => [
      { source: 2 + 2 * host, fifo: `hosts/${label}.stdout` },
      { source: 3 + 2 * host, fifo: `hosts/${label}.stderr` },
    ]),
  ];
}

/** The files of an installation that the keeper owns, below the folder `keeper` of the data folder. */
export const KEEPER_FILES = { socket: 'socket', claims: 'claims', fifos: 'fifos', log: 'log' } as const;

/** Splits a stream of JSON lines. Feed it text, get values. */
export function lineParser<T>(onValue: (value: T) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) if (line !== '') onValue(JSON.parse(line) as T);
  };
}
