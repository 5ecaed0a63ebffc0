/**
 * The pace at which followers are woken, so that a thousand of them leave time for everything else.
 */

/** Waking many followers takes this share of the time at most, so that the process stays responsive. */
const LONGEST_PAUSE_MS = 100;
/** Rounds shorter than this are not worth a pause. */
const SHORT_ROUND_MS = 4;

export type Pacer = (wakeAll: () => void) => void;

/**
 * Runs rounds of waking. A round that took long, because a thousand followers wrote, is followed by a pause of the same
 * length: meanwhile events gather, and each follower sends them in one write. With few followers there is no pause.
 */
export function pacer(): Pacer {
  const due = new Set<() => void>();
  let scheduled = false;
  let notBefore = 0;
  const round = () => {
    const start = performance.now();
    const tails = [...due];
    due.clear();
    for (const wakeAll of tails) wakeAll();
    setImmediate(() => {
      const now = performance.now();
      const took = now - start;
      notBefore = took < SHORT_ROUND_MS ? 0 : now + Math.min(LONGEST_PAUSE_MS, took);
      scheduled = false;
      if (due.size > 0) schedule();
    });
  };
  const schedule = () => {
    scheduled = true;
    const pause = notBefore - performance.now();
    if (pause > 0) setTimeout(round, pause);
    else round();
  };
  return (wakeAll) => {
    due.add(wakeAll);
    if (!scheduled) schedule();
  };
}
