/**
 * Signals that a person or a supervisor sends us. The launcher forwards what it gets, and a terminal or a supervisor
 * may signal the whole process group as well, so the same signal twice within moments counts once.
 */
const SAME_MS = 150;

/** Calls `handler` for each of these signals; returns what stops that. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  handler: (signal: NodeJS.Signals) => void,
): () => void {
  const last = new Map<NodeJS.Signals, number>();
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    const before = last.get(signal);
    last.set(signal, now);
    if (before !== undefined && now - before < SAME_MS) return;
    handler(signal);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
