/**
 * Search inside the whole log of one execution: the server searches, this keeps the hits and the reader's place among
 * them. A plain text is searched literally; a regular expression is one of RE2.
 */
import { getJson, query } from '../client/requests.ts';
import type { SearchFacets, SearchPage } from '../types.ts';

interface FindQuery {
  text: string;
  regex: boolean;
  matchCase: boolean;
}

interface FoundLine {
  seq: number;
  highlights: readonly [number, number][];
  text: string;
}

export interface FindState {
  /** Hits found so far, in order of lines. */
  hits: readonly FoundLine[];
  /** All matching lines; undefined until the server has counted them. */
  total: number | undefined;
  busy: boolean;
  /** All hits have been loaded. */
  complete: boolean;
  /** Of the hit that the reader is at; -1 when at none. */
  index: number;
  error: string;
}

const PAGE = 500;
const MAX_PAGES = 40;
/** The reader may still be typing. */
const TYPING_MS = 140;

export const NOTHING_FOUND: FindState = {
  hits: [],
  total: undefined,
  busy: false,
  complete: true,
  index: -1,
  error: '',
};

/** The query in the server's language. */
export function serverQuery({ text, regex, matchCase }: FindQuery): string {
  const source = regex ? text : text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const pattern = regex ? source.replace(/(^|[^\\])((?:\\\\)*)\//g, '$1$2\\/') : source;
  return `/${pattern}/${matchCase ? '' : 'i'}`;
}

/** Ranges of a literal text in a line, for rows whose hits the server has not sent yet. */
export function literalRanges(line: string, { text, matchCase }: FindQuery): [number, number][] {
  const ranges: [number, number][] = [];
  if (!text) return ranges;
  const hay = matchCase ? line : line.toLowerCase();
  const needle = matchCase ? text : text.toLowerCase();
  for (
    let at = hay.indexOf(needle);
    at >= 0 && ranges.length < 500;
    at = hay.indexOf(needle, at + needle.length)
  ) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
}

/** Index of the first hit at or after a line (or the last before it), around the end; -1 when there are no hits. */
export function nearest(seqs: readonly number[], from: number, direction: 1 | -1): number {
  if (!seqs.length) return -1;
  let [low, high] = [0, seqs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((seqs[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  if (direction === 1) return low < seqs.length ? low : 0;
  if (seqs[low] === from) return low;
  return low > 0 ? low - 1 : seqs.length - 1;
}

export interface Finder {
  query(): FindQuery | undefined;
  /** @param next undefined ends the search. @param fromSeq the hit at or after this line becomes the current one. */
  find(next: FindQuery | undefined, fromSeq: number): void;
  /** Searches again, because lines were added; keeps the current hit. */
  again(): void;
  step(direction: 1 | -1): void;
  /** What to mark in a line. */
  rangesOf(seq: number, visible: string): readonly (readonly [number, number])[];
  close(): void;
}

/** Loads all hits page by page. `onPage` gets the hits so far and whether there are more. */
async function loadHits(
  base: Record<string, string | undefined>,
  signal: AbortSignal,
  onPage: (hits: FoundLine[], more: boolean) => void,
): Promise<void> {
  const hits: FoundLine[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const path = `/v1/search${query({ ...base, limit: PAGE, cursor })}`;
    const found: SearchPage = await getJson(path, signal);
    for (const { seq, highlights, text } of found.hits) hits.push({ seq, highlights, text });
    cursor = found.cursor;
    onPage([...hits], cursor !== undefined);
    if (!cursor) return;
  }
}

/** Marks in a line that may be shown differently from how it was searched (a redrawn line). */
function rangesIn(visible: string, hit: FoundLine | undefined, asked: FindQuery): [number, number][] {
  if (!asked.regex) return literalRanges(visible, asked);
  if (!hit) return [];
  return hit.highlights.flatMap(([from, to]) => {
    const at = visible.indexOf(hit.text.slice(from, to));
    return at < 0 ? [] : [[at, at + to - from] as [number, number]];
  });
}

/**
 * @param filter narrows the search.
 * @param changed is called with each new state, and whether to jump to the current hit.
 */
export function createFinder(
  id: string,
  filter: () => { stream?: string; host?: string },
  changed: (state: FindState, jump: boolean) => void,
): Finder {
  let state = NOTHING_FOUND;
  let asked: FindQuery | undefined;
  let bySeq = new Map<number, FoundLine>();
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function set(next: Partial<FindState>, jump = false) {
    state = { ...state, ...next };
    changed(state, jump);
  }

  /** @param keepSeq the hit to stay at; undefined goes to the one nearest to `fromSeq`. */
  async function run(what: FindQuery, fromSeq: number, keepSeq: number | undefined) {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const base = { q: serverQuery(what), execution: id, ...filter() };
    const counted = getJson<SearchFacets>(`/v1/search/facets${query(base)}`, signal).then(
      (facets) => facets.total,
      () => undefined,
    );
    let placed = keepSeq !== undefined;
    try {
      await loadHits(base, signal, (hits, more) => {
        bySeq = new Map(hits.map((hit) => [hit.seq, hit]));
        const seqs = hits.map((hit) => hit.seq);
        const jump = !placed && hits.length > 0 && ((seqs.at(-1) ?? 0) >= fromSeq || !more);
        let { index } = state;
        if (keepSeq !== undefined) index = seqs.indexOf(keepSeq);
        else if (jump) index = nearest(seqs, fromSeq, 1);
        placed ||= jump;
        set({ hits, index, complete: !more, busy: more, error: '' }, jump);
      });
      const total = (await counted) ?? (state.complete ? state.hits.length : undefined);
      if (!signal.aborted) set({ total, busy: false });
    } catch (error) {
      if (!signal.aborted) set({ busy: false, error: (error as Error).message });
    }
  }

  return {
    query: () => asked,
    find(next, fromSeq) {
      clearTimeout(timer);
      asked = next?.text ? next : undefined;
      bySeq = new Map();
      abort.abort();
      if (!asked) {
        set(NOTHING_FOUND);
        return;
      }
      set({ ...NOTHING_FOUND, busy: true, complete: false });
      const what = asked;
      timer = setTimeout(() => void run(what, fromSeq, undefined), TYPING_MS);
    },
    again() {
      if (!asked || state.busy) return;
      void run(asked, 1, state.hits[state.index]?.seq ?? -1);
    },
    step(direction) {
      const count = state.hits.length;
      if (!count) return;
      set({ index: state.index < 0 ? 0 : (state.index + direction + count) % count }, true);
    },
    rangesOf(seq, visible) {
      if (!asked) return [];
      const hit = bySeq.get(seq);
      return hit?.text === visible ? hit.highlights : rangesIn(visible, hit, asked);
    },
    close() {
      clearTimeout(timer);
      abort.abort();
    },
  };
}
