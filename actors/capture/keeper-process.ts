/** Finds the keeper of a data folder, or starts it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KEEPER_FILES } from '../../keeper/protocol.ts';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
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

/** @param home the keeper's own folder; `spool` holds the executions' folders. Both are made when they are absent. */
export interface KeeperFolders {
  spool: string;
  home: string;
}

/** Where the keeper of this folder listens. */
function socketPath(home: string): string {
  const path = join(home, KEEPER_FILES.socket);
  if (Buffer.byteLength(path) <= MAX_SOCKET_BYTES) return path;
  const folder = join(tmpdir(), `linefeed-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, createHash('sha256').update(home).digest('hex').slice(0, 24));
}

/** @param onExit hears that it has ended: it found another keeper, or was killed before it listened. */
function startKeeper({ spool, home }: KeeperFolders, socket: string, onExit: () => void): void {
  const log = openSync(join(home, KEEPER_FILES.log), 'a', 0o600);
  const cache = getCompileCacheDir();
  const entry = import.meta.url.endsWith('.ts') ? '../../keeper/checkout' : '../../keeper/main';
  const main = fileURLToPath(siblingModuleUrl(import.meta.url, entry));
  const child = spawn(process.execPath, [...KEEPER_FLAGS, main, spool, home, socket], {
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

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const attempt = createConnection(path);
    attempt.once('connect', () => resolve(attempt));
    attempt.once('error', () => resolve(undefined));
  });
}

/**
 * A connection to the keeper, which is started when none answers.
 * @throws ServiceError `internal` when it does not start, the signal's reason when aborted.
 */
export async function connectKeeper(folders: KeeperFolders, signal: AbortSignal): Promise<Socket> {
  mkdirSync(folders.home, { recursive: true, mode: 0o700 });
  mkdirSync(folders.spool, { recursive: true, mode: 0o700 });
  const path = socketPath(folders.home);
  const deadline = performance.now() + START_MS;
  let isStarted = false;
  while (performance.now() < deadline) {
    const found = await tryConnect(path);
    if (found) return found;
    signal.throwIfAborted();
    if (!isStarted) {
      isStarted = true;
      startKeeper(folders, path, () => {
        isStarted = false;
      });
    }
    await abortableSleep(RETRY_MS, signal);
  }
  const log = join(folders.home, KEEPER_FILES.log);
  throw new ServiceError('internal', `The keeper does not start; see ${log}`);
}
