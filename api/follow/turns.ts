/**
 * Lets only so many at once hold pages of history in memory, in the order they asked; the rest wait. Who has had its
 * time while others wait hands its turn on and asks again.
 */
export interface Turn {
  /** True when the time is up and somebody waits. */
  readonly over: boolean;
  end(): void;
}

export interface Turns {
  /** Undefined when the signal aborted first. */
  take(signal: AbortSignal): Promise<Turn | undefined>;
}

export function turns(places: number, sliceMs: number): Turns {
  const waiting = new Set<() => void>();
  let free = places;

  function begin(): Turn {
    const since = performance.now();
    let ended = false;
    return {
      get over() {
        return waiting.size > 0 && performance.now() - since > sliceMs;
      },
      end() {
        if (ended) return;
        ended = true;
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
    take(signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(begin());
      }
      return new Promise((resolve) => {
        const granted = () => {
          signal.removeEventListener('abort', abandoned);
          resolve(begin());
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
