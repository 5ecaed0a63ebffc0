/** What retention will drop and when, from the spans of time that an index holds and the TTLs. Pure. */
import type { RetentionSpan } from '../output-index.ts';

export interface PlannedSpan extends RetentionSpan {
  /** When the last of it is gone, milliseconds since the epoch; undefined is never. The sweeper's pause comes on top. */
  goesAt?: number;
}

/** @param ttls in milliseconds after an execution's end; 0 keeps for ever. */
export function retentionPlan(
  spans: readonly RetentionSpan[],
  ttls: { outputTtlMs: number; executionsTtlMs: number },
): PlannedSpan[] {
  const planned = spans.map((span): PlannedSpan => {
    const ttl = span.kind === 'output' ? ttls.outputTtlMs : ttls.executionsTtlMs;
    const whole = ttls.executionsTtlMs === 0 ? Number.POSITIVE_INFINITY : span.to + ttls.executionsTtlMs;
    const own = span.expiresAt ?? (ttl === 0 ? Number.POSITIVE_INFINITY : span.to + ttl);
    // An execution takes its output with it.
    const goesAt = span.kind === 'output' ? Math.min(own, whole) : own;
    return goesAt === Number.POSITIVE_INFINITY ? span : { ...span, goesAt };
  });
  const soonest = ({ goesAt = Number.POSITIVE_INFINITY }: PlannedSpan) => goesAt;
  return planned.sort((a, b) => (soonest(a) === soonest(b) ? a.from - b.from : soonest(a) - soonest(b)));
}
