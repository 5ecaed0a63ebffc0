/** The checkpoint before which the index lacks nothing, for readers that continue from there. */
import type { Checkpoint } from '../../events/event-log.ts';
import type { OutputIndex } from '../../projections/output-index.ts';

/** An older checkpoint is right too, only further back; hundreds of followers may join in a second. */
const KEPT_MS = 1000;

/** Never rejects: undefined when the index has no checkpoint or is unavailable. */
export function indexedThrough(
  index: Pick<OutputIndex, 'checkpoint'>,
): () => Promise<Checkpoint | undefined> {
  let known: Promise<Checkpoint | undefined> | undefined;
  let askedAt = 0;
  return () => {
    if (known && performance.now() - askedAt < KEPT_MS) return known;
    askedAt = performance.now();
    known = index.checkpoint().catch(() => undefined);
    return known;
  };
}
