/**
 * Search inside one execution's log, over all of it: the server finds, this keeps the hits and where the reader is among
 * them. A plain text is searched as it is typed; a regular expression means what RE2 says it means.
 */
import { getJson, query } from '../client/requests.ts';
import type { SearchFacets, SearchHit, SearchPage } from '../types.ts';

export interface FindQuery {
  text: string;
  regex: boolean;
  matchCase: boolean;
}

export interface FindState {
  /** Hits found so far, in order of lines. */
  hits: readonly { seq: number; highlights: readonly [number, number][]; text: string }[];
  /** Matching lines in all, where the server has counted them. */
  total: number | undefined;
  busy: boolean;
  /** All hits are here. */
  complete: boolean;
  index: number;
  error: string;
}

const PAGE = 500;
const MAX_PAGES = 40;

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

/** Ranges of a literal text in a line, for rows whose hits have not come from the server. */
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

/** The hit to go to from a line: the first at or after it (or before it), around the end when there is none. */
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
  state(): FindState;
  query(): FindQuery | undefined;
  find(asked: FindQuery | undefined, fromSeq: number): void;
  /** Asks again, because lines were added; keeps the place. */
  again(): void;
  step(direction: 1 | -1): void;
  rangesOf(seq: number, visible: string): readonly (readonly [number, number])[];
  close(): void;
}

export function createFinder(
  id: string,
  narrow: () => { stream?: string; host?: string },
  changed: (state: FindState, jump: boolean) => void,
): Finder {
  let state = NOTHING_FOUND;
  let asked: FindQuery | undefined;
  let bySeq = new Map<number, { highlights: readonly [number, number][]; text: string }>();
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function set(next: Partial<FindState>, jump = false) {
    state = { ...state, ...next };
    changed(state, jump);
  }

  async function run(what: FindQuery, fromSeq: number, keepSeq: number | undefined) {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const base = { q: serverQuery(what), execution: id, ...narrow() };
    const hits: FindState['hits'][number][] = [];
    const map = new Map<number, { highlights: readonly [number, number][]; text: string }>();
    const counted = getJson<SearchFacets>(`/v1/search/facets${query(base)}`, signal).then(
      (facets) => facets.total,
      () => undefined,
    );
    try {
      let cursor: string | undefined;
      let placed = keepSeq !== undefined;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const found: SearchPage = await getJson(
          `/v1/search${query({ ...base, limit: PAGE, cursor })}`,
          signal,
        );
        for (const hit of found.hits as SearchHit[]) {
          hits.push({ seq: hit.seq, highlights: hit.highlights, text: hit.text });
          map.set(hit.seq, { highlights: hit.highlights, text: hit.text });
        }
        bySeq = map;
        cursor = found.cursor;
        const seqs = hits.map((hit) => hit.seq);
        let { index } = state;
        let jump = false;
        if (keepSeq !== undefined) index = seqs.indexOf(keepSeq);
        else if (!placed && hits.length && ((seqs[seqs.length - 1] ?? 0) >= fromSeq || !cursor)) {
          index = nearest(seqs, fromSeq, 1);
          placed = true;
          jump = true;
        }
        set({ hits, index, complete: !cursor, busy: Boolean(cursor), error: '' }, jump);
        if (!cursor) break;
      }
      const total = await counted;
      if (!signal.aborted) set({ total: total ?? (state.complete ? hits.length : undefined), busy: false });
    } catch (error) {
      if (!signal.aborted) set({ busy: false, error: (error as Error).message });
    }
  }

  return {
    state: () => state,
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
      timer = setTimeout(() => void run(what, fromSeq, undefined), 140);
    },
    again() {
      if (!asked || state.busy) return;
      void run(asked, 1, state.hits[state.index]?.seq ?? -1);
    },
    step(direction) {
      const count = state.hits.length;
      if (!count) return;
      const index = state.index < 0 ? 0 : (state.index + direction + count) % count;
      set({ index }, true);
    },
    rangesOf(seq, visible) {
      if (!asked) return [];
      const hit = bySeq.get(seq);
      if (hit && hit.text === visible) return hit.highlights;
      if (!asked.regex) return literalRanges(visible, asked);
      if (!hit) return [];
      // what is shown differs from what was searched (a redrawn line): mark the same words where they still stand
      return hit.highlights.flatMap(([from, to]) => {
        const at = visible.indexOf(hit.text.slice(from, to));
        return at < 0 ? [] : [[at, at + to - from] as [number, number]];
      });
    },
    close() {
      clearTimeout(timer);
      abort.abort();
    },
  };
}
