/** Wakes one waiter. A wake-up that arrives while nobody waits is kept, so none is lost. */

export interface WakeSignal {
  /** Ends the present wait, or else the next one. */
  wake(): void;
  /**
   * Resolves at the next wake-up, at once when one arrived since the last wait; any number of them count as one. One caller
   * waits at a time.
   * @returns false when `timeoutMs` passed without a wake-up.
   */
  wait(timeoutMs?: number): Promise<boolean>;
}

export function createWakeSignal(): WakeSignal {
  let isPending = false;
  let release: (() => void) | undefined;
  return {
    wake() {
      isPending = true;
      release?.();
    },
    async wait(timeoutMs) {
      if (!isPending) {
        await new Promise<void>((resolve) => {
          const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
          release = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      release = undefined;
      const isAwake = isPending;
      isPending = false;
      return isAwake;
    },
  };
}
