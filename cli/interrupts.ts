/**
 * Signals from a person or a supervisor. The launcher forwards its signals, and a terminal or supervisor may signal the
 * whole process group too. So the same signal twice within `DUPLICATE_MS` counts once.
 */
const DUPLICATE_MS = 150;

/** Calls `handler` for each of these signals. Returns a function that removes the handler. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  handler: (signal: NodeJS.Signals) => void,
): () => void {
  const last = new Map<NodeJS.Signals, number>();
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    const before = last.get(signal);
    last.set(signal, now);
    if (before !== undefined && now - before < DUPLICATE_MS) return;
    handler(signal);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
