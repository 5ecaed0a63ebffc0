/**
 * Scans candidate blocks in their order on this thread and, when there is much to scan, also on the helper's. Lets other
 * calls run every few milliseconds.
 */
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Thread } from '../../../lib/thread.ts';
import { type LineMatch, matchLines } from '../../search/match-lines.ts';
import { OutOfTime, type Scanned, type ScanRequest } from '../../search/search-loop.ts';
import type { Store } from '../store/store.ts';
import { openLines, readBlock } from './block-lines.ts';
import type { BlockCandidate } from './candidates.ts';
import type { ScanJob } from './scan-block.ts';
import type { ScanHelper } from './scan-helper.ts';

/** How long it scans before it lets other calls run. */
const SLICE_MS = 8;
/** How often it looks for answers of the helper. */
const LOOK_MS = 1;
/** Bytes that a search scans by itself before it asks for help. */
const ALONE_BYTES = 1_500_000;
/** Bytes that the helper gets at a time, and how many such batches before it has answered. */
const BATCH_BYTES = 1_000_000;
const MAX_BATCHES = 2;
/** Blocks scanned ahead of one that the helper still has. */
const MAX_QUEUED = 32;

/** A candidate that is being scanned, or waits for those before it. */
interface Scan {
  candidate: BlockCandidate;
  scannedBytes: number;
  /** Undefined while the helper has it. */
  lines?: LineMatch[];
  /** The helper could not scan it. */
  isReturned: boolean;
}

/** Candidates, each taken once. */
interface Queue {
  /** The next one; undefined when all were taken. */
  peek(): BlockCandidate | undefined;
  take(): BlockCandidate | undefined;
}

function queueOf(candidates: Iterator<BlockCandidate>): Queue {
  let next = candidates.next();
  const peek = () => (next.done ? undefined : next.value);
  return {
    peek,
    take() {
      const candidate = peek();
      if (candidate) next = candidates.next();
      return candidate;
    },
  };
}

type BlockScanRequest = ScanRequest<BlockCandidate>;

function scanHere(
  store: Store,
  candidate: BlockCandidate,
  { matcher, filterOf }: BlockScanRequest,
): Pick<Scan, 'lines' | 'scannedBytes'> {
  const found = openLines(store, candidate);
  if (!found) return { lines: [], scannedBytes: 0 };
  const { assembled, scannedBytes } = found;
  return { lines: matchLines(assembled, matcher, filterOf(candidate)), scannedBytes };
}

/** Gives the next blocks to the helper. `settled` resolves when it has answered, or failed. */
function sendBatch(
  store: Store,
  queue: Queue,
  { request: { query }, filterOf, countOnly }: BlockScanRequest,
  thread: Thread,
): { scans: Scan[]; settled: Promise<void> } {
  const scans: Scan[] = [];
  const jobs: ScanJob[] = [];
  for (let size = 0; size < BATCH_BYTES; ) {
    const candidate = queue.take();
    if (!candidate) break;
    const found = readBlock(store, candidate);
    if (!found) continue;
    size += found.rawBytes;
    jobs.push({ block: found.block, seqBefore: found.seqBefore, filter: filterOf(candidate) });
    scans.push({ candidate, scannedBytes: found.rawBytes, isReturned: false });
  }
  const settle = (results: (LineMatch[] | null)[]) => {
    for (const [at, scan] of scans.entries()) {
      const lines = results[at];
      if (scan.lines) continue;
      if (lines) scan.lines = lines;
      else scan.isReturned = true;
    }
  };
  const answer = thread.call<(LineMatch[] | null)[]>('scan', [query, countOnly, jobs]);
  return { scans, settled: answer.then(settle, () => settle([])) };
}

/** @throws OutOfTime; what was given until then is complete. */
export async function* scanWithHelper(
  store: Store,
  candidates: Iterator<BlockCandidate>,
  request: BlockScanRequest,
  helper: ScanHelper,
): AsyncGenerator<Scanned<BlockCandidate>> {
  const { deadlineMs, signal } = request;
  let sliceEndMs = performance.now() + SLICE_MS;
  let lookAtMs = 0;
  const queue = queueOf(candidates);
  const scans: Scan[] = [];
  let scannedHere = 0;
  let batches = 0;

  for (;;) {
    for (let [first] = scans; first && (first.lines || first.isReturned); [first] = scans) {
      scans.shift();
      const { candidate } = first;
      const { lines = [], scannedBytes } = first.lines ? first : scanHere(store, candidate, request);
      yield { candidate, lines, scannedBytes };
    }
    const now = performance.now();
    if (now >= sliceEndMs || (batches > 0 && now >= lookAtMs)) {
      // Answers of the helper arrive here.
      await yieldToEventLoop();
      signal?.throwIfAborted();
      lookAtMs = performance.now() + LOOK_MS;
      if (now >= sliceEndMs) sliceEndMs = performance.now() + SLICE_MS;
    }
    const isLate = now >= deadlineMs;
    const next = queue.peek();
    const mayTake = next !== undefined && !isLate && scans.length < MAX_QUEUED;
    const thread = scannedHere > ALONE_BYTES && !isLate ? helper.thread() : undefined;
    if (thread && mayTake && batches < MAX_BATCHES) {
      const batch = sendBatch(store, queue, request, thread);
      batches++;
      void batch.settled.then(() => batches--);
      scans.push(...batch.scans);
    } else if (mayTake) {
      queue.take();
      const scan = { candidate: next, isReturned: false, ...scanHere(store, next, request) };
      scannedHere += scan.scannedBytes;
      scans.push(scan);
    } else if (scans.length > 0) {
      // The helper may have no processor now. Instead of waiting, scan here what it would scan last.
      const last = scans.findLast(({ lines, isReturned }) => !lines && !isReturned);
      if (last) Object.assign(last, scanHere(store, last.candidate, request));
    } else if (next === undefined) {
      return;
    } else {
      throw new OutOfTime(next);
    }
  }
}
