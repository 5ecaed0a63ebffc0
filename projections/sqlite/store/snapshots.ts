/**
 * Read connections for work that takes several turns: each sees one state of the index from its beginning to its end,
 * while upkeep moves blocks about and other calls see what is new. Few at a time; more wait in order.
 */
import type { Store } from './store.ts';

/** Each takes memory for its page cache, and all share one processor. */
const MOST_AT_ONCE = 4;

export interface Snapshots {
  use<T>(body: (store: Store) => Promise<T>): Promise<T>;
  /** Closes idle connections now and busy ones when they are done; later ones are opened afresh. */
  retire(): void;
}

export function snapshots(open: () => Store): Snapshots {
  let generation = 0;
  let idle: Store[] = [];
  let busy = 0;
  const waiting: (() => void)[] = [];
  return {
    async use(body) {
      while (busy >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
      busy++;
      const own = generation;
      let store: Store | undefined;
      try {
        store = idle.pop() ?? open();
        store.database.exec('BEGIN');
        return await body(store);
      } finally {
        busy--;
        if (store?.database.isTransaction) store.database.exec('COMMIT');
        if (store && own === generation) idle.push(store);
        else store?.database.close();
        waiting.shift()?.();
      }
    },
    retire() {
      generation++;
      for (const store of idle) store.database.close();
      idle = [];
    },
  };
}
