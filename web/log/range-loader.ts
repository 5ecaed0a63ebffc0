/** Loads the ranges of lines that the view needs, one at a time; the latest need wins. */
import { getLines, query } from '../client/requests.ts';
import type { EndRecord, OutputLine } from '../types.ts';
import type { LogStore } from './model/store.ts';

export interface RangeFilter {
  stream?: string;
  host?: string;
}

interface RangeEvents {
  loaded(lines: readonly OutputLine[]): void;
  failed(error: Error): void;
  changed(): void;
}

interface RangeLoader {
  /** Loads a range at once. */
  load(from: number, to: number, filter?: RangeFilter): Promise<void>;
  /** Loads what the store does not hold of these lines. */
  need(seqs: readonly number[], filter: RangeFilter): void;
  /** Ends a request. */
  close(): void;
}

const MAX_DELAY_MS = 8000;
const FIRST_DELAY_MS = 400;

const isFiltered = ({ stream, host }: RangeFilter) => Boolean(stream || host);

export function createRangeLoader(
  executionId: string,
  store: LogStore,
  on: RangeEvents,
  closing: AbortSignal,
): RangeLoader {
  let current: { from: number; to: number; abort: AbortController } | undefined;
  let queued: { seqs: readonly number[]; filter: RangeFilter } | undefined;
  let failures = 0;

  async function fetchLines(from: number, to: number, filter: RangeFilter, signal: AbortSignal) {
    const range = query({ follow: 'false', from_line: from, to_line: to, ...filter });
    const records = await getLines<OutputLine | { end: EndRecord }>(
      `/v1/executions/${executionId}/output${range}`,
      AbortSignal.any([signal, closing]),
    );
    return records.filter((line): line is OutputLine => 'seq' in line && typeof line.seq === 'number');
  }

  async function load(from: number, to: number, filter: RangeFilter = {}) {
    const abort = new AbortController();
    current = { from, to, abort };
    try {
      const lines = await fetchLines(from, to, filter, abort.signal);
      store.addLines(lines);
      on.loaded(lines);
      if (!isFiltered(filter)) store.settle(from, Math.min(to, store.last()));
      failures = 0;
    } catch (error) {
      if (abort.signal.aborted || closing.aborted) return;
      failures += 1;
      if (failures === 1) on.failed(error as Error);
      const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    } finally {
      if (current?.abort === abort) current = undefined;
    }
    if (closing.aborted) return;
    on.changed();
    const next = queued;
    queued = undefined;
    if (next) need(next.seqs, next.filter);
  }

  /** For lines of one stream or host. The other lines of the range are not in the answer, so lines are settled one by one. */
  function needFiltered(wanted: readonly number[], filter: RangeFilter) {
    if (current) {
      queued = { seqs: wanted, filter };
      return;
    }
    void load(wanted[0] as number, wanted.at(-1) as number, filter).then(() => {
      for (const seq of wanted) if (!store.line(seq)) store.settle(seq, seq);
    });
  }

  function need(seqs: readonly number[], filter: RangeFilter) {
    const wanted = seqs.filter((seq) => !store.line(seq));
    const [first, last] = [wanted[0], wanted.at(-1)];
    if (first === undefined || last === undefined) return;
    if (isFiltered(filter)) {
      needFiltered(wanted, filter);
      return;
    }
    const missing = store.missing(first, last);
    if (!missing) return;
    if (current) {
      if (missing.from <= current.to && missing.to >= current.from) return;
      // the reader has moved on
      current.abort.abort();
    }
    void load(missing.from, missing.to, filter);
  }

  return { load, need, close: () => current?.abort.abort() };
}
