/** Reads one execution out of its partition, from the time in its id or from a later offset that the caller knows. */
import { checkpointParts, joinCheckpoint } from '../checkpoints.ts';
import type { ExecutionEvent } from '../event.ts';
import type { Checkpoint, LogBatch, ReadOptions } from '../event-log.ts';
import { formatOffsets, type Offsets, parseOffsets } from './offsets.ts';
import type { PartitionSource } from './partition-source.ts';
import { idTime } from './records.ts';
import { toServiceError } from './service-error.ts';

/** How long a read that ends waits for a broker that does not answer. */
const READ_PATIENCE_MS = 10_000;

function offsetsFrom(checkpoint: Checkpoint, partition: number): Offsets | undefined {
  const text = checkpointParts(checkpoint).get(String(partition));
  return text === undefined ? undefined : parseOffsets(text);
}

/**
 * Ends at the present.
 * @throws ServiceError `event-log-unavailable`
 */
export async function* readExecution(
  source: PartitionSource,
  executionId: string,
  options: ReadOptions = {},
): AsyncGenerator<ExecutionEvent[]> {
  const partition = source.partitionOf(executionId);
  const until = await source.offsetsIn(partition, 'end');
  const given = options.from && offsetsFrom(options.from, partition);
  if (given && given.executions >= until.executions && given.output >= until.output) return;
  const first = await source.offsetsIn(partition, idTime(executionId) || 'beginning');
  const batches = source.read({
    partition,
    from: {
      executions: Math.max(first.executions, given?.executions ?? 0),
      output: Math.max(first.output, given?.output ?? 0),
    },
    until,
    signal: options.signal ?? new AbortController().signal,
    lifecycleOnly: options.lifecycleOnly ?? false,
    wanted: (id) => id === executionId,
    patienceMs: READ_PATIENCE_MS,
  });
  try {
    for await (const batch of batches) {
      const events = batch.events
        .filter(({ event, kind, offset }) => offset < until[kind] && event.position > (options.after ?? -1))
        .map(({ event }) => event);
      if (events.length > 0) yield events;
    }
  } catch (error) {
    throw toServiceError(error, source.brokers);
  }
}

/** Live, from a checkpoint or the execution's first event on; ends when aborted. */
export async function* subscribeToExecution(
  source: PartitionSource,
  executionId: string,
  from: Checkpoint | 'beginning',
  signal: AbortSignal,
): AsyncGenerator<LogBatch> {
  const partition = source.partitionOf(executionId);
  const given = from === 'beginning' ? undefined : offsetsFrom(from, partition);
  const start = given ?? (await source.offsetsIn(partition, idTime(executionId) || 'beginning'));
  const wanted = (id: string) => id === executionId;
  for await (const { events, offsets } of source.read({ partition, from: start, signal, wanted })) {
    if (events.length === 0) continue;
    const parts = new Map([[String(partition), formatOffsets(offsets)]]);
    yield { events: events.map(({ event }) => event), checkpoint: joinCheckpoint(parts) };
  }
}
