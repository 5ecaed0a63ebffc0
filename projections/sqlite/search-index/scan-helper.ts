/**
 * A second thread for searches that scan much output. It starts when a search first asks for it and ends when none has
 * asked for a while, so an idle server does not have it.
 */
import { availableParallelism, loadavg } from 'node:os';
import { siblingModuleUrl } from '../../../lib/module-url.ts';
import { startThread, type Thread } from '../../../lib/thread.ts';

const IDLE_MS = 30_000;
const HEAP_MB = 128;
/** Load for each processor above which a second thread would only slow down others. */
const BUSY_LOAD = 2;

export interface ScanHelper {
  /** The thread, once it has started; the first call starts it. Undefined also when no processor is free. */
  thread(): Thread | undefined;
  close(): Promise<void>;
}

const startHelper = () =>
  startThread(siblingModuleUrl(import.meta.url, './scan.thread'), {}, { heapMb: HEAP_MB });

export function scanHelper(
  processors = availableParallelism(),
  load: () => number = () => loadavg()[0] as number,
  begin: () => Thread = startHelper,
): ScanHelper {
  let thread: Thread | undefined;
  let isReady = false;
  let idle: NodeJS.Timeout | undefined;
  const close = async () => {
    clearTimeout(idle);
    const ended = thread;
    thread = undefined;
    isReady = false;
    await ended?.close();
  };
  function start(): Thread {
    const started = begin();
    started.call('ready').then(
      () => {
        isReady = thread === started;
      },
      () => {},
    );
    // The searches scan for themselves what they had given it, and ask for another thread.
    void started.died.then(() => {
      if (thread !== started) return;
      thread = undefined;
      isReady = false;
    });
    return started;
  }
  return {
    thread() {
      if (processors < 2 || load() > processors * BUSY_LOAD) return undefined;
      thread ??= start();
      clearTimeout(idle);
      idle = setTimeout(() => void close(), IDLE_MS).unref();
      return isReady ? thread : undefined;
    },
    close,
  };
}
