/** Warnings about what keeps failing: not of short failures, and not at every try. */
import { toServiceError } from './service-error.ts';

/** A broker that is started again takes no longer. */
const WARN_AFTER_MS = 10_000;
const WARN_EVERY_MS = 60_000;

/** @param what the subject of the warning, for example `To read linefeed.output`; @param since in time of `performance.now()`. */
export type WarnOfOutage = (what: string, since: number, cause: unknown) => void;

export function createOutageWarnings(
  brokers: readonly string[],
  warn: ((message: string) => void) | undefined,
): WarnOfOutage {
  const warnedAt = new Map<string, number>();
  return (what, since, cause) => {
    const now = performance.now();
    const last = warnedAt.get(what) ?? Number.NEGATIVE_INFINITY;
    if (now - since < WARN_AFTER_MS || now - last < WARN_EVERY_MS) return;
    warnedAt.set(what, now);
    const seconds = Math.round((now - since) / 1000);
    const reason = toServiceError(cause, brokers).message;
    warn?.(`${what} has not been possible for ${seconds} s and is tried again: ${reason}`);
  };
}
