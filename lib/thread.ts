/**
 * Calls into a worker thread: requests, answers, errors with their codes, cancellation, buffers moved instead of copied.
 * SQLite is synchronous, so every database lives on such a thread and the main thread stays free for followers.
 */
import { getCompileCacheDir } from 'node:module';
import { basename, dirname, extname } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { collectGarbageLater } from './collect-garbage.ts';
import { type ErrorCode, ServiceError } from './errors.ts';

interface Plain {
  name: string;
  message: string;
  stack: string | undefined;
  code?: ErrorCode | undefined;
  retriable?: boolean;
  errors?: ServiceError['errors'];
}
type Request = { id: number; method: string; args: unknown[] } | { cancel: number };
type Answer = { id: number; value: unknown } | { id: number; error: Plain };

interface ThreadOptions {
  /** Heap limit of the thread; what it holds outside the heap (buffers, SQLite's cache) is not counted. */
  heapMb?: number;
  /** Code of the error for calls into a thread that has died. */
  unavailable?: ErrorCode;
}

export interface Thread {
  /** @throws what the method threw, a ServiceError as one with the same code. */
  call<T>(method: string, args?: unknown[], options?: CallOptions): Promise<T>;
  /** Resolves with the reason when the thread has ended without being closed; it answers nothing from then on. */
  readonly died: Promise<Error>;
  /** Lets calls under way finish, calls `close` in the thread when it has one, and ends it. */
  close(): Promise<void>;
}

interface CallOptions {
  transfer?: ArrayBuffer[];
  /** Aborts the signal that the method gets as its last argument; the call still settles by itself. */
  signal?: AbortSignal | undefined;
}

/** A method's result together with the buffers to move instead of copy. */
export class Moved<T> {
  readonly value: T;
  readonly transfer: ArrayBuffer[];
  constructor(value: T, transfer: ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

function toPlain(error: unknown): Plain {
  const known = error instanceof Error ? error : new Error(String(error));
  const plain: Plain = { name: known.name, message: known.message, stack: known.stack };
  if (known instanceof ServiceError) {
    plain.code = known.code;
    plain.retriable = known.retriable;
    plain.errors = known.errors;
  }
  return plain;
}

function fromPlain(plain: Plain): Error {
  const error = plain.code
    ? new ServiceError(plain.code, plain.message, {
        retriable: plain.retriable ?? false,
        ...(plain.errors ? { errors: plain.errors } : {}),
      })
    : new Error(plain.message);
  if (plain.stack) error.stack = plain.stack;
  return error;
}

interface Start {
  url: string;
  /** Folder of the process's compile cache; empty when it has none. */
  cache: string;
  data: unknown;
}

function cacheFolder(): string {
  const folder = getCompileCacheDir();
  return folder === undefined ? '' : dirname(folder);
}

/** A thread takes part in the process's compile cache only when asked; stripping types again would cost it 18 MB. */
const BOOTSTRAP = `
const { cache, url } = require('node:worker_threads').workerData;
if (cache) require('node:module').enableCompileCache(cache);
import(url);
`;

/** Starts the module as a thread. It answers once it has called {@link serveThread}. */
export function startThread(url: URL, data: unknown, options: ThreadOptions = {}): Thread {
  const worker = new Worker(BOOTSTRAP, {
    eval: true,
    workerData: { url: url.href, cache: cacheFolder(), data } satisfies Start,
    resourceLimits: { maxOldGenerationSizeMb: options.heapMb ?? 64, maxYoungGenerationSizeMb: 8 },
  });
  // An idle database must not keep a process alive that has nothing else to do.
  worker.unref();
  const pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let ended: Error | undefined;
  let closing: Promise<void> | undefined;

  const death = Promise.withResolvers<Error>();

  const end = (error: Error) => {
    ended ??= error;
    // Before the calls hear of it: who calls again at once then finds the next thread.
    if (!closing) death.resolve(ended);
    for (const call of pending.values()) call.reject(ended);
    pending.clear();
    worker.unref();
  };
  const die = (cause: unknown, why = (cause as Error).message) => {
    const code = options.unavailable ?? 'internal';
    const message = `The thread ${basename(url.pathname, extname(url.pathname))} died: ${why}`;
    end(new ServiceError(code, message, { cause, retriable: true }));
  };
  worker.on('message', (answer: Answer) => {
    const call = pending.get(answer.id);
    if (!call) return;
    pending.delete(answer.id);
    if (pending.size === 0) worker.unref();
    if ('error' in answer) call.reject(fromPlain(answer.error));
    else call.resolve(answer.value as never);
  });
  worker.on('error', (cause) => die(cause));
  worker.on('messageerror', (cause) => {
    die(cause);
    void worker.terminate();
  });
  worker.on('exit', (code) => {
    if (closing) end(new ServiceError('internal', 'The database is closed', { retriable: false }));
    else die(undefined, `it ended with code ${code}`);
  });

  function call<T>(method: string, args: unknown[] = [], { transfer, signal }: CallOptions = {}): Promise<T> {
    if (ended) return Promise.reject(ended);
    const id = nextId++;
    const answer = new Promise<T>((resolve, reject) => {
      if (pending.size === 0) worker.ref();
      pending.set(id, { resolve, reject });
    });
    worker.postMessage({ id, method, args } satisfies Request, transfer ?? []);
    if (!signal) return answer;
    const cancel = () => worker.postMessage({ cancel: id } satisfies Request);
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    return answer.finally(() => signal.removeEventListener('abort', cancel));
  }

  return {
    call,
    died: death.promise,
    close() {
      closing ??= (async () => {
        if (!ended) await call('close').catch(() => {});
        await worker.terminate();
      })();
      return closing;
    },
  };
}

/** A method may be async; its last argument is a signal that the caller's abort fires. */
// biome-ignore lint/suspicious/noExplicitAny: each method states its own arguments
type ThreadMethods = Record<string, (...args: any[]) => unknown>;

/** What was given to {@link startThread}, for modules that need it before they serve. */
export function threadData<D>(): D {
  return (workerData as Start).data as D;
}

/**
 * Serves a thread's methods; to be called once by the thread's module. Calls start in the order they were made; an
 * async method lets others run while it waits. `open` gets the data given to {@link startThread}; when it throws,
 * every call is answered with its error.
 */
export function serveThread<D>(open: (data: D) => ThreadMethods): void {
  if (isMainThread || !parentPort) throw new Error('serveThread is for worker threads');
  const port = parentPort;
  collectGarbageLater();
  const running = new Map<number, AbortController>();
  let methods: ThreadMethods = {};
  let failed: unknown;
  try {
    methods = open(threadData<D>());
  } catch (error) {
    failed = error;
  }
  port.on('message', async (request: Request) => {
    if ('cancel' in request) {
      running.get(request.cancel)?.abort();
      return;
    }
    const { id, method, args } = request;
    try {
      if (failed) throw failed;
      const abort = new AbortController();
      running.set(id, abort);
      let value: unknown;
      if (method !== 'close' || methods.close) {
        const run = methods[method];
        if (!run) throw new Error(`no method ${method} in this thread`);
        value = run(...args, abort.signal);
        if (value instanceof Promise) value = await value;
      }
      if (value instanceof Moved) port.postMessage({ id, value: value.value }, value.transfer);
      else port.postMessage({ id, value } satisfies Answer);
    } catch (error) {
      port.postMessage({ id, error: toPlain(error) } satisfies Answer);
    } finally {
      running.delete(id);
    }
  });
}
