/**
 * A thread that is there only while it is used: started by the first call, ended when there was none for a while. One that
 * dies fails the calls under way, and the next call starts another.
 */
import { ServiceError } from './errors.ts';
import type { Thread } from './thread.ts';

/** For threads that keep nothing between calls. A call that finds none waits some 50 ms longer. */
export function idleThread(start: () => Thread, idleMs: number): Omit<Thread, 'died'> {
  let thread: Thread | undefined;
  let calls = 0;
  let idle: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  const ending = new Set<Promise<void>>();

  function started(): Thread {
    const begun = start();
    void begun.died.then(() => {
      if (thread === begun) thread = undefined;
    });
    return begun;
  }

  function end(): void {
    clearTimeout(idle);
    const ended = thread;
    thread = undefined;
    if (!ended) return;
    const done = ended.close().finally(() => ending.delete(done));
    ending.add(done);
  }

  return {
    async call(method, args, options) {
      if (closing) throw new ServiceError('internal', 'The database is closed', { retriable: false });
      clearTimeout(idle);
      thread ??= started();
      calls++;
      try {
        return await thread.call(method, args, options);
      } finally {
        if (--calls === 0 && !closing) idle = setTimeout(end, idleMs).unref();
      }
    },
    close() {
      closing ??= (async () => {
        end();
        await Promise.all(ending);
      })();
      return closing;
    },
  };
}
