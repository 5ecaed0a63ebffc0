/** The partitions that a member of a consumer group has at the moment. */
export interface Assignment {
  /** Undefined during a rebalance and after the end. */
  get(): number[] | undefined;
  set(partitions: number[] | undefined): void;
  /** Sets it to undefined for good. */
  end(): void;
  /** Resolves at the next change, or when aborted. */
  changed(signal: AbortSignal): Promise<void>;
}

export function createAssignment(): Assignment {
  const waiting = new Set<() => void>();
  let assigned: number[] | undefined;
  let ended = false;
  const set = (to: number[] | undefined) => {
    if (assigned === to || (ended && to)) return;
    assigned = to;
    for (const wake of waiting) wake();
    waiting.clear();
  };
  return {
    get: () => assigned,
    set,
    end() {
      ended = true;
      set(undefined);
    },
    /** Resolves at the next change, or when aborted. */
    changed(signal) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}
