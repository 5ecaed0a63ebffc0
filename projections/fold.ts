/** Folds batches of the log into the execution documents that they touch. */
import { type ExecutionEvent, isEnd, type OutputAppended } from '../events/event.ts';
import { valueBytes } from '../events/event-size.ts';
import type { OnDeadLetter } from './dead-letter.ts';
import { applyEvent, type ExecutionDocument } from './execution-document.ts';
import type { ProjectedBatch } from './output-index.ts';

/** What documents of unfinished executions may take in memory; others are read from the index when they are needed. */
const CACHED_BYTES = 32_000_000;
/** What the documents of one part may take: a document holds its script, and few events can touch many documents. */
const PART_BYTES = 8_000_000;

/** What some events of a batch amount to. */
export interface FoldedPart extends Pick<ProjectedBatch, 'documents' | 'chunks'> {
  /** The part holds the events of the batch up to this index, without those of the parts before. */
  end: number;
}

/**
 * Folds the events of a batch, in one part unless the documents are large. The caller writes a part before it asks for
 * the one after the next.
 */
export type Fold = (events: readonly ExecutionEvent[]) => AsyncGenerator<FoldedPart, void, undefined>;

interface DocumentCache {
  get(id: string): ExecutionDocument | undefined;
  /** Keeps what was touched, as the index may not have it yet; drops the oldest of the others when memory is short. */
  keep(touched: ReadonlyMap<string, ExecutionDocument>): void;
}

function documentCache(): DocumentCache {
  const cache = new Map<string, { document: ExecutionDocument; bytes: number }>();
  let cachedBytes = 0;
  /** Executions that ended in the last part: the index has them once the next part is folded. */
  let ended: string[] = [];

  function forget(id: string): void {
    cachedBytes -= cache.get(id)?.bytes ?? 0;
    cache.delete(id);
  }

  return {
    get: (id) => cache.get(id)?.document,
    keep(touched) {
      for (const id of ended) forget(id);
      ended = [];
      for (const [id, document] of touched) {
        forget(id);
        if (isEnd(document.status)) ended.push(id);
        const bytes = valueBytes(document);
        cache.set(id, { document, bytes });
        cachedBytes += bytes;
      }
      for (const id of cache.keys()) {
        if (cachedBytes <= CACHED_BYTES || touched.has(id)) break;
        forget(id);
      }
    },
  };
}

function applied(before: ExecutionDocument | undefined, event: ExecutionEvent): ExecutionDocument {
  const document = applyEvent(before, event);
  // Positions are dense, so a gap is output that retention has deleted from the log.
  const isGap = before !== undefined && event.position > before.through + 1;
  return isGap ? { ...document, outputPurgedThrough: event.position - 1 } : document;
}

/**
 * @param load gives the stored document of an execution that is not in memory.
 * @param onDeadLetter gets events that cannot be folded.
 */
export function createFold(
  load: (id: string) => Promise<ExecutionDocument | undefined>,
  onDeadLetter: OnDeadLetter,
): Fold {
  const cache = documentCache();
  return async function* fold(events) {
    let touched = new Map<string, ExecutionDocument>();
    let chunks: OutputAppended[] = [];
    let bytes = 0;
    for (const [index, event] of events.entries()) {
      if (bytes >= PART_BYTES) {
        cache.keep(touched);
        yield { documents: [...touched.values()], chunks, end: index };
        touched = new Map();
        chunks = [];
        bytes = 0;
      }
      const id = event.executionId;
      const before = touched.get(id) ?? cache.get(id) ?? (await load(id));
      // Written by a worker whose execution had been abandoned meanwhile; readers of the log leave it out too.
      if (before && isEnd(before.status) && event.position > before.through) continue;
      try {
        const document = applied(before, event);
        if (!touched.has(id)) bytes += valueBytes(document);
        touched.set(id, document);
        if (event.type === 'output.appended') chunks.push(event);
      } catch (error) {
        await onDeadLetter({ event, reason: (error as Error).message });
      }
    }
    cache.keep(touched);
    yield { documents: [...touched.values()], chunks, end: events.length };
  };
}
