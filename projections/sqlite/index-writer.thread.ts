/**
 * The thread that changes the output index: batches of the projector, purges, rebuilds, and between them the maintenance
 * that makes blocks larger and searchable by word.
 */
import { databaseBytes, transaction, vacuumStep } from '../../lib/database.ts';
import { serveThread, threadData } from '../../lib/thread.ts';
import type { PurgeBounds } from '../output-index.ts';
import { openIndexes, type Target } from './open-indexes.ts';
import type { IndexThreadData } from './options.ts';
import { purge } from './purge.ts';
import { maintenanceSchedule } from './search-index/maintenance-schedule.ts';
import { leavesInLog, openFrameReader } from './store/block-source.ts';
import { executionDocument, purgeCandidates, unfinishedPage } from './store/executions.ts';
import { removeStore } from './store/store.ts';
import { type BatchRows, writeBatch } from './store/write-batch.ts';

const { frames: source, largeChunkBytes } = threadData<IndexThreadData>();
const frames = await openFrameReader(source);

serveThread<IndexThreadData>(({ folder }) => {
  const indexes = openIndexes(folder, frames, leavesInLog(largeChunkBytes));
  const { use } = indexes;
  const schedule = maintenanceSchedule({ indexes: indexes.all, isRebuilding: indexes.isRebuilding });
  return {
    open: () =>
      use('current', ({ store }) => {
        schedule.start();
        return store.path;
      }),
    write: (target: Target, batch: BatchRows) =>
      use(target, ({ store, maintenance }) => {
        schedule.written(batch.blocks.reduce((sum, { rawBytes }) => sum + rawBytes, 0));
        for (const id of writeBatch(store, batch)) maintenance.add(id);
        schedule.start();
      }),
    checkpoint: () =>
      use('current', ({ store }) => {
        const row = store.prepare("SELECT value FROM facts WHERE name = 'checkpoint'").get() as
          | { value: string }
          | undefined;
        return row?.value;
      }),
    purge: (execution: string, whole: boolean) =>
      use('current', ({ store }) => purge(store, execution, whole)),
    vacuum: () => use('current', ({ store }) => vacuumStep(store.database)),

    beginRebuild: indexes.beginRebuild,
    /** From the index that is being filled; no reader has it open. */
    nextDocument: (execution: string) => use('next', ({ store }) => executionDocument(store, execution)),
    commitRebuild: indexes.commitRebuild,
    /** Removes the index that a rebuild has replaced. */
    removeOld: (path: string) => removeStore(path),
    abortRebuild: indexes.abortRebuild,

    // The server itself asks these, when it starts and when it sweeps: an idle server needs no reader for them.
    unfinishedPage: (after: string) => use('current', ({ store }) => unfinishedPage(store, after)),
    purgeCandidates: (bounds: PurgeBounds) => use('current', ({ store }) => purgeCandidates(store, bounds)),
    ping: () => use('current', ({ store }) => transaction(store.database, () => {})),
    size: () => use('current', ({ store }) => databaseBytes(store.path)),
    close() {
      schedule.stop();
      indexes.close();
    },
  };
});
