/**
 * No input may kill the server more than twice. Before any part of a request is parsed, the spool records that the execution
 * is being prepared. An execution that was being prepared when the server died is prepared once more, alone, so that a second
 * death has one suspect. A suspect of two deaths fails without being prepared again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Spool } from '../capture/spool.ts';

const MAX_DEATHS = 2;
/** How long one preparation may delay the others: one that hangs must not stop them all. */
const PATIENCE_MS = 10_000;

export interface Attempts {
  /**
   * Prepares the execution of this spool folder, which must exist.
   * @throws Error when the server died twice while it prepared this execution, or when it is about to end.
   */
  run<T>(spool: Spool, prepare: () => Promise<T>): Promise<T>;
  /** A clean stop is not a death: what is being prepared now is prepared again as if for the first time. */
  close(): void;
}

export function createAttempts(patienceMs = PATIENCE_MS): Attempts {
  const preparing = new Map<Spool, Promise<unknown>>();
  /** Settles when every suspect so far has been prepared; undefined when there is none. Never rejects. */
  let suspects: Promise<void> | undefined;
  let closed = false;

  async function settledOrLate(work: readonly Promise<unknown>[]): Promise<void> {
    const done = new AbortController();
    const late = sleep(patienceMs, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(work), late]);
    done.abort();
  }

  async function begin<T>(spool: Spool, deaths: number, prepare: () => Promise<T>): Promise<T> {
    if (closed) throw new Error('The server is stopping');
    spool.saveAttempts(deaths + 1);
    const prepared = prepare().finally(() => {
      preparing.delete(spool);
      if (!closed) spool.saveAttempts(0);
    });
    preparing.set(spool, prepared);
    return prepared;
  }

  function beginAlone<T>(spool: Spool, deaths: number, prepare: () => Promise<T>): Promise<T> {
    const others = suspects ?? settledOrLate([...preparing.values()]);
    const prepared = others.then(() => begin(spool, deaths, prepare));
    const alone = others
      .then(() => settledOrLate([prepared]))
      .then(() => {
        if (suspects === alone) suspects = undefined;
      });
    suspects = alone;
    return prepared;
  }

  return {
    async run(spool, prepare) {
      const deaths = spool.attempts();
      if (deaths >= MAX_DEATHS) {
        throw new Error('The server died twice while it prepared this execution; it was not started');
      }
      if (deaths > 0) return beginAlone(spool, deaths, prepare);
      while (suspects) await suspects;
      return begin(spool, 0, prepare);
    },
    close() {
      closed = true;
      for (const spool of preparing.keys()) spool.saveAttempts(0);
    },
  };
}
