/**
 * Bounds how many followers read history at once, because each reader holds pages of it in memory. The others wait in
 * the order in which they asked. A slot expires: a reader whose time is up while others wait releases it and asks again.
 */
export interface ReadSlot {
  /** True when the time is up and another reader waits. */
  readonly expired: boolean;
  /** Hands the slot to the next reader; a second call does nothing. */
  release(): void;
}

export interface ReadLimiter {
  /** Resolves with a slot, or with undefined when the signal aborts first. */
  acquire(signal: AbortSignal): Promise<ReadSlot | undefined>;
}

/** @param sliceMs how long a reader may keep its slot while others wait. */
export function readLimiter(slots: number, sliceMs: number): ReadLimiter {
  const waiting = new Set<() => void>();
  let free = slots;

  function occupy(): ReadSlot {
    const since = performance.now();
    let released = false;
    return {
      get expired() {
        return waiting.size > 0 && performance.now() - since > sliceMs;
      },
      release() {
        if (released) return;
        released = true;
        const [next] = waiting;
        if (!next) free += 1;
        else {
          waiting.delete(next);
          next();
        }
      },
    };
  }

  return {
    acquire(signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(occupy());
      }
      return new Promise((resolve) => {
        const granted = () => {
          signal.removeEventListener('abort', abandoned);
          resolve(occupy());
        };
        const abandoned = () => {
          waiting.delete(granted);
          resolve(undefined);
        };
        signal.addEventListener('abort', abandoned, { once: true });
        waiting.add(granted);
      });
    },
  };
}
