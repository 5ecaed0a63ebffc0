/**
 * The time of day for decisions that cannot be undone. When the wall clock jumps ahead, the new time counts only after an
 * hour without another jump. When it jumps back, the new time counts at once, as that only keeps data longer.
 */

/** Milliseconds since the epoch. */
export type SteadyClock = () => number;

/** More than the corrections of a synchronized clock, less than matters to a TTL. */
const JUMP_MS = 60_000;
const SETTLE_MS = 3_600_000;

export function steadyClock(
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): SteadyClock {
  let base = { wall: wall(), monotonic: monotonic() };
  let jump: { aheadMs: number; since: number } | undefined;
  return () => {
    const now = { wall: wall(), monotonic: monotonic() };
    const expected = base.wall + (now.monotonic - base.monotonic);
    const aheadMs = now.wall - expected;
    if (aheadMs < JUMP_MS) {
      jump = undefined;
      base = now;
      return now.wall;
    }
    if (!jump || Math.abs(jump.aheadMs - aheadMs) >= JUMP_MS) jump = { aheadMs, since: now.monotonic };
    if (now.monotonic - jump.since < SETTLE_MS) return expected;
    jump = undefined;
    base = now;
    return now.wall;
  };
}
