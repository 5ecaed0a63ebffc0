/** A log with an index beside it, projectors between them, and what the index must hold after some events. */
import * as assert from 'uvu/assert';
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../events/sqlite/stored-runs.ts';
import type { DeadLetter } from '../../projections/dead-letter.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { Fold, FoldedPart } from '../../projections/fold.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { type ProjectorOptions, startProjector } from '../../projections/projector.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';
import { withFolder } from './folder.ts';
import { type Recording, recording } from './output-events.ts';

/** What the events amount to, which must be one part. */
export async function foldedWhole(fold: Fold, events: readonly ExecutionEvent[]): Promise<FoldedPart> {
  const parts: FoldedPart[] = [];
  for await (const part of fold(events)) parts.push(part);
  assert.is(parts.length, 1);
  return parts[0] as FoldedPart;
}

export interface ProjectionParts {
  log: EventLog;
  index: OutputIndex;
  start(options?: Partial<ProjectorOptions>): ReturnType<typeof startProjector>;
  deadLetters: DeadLetter[];
}

/** A log and an index in one folder; projectors that the body starts are stopped afterwards. */
export function withProjection(body: (parts: ProjectionParts) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
    const started: ReturnType<typeof startProjector>[] = [];
    const deadLetters: DeadLetter[] = [];
    try {
      await body({
        log,
        index,
        deadLetters,
        start(options = {}) {
          const projector = startProjector({
            log,
            index,
            onDeadLetter: (letter) => void deadLetters.push(letter),
            ...options,
          });
          started.push(projector);
          return projector;
        },
      });
    } finally {
      for (const projector of started) await projector.stop();
      await index.close();
      await log.close();
    }
  });
}

export const idOf = (n: number) => `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;

export function runEvents(
  n: number,
  lines: number,
): { record: Recording; id: string; events: ExecutionEvent[] } {
  const record = recording(idOf(n));
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let k = 0; k < lines; k++) events.push(record.output({ text: `line ${k}\n` }));
  return { record, id: idOf(n), events };
}

export async function chunksOf(index: OutputIndex, id: string): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, {})) chunks.push(...batch);
  return chunks;
}

/** The index holds exactly what the events amount to. */
export async function assertHolds(
  index: OutputIndex,
  id: string,
  events: readonly ExecutionEvent[],
): Promise<void> {
  let document: ExecutionDocument | undefined;
  for (const event of events) document = applyEvent(document, event);
  assert.equal(await index.execution(id), document);
  assert.equal(
    (await chunksOf(index, id)).map((chunk) => chunk.position),
    events.filter(({ type }) => type === 'output.appended').map((event) => event.position),
  );
}
