/** The place in the log through which the index lacks nothing, for readers that go on from there. */
import type { Checkpoint } from '../../events/event-log.ts';
import type { OutputIndex } from '../../projections/output-index.ts';

/** An older place is as right, only further away; hundreds of followers may join in a second. */
const KEPT_MS = 1000;

/** What it answers never fails: undefined when the index has no place or is away. */
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
