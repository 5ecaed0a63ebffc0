/**
 * Read connections for calls that let others run meanwhile: each sees one state of the index from its begin to its end, while
 * maintenance merges blocks and other calls see new output. Few at a time; others wait in order.
 */
import type { Store } from './store.ts';

/** Each takes memory for its page cache, and all share one processor. */
const MAX_AT_ONCE = 4;

interface Snapshots {
  use<T>(body: (store: Store) => Promise<T>): Promise<T>;
  /** Closes idle connections now and busy ones when they are done; later calls open new ones. */
  retire(): void;
}

export function snapshots(open: () => Store): Snapshots {
  let generation = 0;
  let idle: Store[] = [];
  let busy = 0;
  const waiting: (() => void)[] = [];
  return {
    async use(body) {
      while (busy >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
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
