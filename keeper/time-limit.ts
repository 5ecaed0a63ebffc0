/** The time limit of a command, counted from its start by a clock that nobody sets, across keepers. */
import { uptime } from 'node:os';
import { readOwn } from './own-file.ts';

/** A timer of Node holds less than 25 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_CLAIM_BYTES = 100;

/** Seconds since boot at which the wrapper made the claim; undefined where the system does not say. */
function startOf(claim: string): number | undefined {
  const [, text] = (readOwn(claim, MAX_CLAIM_BYTES)?.toString('latin1') ?? '').trim().split(' ');
  return text ? Number(text) : undefined;
}

/**
 * @param timeoutMs 0 means never.
 * @returns a cancel function.
 */
export function limitTime(claim: string, timeoutMs: number, onOver: () => void): () => void {
  if (timeoutMs <= 0) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const start = startOf(claim);
    const leftMs = timeoutMs - (start === undefined ? 0 : Math.max(0, (uptime() - start) * 1000));
    timer = setTimeout(leftMs > MAX_TIMER_MS ? wait : onOver, Math.min(MAX_TIMER_MS, Math.max(0, leftMs)));
  };
  wait();
  return () => clearTimeout(timer);
}
