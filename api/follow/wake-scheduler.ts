/** Paces how often followers are woken, so that waking a thousand of them leaves time for everything else. */

const LONGEST_PAUSE_MS = 100;
/** A shorter round needs no pause. */
const SHORT_ROUND_MS = 4;

/** Calls the function in the next round; a function that is due already is called once. */
export type WakeScheduler = (wakeAll: () => void) => void;

/**
 * Wakes in rounds. A long round, in which a thousand followers wrote, is followed by a pause of the same length, so
 * that waking takes at most half of the time. During the pause events collect, and each follower sends them in one
 * write. With few followers there is no pause.
 */
export function wakeScheduler(): WakeScheduler {
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
