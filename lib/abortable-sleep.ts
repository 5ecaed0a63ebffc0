/** A pause that an abort cuts short. */
import { setTimeout as delay } from 'node:timers/promises';

/** A timer of Node holds less than 25 days; a longer pause ends early. */
const LONGEST_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or as soon as the signal is aborted; never rejects. */
export async function abortableSleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(ms, LONGEST_MS), undefined, signal ? { signal } : {});
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
