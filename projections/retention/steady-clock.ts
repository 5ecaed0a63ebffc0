/**
 * The time of day for decisions that cannot be undone. A wall clock that jumps ahead is not believed until it has kept to
 * its new time for an hour; one that jumps back is believed at once, as that only keeps things longer.
 */

/** Milliseconds since the epoch. */
export type SteadyClock = () => number;

/** More than any correction of a clock that is kept in time, less than anything that would matter to a TTL. */
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
