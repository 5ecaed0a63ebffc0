/**
 * Scans candidate blocks in their order, within a time budget, on this thread and, when there is much to scan, on the
 * helper's. Gives way to other calls every few milliseconds.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type LineMatch, matchLines } from '../../search/lines.ts';
import { OutOfTime, type Scanned, type ScanRequest } from '../../search/search-loop.ts';
import type { Store } from '../store/store.ts';
import { open, readBlock } from './block-lines.ts';
import type { BlockCandidate } from './candidates.ts';
import type { ScanJob } from './scan-block.ts';
import type { ScanHelper } from './scan-helper.ts';

const SLICE_MS = 8;
/** How often it sees whether the helper has answered. */
const LOOK_MS = 1;
/** What a search goes through by itself before it asks for help. */
const ALONE_BYTES = 1_500_000;
/** What the helper gets at a time, and how often before it has answered. */
const BATCH_BYTES = 1_000_000;
const MOST_AWAY = 2;
/** Blocks scanned ahead of one that the helper still has. */
const MOST_AHEAD = 32;

/** A candidate whose turn it is, or will be when those in front of it are done. */
interface Place {
  candidate: BlockCandidate;
  scannedBytes: number;
  /** Undefined while the helper has it. */
  lines?: LineMatch[];
  /** The helper could not do it. */
  isBack: boolean;
}

/** @throws OutOfTime; what was given until then is complete. */
export async function* scan(
  store: Store,
  candidates: Iterator<BlockCandidate>,
  { request: { query }, matcher, filterOf, countOnly, deadlineMs, signal }: ScanRequest<BlockCandidate>,
  helper: ScanHelper,
): AsyncGenerator<Scanned<BlockCandidate>> {
  let slice = performance.now() + SLICE_MS;
  let look = 0;
  let next = candidates.next();
  let bytes = 0;
  let away = 0;
  const places: Place[] = [];

  function take(): BlockCandidate {
    const candidate = next.value as BlockCandidate;
    next = candidates.next();
    return candidate;
  }

  function here(candidate: BlockCandidate): Pick<Place, 'lines' | 'scannedBytes'> {
    const opened = open(store, candidate);
    if (!opened) return { lines: [], scannedBytes: 0 };
    const { assembled, scannedBytes } = opened;
    return { lines: matchLines(assembled, matcher, filterOf(candidate)), scannedBytes };
  }

  /** Hands the next blocks to the helper. */
  function send(thread: NonNullable<ReturnType<ScanHelper['thread']>>): void {
    const batch: Place[] = [];
    const jobs: ScanJob[] = [];
    for (let size = 0; size < BATCH_BYTES && !next.done; ) {
      const candidate = take();
      const found = readBlock(store, candidate);
      if (!found) continue;
      size += found.rawBytes;
      jobs.push({ block: found.block, seqBefore: found.seqBefore, filter: filterOf(candidate) });
      batch.push({ candidate, scannedBytes: found.rawBytes, isBack: false });
    }
    places.push(...batch);
    away++;
    const settle = (results: (LineMatch[] | null)[]) => {
      for (const [at, place] of batch.entries()) {
        const lines = results[at];
        if (place.lines) continue;
        if (lines) place.lines = lines;
        else place.isBack = true;
      }
      away--;
    };
    thread.call<(LineMatch[] | null)[]>('scan', [query, countOnly, jobs]).then(settle, () => settle([]));
  }

  for (;;) {
    for (let [first] = places; first && (first.lines || first.isBack); [first] = places) {
      places.shift();
      const { candidate } = first;
      const { lines = [], scannedBytes } = first.lines ? first : here(candidate);
      yield { candidate, lines, scannedBytes };
    }
    const now = performance.now();
    if (now >= slice || (away > 0 && now >= look)) {
      // The helper's answers come in between turns.
      await turn();
      signal?.throwIfAborted();
      look = performance.now() + LOOK_MS;
      if (now >= slice) slice = performance.now() + SLICE_MS;
    }
    const isLate = now >= deadlineMs;
    const thread = bytes > ALONE_BYTES && !isLate ? helper.thread() : undefined;
    if (thread && away < MOST_AWAY && !next.done && places.length < MOST_AHEAD) {
      send(thread);
    } else if (!next.done && !isLate && places.length < MOST_AHEAD) {
      const candidate = take();
      const place: Place = { candidate, isBack: false, ...here(candidate) };
      bytes += place.scannedBytes;
      places.push(place);
    } else if (places.length > 0) {
      // Rather than wait for the helper, which may have no processor now, it does what the helper would do last.
      const place = places.findLast(({ lines, isBack }) => !lines && !isBack);
      if (place) Object.assign(place, here(place.candidate));
    } else if (next.done) {
      return;
    } else {
      throw new OutOfTime(next.value);
    }
  }
}
