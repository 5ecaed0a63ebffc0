/** An execution's output up to the present, whether the index has it already or not. */
import type { OutputAppended } from '../../events/event.ts';
import type { ChunkRange } from '../../projections/output-index.ts';
import { type FollowDeps, follow } from '../follow/follow.ts';
import { touches } from './line-selection.ts';

interface SoFarOptions {
  /** Only chunks with a greater position. */
  after?: number;
  range?: Omit<ChunkRange, 'after' | 'through' | 'signal'>;
  signal: AbortSignal;
}

/** Takes no read slot: a caller that follows holds one already, and would wait for itself. */
export async function* outputSoFar(
  { readLimiter: _, ...deps }: FollowDeps,
  executionId: string,
  { after = -1, range = {}, signal }: SoFarOptions,
): AsyncGenerator<OutputAppended, void, undefined> {
  for await (const item of follow(deps, executionId, { follow: false, after, range, signal })) {
    if (item.kind !== 'events') continue;
    for (const event of item.events) {
      if (event.type === 'output.appended' && touches(event, range)) yield event;
    }
  }
}
