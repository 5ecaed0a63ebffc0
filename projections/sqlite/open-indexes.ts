/** The indexes that the writer's thread has open: the one that readers see, and during a rebuild the one being filled. */
import { basename, join } from 'node:path';
import type { StoredRunReader } from '../../events/blocks/stored-runs.ts';
import { withDatabaseErrors } from '../../lib/database.ts';
import { createMaintenance, type Maintenance } from './search-index/maintenance.ts';
import type { IsLeftInLog } from './search-index/merge-blocks.ts';
import { openWritable } from './store/open-writable.ts';
import { currentName, otherPath, removeStore, type Store, setCurrentName } from './store/store.ts';

/** Which index a call is about: the one that readers see, or the one that a rebuild fills. */
export type Target = 'current' | 'next';

interface OpenIndex {
  store: Store;
  maintenance: Maintenance;
}

interface OpenIndexes {
  /**
   * Runs the body on the index; the current one is opened when it is not open yet.
   * @throws ServiceError `output-index-unavailable` when the database cannot be used.
   */
  use<T>(target: Target, body: (index: OpenIndex) => T): T;
  all(): OpenIndex[];
  isRebuilding(): boolean;
  beginRebuild(): void;
  /** Makes the new index the current one. Readers have the old one open: its path is to be removed when they do not. */
  commitRebuild(): { old?: string | undefined };
  abortRebuild(): void;
  close(): void;
}

export function openIndexes(
  folder: string,
  frames: StoredRunReader | undefined,
  isLeftInLog: IsLeftInLog,
): OpenIndexes {
  let current: OpenIndex | undefined;
  let next: OpenIndex | undefined;

  function open(path: string): OpenIndex {
    const store = openWritable(path, frames);
    return { store, maintenance: createMaintenance(store, isLeftInLog) };
  }

  function openCurrent(path: string): OpenIndex {
    // Left behind by a rebuild that a crash ended.
    removeStore(otherPath(path));
    return open(path);
  }

  function closeNext(): void {
    const unfinished = next;
    next = undefined;
    unfinished?.store.database.close();
    if (unfinished) removeStore(unfinished.store.path);
  }

  function use<T>(target: Target, body: (index: OpenIndex) => T): T {
    const known = target === 'current' ? current : next;
    const path = known?.store.path ?? join(folder, currentName(folder));
    return withDatabaseErrors(path, 'output-index-unavailable', () => {
      if (target === 'current') {
        current ??= openCurrent(path);
        return body(current);
      }
      if (!next) throw new Error('no rebuild is under way');
      return body(next);
    });
  }

  return {
    use,
    all: () => [current, next].filter((index) => index !== undefined),
    isRebuilding: () => next !== undefined,
    beginRebuild() {
      closeNext();
      const path = otherPath(join(folder, currentName(folder)));
      removeStore(path);
      next = open(path);
    },
    commitRebuild: () =>
      use('next', (filled) => {
        const old = current;
        current = filled;
        next = undefined;
        setCurrentName(folder, basename(filled.store.path));
        old?.store.database.close();
        return { old: old?.store.path };
      }),
    abortRebuild: closeNext,
    close() {
      closeNext();
      current?.store.database.close();
    },
  };
}
