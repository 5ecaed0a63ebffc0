/**
 * The server's end of the keeper: finds it or starts it, sends requests again after its death (each can be carried out
 * twice), and says which executions have new frames.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Found, StartAnswer } from '../../keeper/keeper.ts';
import {
  KEEPER_FILES,
  type KeeperAnswer,
  type KeeperNotice,
  type KeeperRequest,
  lineParser,
  type StartRequest,
} from '../../keeper/protocol.ts';
import { ServiceError } from '../../lib/errors.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';

/** A Unix socket's address has room for 107 bytes on Linux, 103 on macOS. */
const MAX_SOCKET_BYTES = 100;
/** A keeper that was just started listens within this, also on a busy machine. */
const START_MS = 30_000;
const RETRY_MS = 20;
/** It keeps little in memory, and any child of a server could open Node's inspector with SIGUSR1. */
const KEEPER_FLAGS = [
  '--max-semi-space-size=1',
  '--heap-growing-percent=20',
  '--disable-sigusr1',
  '--disable-warning=ExperimentalWarning',
];

type Answer = { ok: unknown } | { error: string };
/** `Omit` over a union keeps only what its members share. */
type Sent = KeeperRequest & { number: number };

export interface KeeperClient {
  /** @throws ServiceError `cannot-start` when the system refuses to start it. */
  start(request: Omit<StartRequest, 'op'>): Promise<StartAnswer>;
  /** Whether it was started. @throws ServiceError when it may have been, and cannot be found. */
  find(execution: string): Promise<Found>;
  /** Resolves when nothing of the execution runs any more, or when it cannot be ended. */
  terminate(execution: string, cause: 'canceled' | 'abandoned', graceMs: number): Promise<void>;
  discard(execution: string): Promise<void>;
  /** @returns a cancel function. */
  onWrote(execution: string, listener: () => void): () => void;
  /** Leaves the keeper and its commands running. */
  close(): void;
}

/** Where the keeper of this folder listens. */
function socketPath(home: string): string {
  const path = join(home, KEEPER_FILES.socket);
  if (Buffer.byteLength(path) <= MAX_SOCKET_BYTES) return path;
  const folder = join(tmpdir(), `linefeed-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, createHash('sha256').update(home).digest('hex').slice(0, 24));
}

/** @param home the keeper's own folder; `spool` holds the executions' folders. */
export function openKeeperClient(options: { spool: string; home: string }): KeeperClient {
  const { spool, home } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  const path = socketPath(home);
  const waiting = new Map<number, { request: Sent; settle: (answer: Answer) => void }>();
  const listeners = new Map<string, () => void>();
  let socket: Socket | undefined;
  let connecting: Promise<Socket> | undefined;
  let closed = false;
  let last = 0;

  /** @param onExit hears that it has ended: it found another keeper, or was killed before it listened. */
  function startKeeper(onExit: () => void): void {
    const log = openSync(join(home, KEEPER_FILES.log), 'a', 0o600);
    const cache = getCompileCacheDir();
    const entry = import.meta.url.endsWith('.ts') ? '../../keeper/checkout' : '../../keeper/main';
    const main = fileURLToPath(siblingModuleUrl(import.meta.url, entry));
    const child = spawn(process.execPath, [...KEEPER_FLAGS, main, spool, home, path], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        ...(cache ? { NODE_COMPILE_CACHE: dirname(cache) } : {}),
      },
    });
    closeSync(log);
    child.on('error', onExit);
    child.on('exit', onExit);
    child.unref();
  }

  function tryConnect(): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const attempt = createConnection(path);
      attempt.once('connect', () => resolve(attempt));
      attempt.once('error', () => resolve(undefined));
    });
  }

  async function connect(): Promise<Socket> {
    const deadline = performance.now() + START_MS;
    let started = false;
    while (!closed && performance.now() < deadline) {
      const found = await tryConnect();
      if (found) return use(found);
      if (!started) {
        startKeeper(() => {
          started = false;
        });
      }
      started = true;
      await sleep(RETRY_MS);
    }
    throw new ServiceError('internal', `The keeper does not start; see ${join(home, KEEPER_FILES.log)}`);
  }

  function use(found: Socket): Socket {
    socket = found;
    found.setEncoding('utf8');
    found.on('data', lineParser<KeeperAnswer | KeeperNotice>(hear) as (text: string | Buffer) => void);
    found.on('error', () => undefined);
    found.on('close', () => {
      if (socket === found) socket = undefined;
      // Also without a request that waits: what runs needs somebody who reads its output.
      if (!closed) reconnect();
    });
    for (const { request } of waiting.values()) found.write(`${JSON.stringify(request)}\n`);
    // What was written while nobody listened.
    for (const listener of listeners.values()) listener();
    return found;
  }

  function reconnect(): void {
    connecting ??= connect().finally(() => {
      connecting = undefined;
    });
    connecting.catch((error: Error) => {
      for (const { settle } of waiting.values()) settle({ error: error.message });
    });
  }

  function hear(message: KeeperAnswer | KeeperNotice): void {
    if ('wrote' in message) for (const execution of message.wrote) listeners.get(execution)?.();
    else if ('number' in message) waiting.get(message.number)?.settle(message);
  }

  function ask(request: KeeperRequest): Promise<unknown> {
    const number = ++last;
    const answer = new Promise<unknown>((resolve, reject) => {
      waiting.set(number, {
        request: { ...request, number },
        settle(result) {
          waiting.delete(number);
          if ('error' in result) reject(new ServiceError('cannot-start', `Cannot start: ${result.error}`));
          else resolve(result.ok);
        },
      });
    });
    if (socket) socket.write(`${JSON.stringify({ ...request, number })}\n`);
    else reconnect();
    return answer;
  }

  reconnect();
  return {
    start: (request) => ask({ op: 'start', ...request }) as Promise<StartAnswer>,
    find: (execution) => ask({ op: 'find', execution }) as Promise<Found>,
    async terminate(execution, cause, graceMs) {
      await ask({ op: 'terminate', execution, cause, graceMs });
    },
    async discard(execution) {
      await ask({ op: 'discard', execution });
    },
    onWrote(execution, listener) {
      listeners.set(execution, listener);
      return () => listeners.delete(execution);
    },
    close() {
      closed = true;
      socket?.destroy();
      for (const { settle } of waiting.values()) settle({ error: 'the server stops' });
    },
  };
}
