/**
 * No input may kill two lives of the server. The spool says that an execution is being prepared before any of its
 * request is parsed. What was being prepared when the server died is prepared once more, alone, so that a second death
 * has one suspect. That one is given up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Spool } from '../capture/spool.ts';

const MAX_DEATHS = 2;
/** How long one preparation may hold up the others: one that hangs must not stop them all. */
const PATIENCE_MS = 10_000;

export interface Attempts {
  /**
   * Prepares the execution of this spool folder, which must exist.
   * @throws Error when the server died twice while it prepared this execution, or when it is about to end.
   */
  run<T>(spool: Spool, prepare: () => Promise<T>): Promise<T>;
  /** An end in good order is no death: what is being prepared now is tried again as if for the first time. */
  close(): void;
}

export function createAttempts(patienceMs = PATIENCE_MS): Attempts {
  const underWay = new Map<Spool, Promise<unknown>>();
  /** Settles when every suspect so far has had its turn; undefined when there is none. Never rejects. */
  let turns: Promise<void> | undefined;
  let closed = false;

  async function patiently(work: readonly Promise<unknown>[]): Promise<void> {
    const done = new AbortController();
    const late = sleep(patienceMs, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(work), late]);
    done.abort();
  }

  async function begin<T>(spool: Spool, deaths: number, prepare: () => Promise<T>): Promise<T> {
    if (closed) throw new Error('The server is about to end');
    spool.saveAttempts(deaths + 1);
    const prepared = prepare().finally(() => {
      underWay.delete(spool);
      if (!closed) spool.saveAttempts(0);
    });
    underWay.set(spool, prepared);
    return prepared;
  }

  function beginAlone<T>(spool: Spool, deaths: number, prepare: () => Promise<T>): Promise<T> {
    const others = turns ?? patiently([...underWay.values()]);
    const prepared = others.then(() => begin(spool, deaths, prepare));
    const turn = others
      .then(() => patiently([prepared]))
      .then(() => {
        if (turns === turn) turns = undefined;
      });
    turns = turn;
    return prepared;
  }

  return {
    async run(spool, prepare) {
      const deaths = spool.attempts();
      if (deaths >= MAX_DEATHS) {
        throw new Error(
          'The server died twice while it prepared this execution; it was given up, and nothing of it was run',
        );
      }
      if (deaths > 0) return beginAlone(spool, deaths, prepare);
      while (turns) await turns;
      return begin(spool, 0, prepare);
    },
    close() {
      closed = true;
      for (const spool of underWay.keys()) spool.saveAttempts(0);
    },
  };
}
