/** Writes the events of executions to an index, batch by batch, as the projector does. */
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { ProjectedBatch } from '../../projections/output-index.ts';

/** @param checkpoint of the log's kind, after so many batches. */
export function indexWriter(
  index: { write(batch: ProjectedBatch): Promise<void> },
  checkpoint = (batches: number) => String(batches) as Checkpoint,
) {
  const documents = new Map<string, ExecutionDocument>();
  let batches = 0;
  /** The batch that the events amount to. */
  function batch(events: readonly ExecutionEvent[]): ProjectedBatch {
    const touched = new Set<string>();
    for (const event of events) {
      documents.set(event.executionId, applyEvent(documents.get(event.executionId), event));
      touched.add(event.executionId);
    }
    return {
      documents: [...touched].map((id) => documents.get(id) as ExecutionDocument),
      chunks: events.filter((event): event is OutputAppended => event.type === 'output.appended'),
      checkpoint: checkpoint(++batches),
    };
  }
  return { documents, batch, write: (events: readonly ExecutionEvent[]) => index.write(batch(events)) };
}
