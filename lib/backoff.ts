/** Pauses between the tries of something that fails: each is twice as long as the one before, up to a limit. */
import { abortableSleep } from './abortable-sleep.ts';

interface BackoffOptions {
  firstMs: number;
  longestMs: number;
  /** The part of a pause that is random, 0 to 1: clients that failed together do not try again together. Default 0. */
  jitter?: number;
}

interface Backoff {
  /** Length of the next pause in milliseconds, before jitter. */
  readonly nextMs: number;
  /** Pauses, and doubles the next pause. Resolves early when the signal is aborted. */
  pause(signal?: AbortSignal): Promise<void>;
  /** The next pause is the first one again; to be called after a success. */
  reset(): void;
}

export function createBackoff({ firstMs, longestMs, jitter = 0 }: BackoffOptions): Backoff {
  let nextMs = firstMs;
  return {
    get nextMs() {
      return nextMs;
    },
    pause(signal) {
      const pauseMs = nextMs * (1 - jitter * Math.random());
      nextMs = Math.min(nextMs * 2, longestMs);
      return abortableSleep(pauseMs, signal);
    },
    reset() {
      nextMs = firstMs;
    },
  };
}
