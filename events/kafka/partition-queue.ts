/** Records of one partition that were fetched and not delivered yet, and the order between its two topics. */
import type { FetchedPartition } from './cluster.ts';
import type { Offsets } from './offsets.ts';
import { type ReadRecord, readRecord } from './records.ts';

export type TopicKind = keyof Offsets;

/** Raw bytes that may wait for the consumer, per topic. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** Delivered records that are kept before the array is cut: a cut for each record would copy the rest each time. */
const KEPT_RECORDS = 5000;

export interface PartitionQueue {
  /** What to fetch next. */
  readonly fetched: Offsets;
  receive(kind: TopicKind, answer: FetchedPartition): void;
  hasRoom(kind: TopicKind): boolean;
  /** A topic whose first record can be delivered: what it follows in the other topic has been. */
  nextKind(): TopicKind | undefined;
  first(kind: TopicKind): ReadRecord | undefined;
  removeFirst(kind: TopicKind): void;
  /** Everything of a topic before this offset has been delivered or passed over. */
  reached(kind: TopicKind): number;
}

/** @param wanted executions whose records are kept; all by default. */
export function partitionQueue(
  kinds: readonly TopicKind[],
  from: Offsets,
  wanted: ((executionId: string) => boolean) | undefined,
): PartitionQueue {
  const records: Record<TopicKind, ReadRecord[]> = { executions: [], output: [] };
  const heads: Record<TopicKind, number> = { executions: 0, output: 0 };
  const waitingBytes: Record<TopicKind, number> = { executions: 0, output: 0 };
  const fetched: Offsets = { ...from };

  const first = (kind: TopicKind) => records[kind][heads[kind]];
  const reached = (kind: TopicKind) => first(kind)?.offset ?? fetched[kind];

  function isReady(kind: TopicKind): boolean {
    const record = first(kind);
    if (!record) return false;
    const other = kind === 'output' ? 'executions' : 'output';
    return record.after === undefined || !kinds.includes(other) || reached(other) > record.after;
  }

  return {
    fetched,
    first,
    reached,
    hasRoom: (kind) => waitingBytes[kind] < QUEUE_BYTES,
    nextKind: () => kinds.find(isReady),
    receive(kind, answer) {
      for (const message of answer.messages) {
        const offset = Number(message.offset);
        // The broker answers whole batches, which may begin before the offset asked for.
        if (offset < fetched[kind]) continue;
        fetched[kind] = offset + 1;
        if (message.isControlRecord) continue;
        if (wanted && !wanted(message.key?.toString() ?? '')) continue;
        const record = readRecord(message);
        waitingBytes[kind] += record.bytes;
        records[kind].push(record);
      }
    },
    removeFirst(kind) {
      waitingBytes[kind] -= first(kind)?.bytes ?? 0;
      heads[kind] += 1;
      if (heads[kind] === records[kind].length) {
        records[kind] = [];
        heads[kind] = 0;
      } else if (heads[kind] > KEPT_RECORDS) {
        records[kind] = records[kind].slice(heads[kind]);
        heads[kind] = 0;
      }
    },
  };
}
