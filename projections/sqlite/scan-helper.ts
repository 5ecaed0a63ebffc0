/**
 * A second thread for searches that go through much output: started when the first of them asks, ended when none has asked
 * for a while, so that an idle server does not carry it.
 */
import { availableParallelism } from 'node:os';
import { sibling } from '../../events/sibling.ts';
import { startThread, type Thread } from '../../events/worker-thread.ts';

const IDLE_MS = 30_000;
const HEAP_MB = 128;

export interface ScanHelper {
  /** The thread when it has started; asking starts it. Undefined also where there is no second processor. */
  thread(): Thread | undefined;
  close(): Promise<void>;
}

export function scanHelper(processors = availableParallelism()): ScanHelper {
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
    const started = startThread(sibling(import.meta.url, './scan.worker'), {}, { heapMb: HEAP_MB });
    started.call('ready').then(
      () => {
        isReady = thread === started;
      },
      () => {},
    );
    return started;
  }
  return {
    thread() {
      if (processors < 2) return undefined;
      thread ??= start();
      clearTimeout(idle);
      idle = setTimeout(() => void close(), IDLE_MS).unref();
      return isReady ? thread : undefined;
    },
    close,
  };
}
