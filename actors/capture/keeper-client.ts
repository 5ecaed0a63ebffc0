/**
 * The server's end of the keeper: sends requests again after the keeper's death (each can be carried out twice), and
 * tells which executions have new frames.
 */
import type { Socket } from 'node:net';
import type { Found, StartAnswer } from '../../keeper/keeper.ts';
import {
  type KeeperAnswer,
  type KeeperNotice,
  type KeeperRequest,
  lineParser,
  type StartRequest,
} from '../../keeper/protocol.ts';
import { ServiceError } from '../../lib/errors.ts';
import { connectKeeper, type KeeperFolders } from './keeper-process.ts';

type Result = { ok: unknown } | { error: string };

interface Waiting {
  line: string;
  settle(result: Result): void;
}

export interface KeeperClient {
  /** @throws ServiceError `cannot-start` when the system refuses to start it. */
  start(request: Omit<StartRequest, 'op'>): Promise<StartAnswer>;
  /** Whether it was started. @throws ServiceError `cannot-start` when it may have been, and cannot be found. */
  find(execution: string): Promise<Found>;
  /** Resolves when nothing of the execution runs any more, or when it cannot be ended. */
  terminate(execution: string, cause: 'canceled' | 'abandoned', graceMs: number): Promise<void>;
  /** What the command still prints is dropped. Its folder may be removed. */
  discard(execution: string): Promise<void>;
  /** @returns a cancel function. */
  onWrote(execution: string, listener: () => void): () => void;
  /** Leaves the keeper and its commands running. */
  close(): void;
}

/** Starts the keeper at once, so that the first execution does not wait for it. */
export function openKeeperClient(folders: KeeperFolders): KeeperClient {
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, () => void>();
  const closing = new AbortController();
  let socket: Socket | undefined;
  let isConnecting = false;
  let last = 0;

  function use(found: Socket): void {
    socket = found;
    found.setEncoding('utf8');
    found.on('data', lineParser<KeeperAnswer | KeeperNotice>(hear) as (text: string | Buffer) => void);
    found.on('error', () => undefined);
    found.on('close', () => {
      if (socket === found) socket = undefined;
      // Also when no request waits: what runs needs a keeper that reads its output.
      void connect();
    });
    for (const { line } of waiting.values()) found.write(line);
    // What was written while nobody listened.
    for (const listener of listeners.values()) listener();
  }

  async function connect(): Promise<void> {
    if (isConnecting || closing.signal.aborted) return;
    isConnecting = true;
    const found = await connectKeeper(folders, closing.signal).catch((error: Error) => error);
    isConnecting = false;
    if (found instanceof Error) settleAll(found.message);
    else use(found);
  }

  function settleAll(error: string): void {
    for (const { settle } of waiting.values()) settle({ error });
  }

  function hear(message: KeeperAnswer | KeeperNotice): void {
    if ('wrote' in message) for (const execution of message.wrote) listeners.get(execution)?.();
    else if ('number' in message) waiting.get(message.number)?.settle(message);
  }

  function ask(request: KeeperRequest): Promise<unknown> {
    const number = ++last;
    const line = `${JSON.stringify({ ...request, number })}\n`;
    return new Promise((resolve, reject) => {
      waiting.set(number, {
        line,
        settle(result) {
          waiting.delete(number);
          if ('ok' in result) resolve(result.ok);
          else reject(new ServiceError('cannot-start', `Cannot start: ${result.error}`));
        },
      });
      if (socket) socket.write(line);
      else void connect();
    });
  }

  void connect();
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
      closing.abort();
      socket?.destroy();
      settleAll('the server stops');
    },
  };
}
