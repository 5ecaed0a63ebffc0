/** What retention will purge and when, from the spans of time that an index holds and the TTLs. Pure. */
import type { RetentionSpan } from '../output-index.ts';

interface PlannedSpan extends RetentionSpan {
  /** When the last of it expires, milliseconds since the epoch; undefined is never. The next sweep purges it. */
  goesAt?: number;
}

/** @param ttls in milliseconds after an execution's end; 0 is no limit. */
export function retentionPlan(
  spans: readonly RetentionSpan[],
  ttls: { outputTtlMs: number; executionsTtlMs: number },
): PlannedSpan[] {
  const planned = spans.map((span): PlannedSpan => {
    const ttl = span.kind === 'output' ? ttls.outputTtlMs : ttls.executionsTtlMs;
    const whole = ttls.executionsTtlMs === 0 ? Number.POSITIVE_INFINITY : span.to + ttls.executionsTtlMs;
    const own = span.expiresAt ?? (ttl === 0 ? Number.POSITIVE_INFINITY : span.to + ttl);
    // An execution is purged together with its output.
    const goesAt = span.kind === 'output' ? Math.min(own, whole) : own;
    return goesAt === Number.POSITIVE_INFINITY ? span : { ...span, goesAt };
  });
  const soonest = ({ goesAt = Number.POSITIVE_INFINITY }: PlannedSpan) => goesAt;
  return planned.sort((a, b) => (soonest(a) === soonest(b) ? a.from - b.from : soonest(a) - soonest(b)));
}
