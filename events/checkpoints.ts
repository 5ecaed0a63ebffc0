/**
 * Checkpoints of a log that has partitions: `3=120:4500;7=8:0` says for each partition how far both topics were read.
 * A store that several projectors write to keeps these parts apart, each under its partition.
 */
import type { Checkpoint } from './event-log.ts';

export type CheckpointParts = Map<string, string>;

/** The parts by partition; a checkpoint of a log without partitions is the one part ''. */
export function checkpointParts(checkpoint: Checkpoint): CheckpointParts {
  const parts: CheckpointParts = new Map();
  for (const part of checkpoint.split(';')) {
    const match = /^(\d+)=(\d+:\d+)$/.exec(part);
    if (!match) return new Map([['', checkpoint]]);
    parts.set(match[1] as string, match[2] as string);
  }
  return parts;
}

export function joinCheckpoint(parts: CheckpointParts): Checkpoint {
  const whole = parts.get('');
  if (whole !== undefined) return whole as Checkpoint;
  return [...parts].map(([partition, place]) => `${partition}=${place}`).join(';') as Checkpoint;
}

/** A number that grows as the part goes on, so that a late writer cannot set it back. */
export function partVersion(place: string): number {
  const match = /^(\d+):(\d+)$/.exec(place);
  return match ? Number(match[1]) + Number(match[2]) : 0;
}
