/** Everything in some of the partitions as one subscription, and the checkpoints of such subscriptions. */
import { ServiceError } from '../../lib/errors.ts';
import { type CheckpointParts, checkpointParts, joinCheckpoint } from '../checkpoints.ts';
import type { Checkpoint, LogBatch, SubscribeOptions } from '../event-log.ts';
import { mergePartitions } from './merge-partitions.ts';
import { formatOffsets, type Offsets, parseOffsets } from './offsets.ts';
import type { PartitionSource } from './partition-source.ts';

/** Where to begin in each partition; one that `from` does not name is read from its beginning, or from its end. */
async function startOf(
  source: PartitionSource,
  partitions: number[],
  from: SubscribeOptions['from'] | undefined,
): Promise<CheckpointParts> {
  const given =
    from === undefined || from === 'beginning' || from === 'end' ? new Map() : checkpointParts(from);
  const missing = partitions.filter((partition) => !given.has(String(partition)));
  const found =
    missing.length > 0
      ? await source.offsets(missing, from === 'end' ? 'end' : 'beginning')
      : new Map<number, Offsets>();
  return new Map(
    partitions.map((partition) => [
      String(partition),
      given.get(String(partition)) ?? formatOffsets(found.get(partition) as Offsets),
    ]),
  );
}

/** Resolves when the subscription stands; it ends when aborted. */
export async function subscribeToPartitions(
  source: PartitionSource,
  partitions: number[],
  from: SubscribeOptions['from'] | undefined,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogBatch>> {
  const parts = await startOf(source, partitions, from);
  const open = (until: AbortSignal) =>
    new Map(
      partitions.map((partition) => [
        partition,
        source.read({ partition, from: parseOffsets(parts.get(String(partition)) as string), signal: until }),
      ]),
    );
  return mergePartitions({ open, parts, signal });
}

/** @throws ServiceError `invalid-checkpoint` when the checkpoint names no partitions of these topics. */
export function checkCheckpoint(checkpoint: Checkpoint, partitions: number): void {
  const given = [...checkpointParts(checkpoint).keys()];
  if (given.every((partition) => partition !== '' && Number(partition) < partitions)) return;
  throw new ServiceError('invalid-checkpoint', `"${checkpoint}" is not a checkpoint of this event log`);
}

/** The checkpoint behind the newest records. */
export async function endCheckpoint(source: PartitionSource): Promise<Checkpoint> {
  const all = Array.from({ length: source.partitions }, (_, partition) => partition);
  const ends = await source.offsets(all, 'end');
  return joinCheckpoint(
    new Map([...ends].map(([partition, offsets]) => [String(partition), formatOffsets(offsets)])),
  );
}

/** True when `reached` is at or beyond `wanted` in each partition. */
export function covers(reached: Checkpoint, wanted: Checkpoint): boolean {
  const have = checkpointParts(reached);
  for (const [partition, text] of checkpointParts(wanted)) {
    const need = parseOffsets(text);
    const got = parseOffsets(have.get(partition) ?? '0:0');
    if (got.executions < need.executions || got.output < need.output) return false;
  }
  return true;
}
