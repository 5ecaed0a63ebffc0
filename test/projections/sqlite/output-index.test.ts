import { randomUUIDv7 } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLog } from '../../../events/event-log.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../../events/sqlite/stored-runs.ts';
import type { OutputIndex, ProjectedBatch } from '../../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../../projections/sqlite/output-index.ts';
import { outputIndexContract } from '../../contracts/output-index.contract.ts';
import { recording } from '../../support/output-events.ts';

const newFolder = () => mkdtemp(join(tmpdir(), 'linefeed-index-'));
const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true });

outputIndexContract({
  name: 'SQLite',
  async open() {
    const folder = await newFolder();
    return { connect: () => sqliteOutputIndex({ folder }), remove: () => removeFolder(folder) };
  },
});

/** What is written to the index is in the log first, as it always is; every block points there. */
function besideLog(index: OutputIndex, log: EventLog): OutputIndex {
  const first = async ({ chunks }: ProjectedBatch) => log.append(chunks);
  return {
    ...index,
    async write(batch) {
      await first(batch);
      await index.write(batch);
    },
    async purge(request) {
      const { freedBytes } = await log.purge(request);
      return { freedBytes: freedBytes + (await index.purge(request)).freedBytes };
    },
    async beginRebuild() {
      const rebuild = await index.beginRebuild();
      return {
        ...rebuild,
        async write(batch) {
          await first(batch);
          await rebuild.write(batch);
        },
      };
    },
    async close() {
      await index.close();
      await log.close();
    },
  };
}

outputIndexContract({
  name: 'SQLite, with the output in the event log',
  async open() {
    const folder = await newFolder();
    return {
      async connect() {
        const log = await sqliteEventLog({ folder, compactAfterMs: 1 });
        // The contract counts checkpoints by itself; those of a log are never beyond its end.
        const record = recording(randomUUIDv7());
        await log.append([
          record.requested(),
          ...Array.from({ length: 500 }, () => record.output({ text: '' })),
        ]);
        const frames = sqliteStoredRuns(folder);
        return besideLog(await sqliteOutputIndex({ folder, frames, largeChunkBytes: 0 }), log);
      },
      remove: () => removeFolder(folder),
    };
  },
});
