/**
 * An event log and an output index in memory, with the strings that tests pull: the index has what `project` gave it.
 */
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { OutputIndex } from '../../projections/output-index.ts';

export interface MemoryLog extends EventLog {
  events: ExecutionEvent[];
  /** Subscriptions that stand. */
  subscribers(): number;
  /** Ends all subscriptions with an error, as a lost broker does. */
  breakSubscriptions(): void;
  /** Drops the first so many events, as retention does: they are no longer read. */
  expire(count: number): void;
}

export function memoryLog(): MemoryLog {
  const events: ExecutionEvent[] = [];
  const subscribers = new Set<{ wake: () => void; broken: boolean }>();
  let expired = 0;
  const place = (checkpoint: Checkpoint) => Number(checkpoint);
  const unused = async () => {
    throw new Error('not in this fake');
  };
  return {
    events,
    subscribers: () => subscribers.size,
    breakSubscriptions() {
      for (const subscriber of subscribers) {
        subscriber.broken = true;
        subscriber.wake();
      }
    },
    async append(more) {
      events.push(...more);
      for (const subscriber of subscribers) subscriber.wake();
    },
    expire(count) {
      expired = Math.max(expired, count);
    },
    async *read(executionId, { after = -1, from, signal } = {}) {
      // Answers in parts and lets others run between, as real logs do.
      const present = [...events];
      for (
        let at = Math.max(expired, from === undefined ? 0 : place(from));
        at < present.length && !signal?.aborted;
        at += 3
      ) {
        await new Promise(setImmediate);
        const part = present
          .slice(at, at + 3)
          .filter((event) => event.executionId === executionId && event.position > after);
        if (part.length > 0) yield part;
      }
    },
    async head(executionId) {
      const last = events.findLast((event) => event.executionId === executionId);
      return last && { position: last.position, seq: 0, outputs: [] };
    },
    async subscribe({ from, executionId, signal }) {
      let at = from === 'beginning' ? 0 : from === 'end' ? events.length : place(from);
      if (!(at >= 0 && at <= events.length)) throw new Error('no such place');
      const subscriber = { wake: () => {}, broken: false };
      subscribers.add(subscriber);
      const abandon = () => {
        subscribers.delete(subscriber);
        subscriber.wake();
      };
      signal.addEventListener('abort', abandon);
      return (async function* (): AsyncGenerator<LogBatch> {
        try {
          while (!signal.aborted) {
            if (subscriber.broken) throw new Error('the connection is lost');
            const batch = events
              .slice(at)
              .filter((event) => executionId === undefined || event.executionId === executionId);
            at = events.length;
            if (batch.length > 0) yield { events: batch, checkpoint: String(at) as Checkpoint };
            else
              await new Promise<void>((resolve) => {
                subscriber.wake = resolve;
              });
          }
        } finally {
          signal.removeEventListener('abort', abandon);
          subscribers.delete(subscriber);
        }
      })();
    },
    end: async () => String(events.length) as Checkpoint,
    covers: (reached, wanted) => place(reached) >= place(wanted),
    purge: unused,
    ping: async () => {},
    size: async () => undefined,
    close: async () => {},
  };
}

export interface MemoryIndex extends OutputIndex {
  /** Lets the index have the first so many events of the log. */
  project(count: number): void;
  /** Drops the output of an execution, as retention does. */
  purgeOutput(executionId: string): void;
  /** The index no longer takes events of this execution, though its checkpoint moves on: a document was dead-lettered. */
  deadLetter(executionId: string): void;
  /** While true, every read fails as it does when the index is unavailable. */
  unavailable: boolean;
}

export function memoryIndex(log: MemoryLog): MemoryIndex {
  const documents = new Map<string, ExecutionDocument>();
  let chunks: OutputAppended[] = [];
  let projected = 0;
  const deadLettered = new Set<string>();
  const unused = async () => {
    throw new Error('not in this fake');
  };
  const checkAvailable = () => {
    if (index.unavailable)
      throw new ServiceError('output-index-unavailable', 'not available', { retriable: true });
  };
  const index: MemoryIndex = {
    unavailable: false,
    deadLetter: (executionId) => void deadLettered.add(executionId),
    project(count) {
      for (const event of log.events.slice(projected, count)) {
        if (deadLettered.has(event.executionId)) continue;
        documents.set(event.executionId, applyEvent(documents.get(event.executionId), event));
        if (event.type === 'output.appended') chunks.push(event);
      }
      projected = Math.max(projected, count);
    },
    purgeOutput(id) {
      const document = documents.get(id);
      if (document) documents.set(id, { ...document, outputPurgedThrough: document.through });
      chunks = chunks.filter((chunk) => chunk.executionId !== id);
    },
    ensure: async () => {},
    write: unused,
    checkpoint: async () => String(projected) as Checkpoint,
    async *chunks(executionId, range) {
      const {
        after = -1,
        through = Number.POSITIVE_INFINITY,
        fromSeq = 1,
        toSeq = Number.POSITIVE_INFINITY,
      } = range;
      const found = chunks.filter(
        (chunk) =>
          chunk.executionId === executionId &&
          chunk.position > after &&
          chunk.position <= through &&
          chunk.seq <= toSeq &&
          chunk.seq + chunk.lines - 1 >= fromSeq &&
          (range.stream === undefined || chunk.stream === range.stream) &&
          (range.host === undefined || chunk.host === range.host) &&
          (range.since === undefined || chunk.at >= range.since),
      );
      for (let at = 0; at < found.length && !range.signal?.aborted; at += 4) {
        await new Promise(setImmediate);
        checkAvailable();
        yield found.slice(at, at + 4);
      }
    },
    async execution(id) {
      checkAvailable();
      return documents.get(id);
    },
    lastExecution: async () => [...documents.values()].at(-1),
    executions: async ({ limit = 100 }) => ({
      documents: [...documents.values()].reverse().slice(0, limit),
      total: documents.size,
    }),
    async *unfinished() {},
    search: unused,
    facets: unused,
    purgeCandidates: unused,
    purge: unused,
    stats: async () => ({
      executions: documents.size,
      chunks: chunks.length,
      unindexedBytes: 0,
      rawBytes: 0,
    }),
    retention: unused,
    beginRebuild: unused,
    ping: async () => {},
    close: async () => {},
  };
  return index;
}
