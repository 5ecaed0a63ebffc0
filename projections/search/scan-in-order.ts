/** Scans candidates one after the other, on the calling thread. */
import type { Assembled } from './assemble.ts';
import { matchLines } from './match-lines.ts';
import { type Candidate, OutOfTime, type Scanned, type ScanRequest } from './search-loop.ts';

/** @throws OutOfTime, but never before the first candidate: every call makes progress, however slow the engine is. */
export async function* scanInOrder<C extends Candidate>(
  candidates: AsyncIterable<C>,
  open: (candidate: C) => Promise<{ assembled: Assembled; scannedBytes: number }>,
  { matcher, filterOf, deadlineMs, signal }: ScanRequest<C>,
): AsyncGenerator<Scanned<C>> {
  let isFirst = true;
  for await (const candidate of candidates) {
    signal?.throwIfAborted();
    if (!isFirst && performance.now() > deadlineMs) throw new OutOfTime(candidate);
    isFirst = false;
    const { assembled, scannedBytes } = await open(candidate);
    yield { candidate, lines: matchLines(assembled, matcher, filterOf(candidate)), scannedBytes };
  }
}
