/**
 * What is known about lines that are not loaded: group markers and lines that look like errors. They are
 * noted in loaded lines and searched on the server in older ones.
 */
import { getJson, query } from '../client/requests.ts';
import type { SearchPage } from '../types.ts';
import { MARKER_PATTERN, type Marker, markerOf } from './model/groups.ts';
import type { Line } from './model/line.ts';

const ERROR_PATTERN = '\\b(error|fatal|panic|exception|traceback|failed|failure)\\b';
const ERROR = new RegExp(ERROR_PATTERN, 'i');
/** Characters of a line that are searched for an error. */
const SEARCHED_CHARS = 4000;
const MAX_LANDMARKS = 20_000;
const PAGE = 500;
const MAX_MARKER_PAGES = 20;
const MAX_ERROR_PAGES = 8;
/** The lines in view are loaded first. */
const DELAY_MS = 400;

interface Landmarks {
  /** In order of lines. */
  markers(): Marker[];
  /** Lines that look like errors, in order. */
  errors(): number[];
  note(line: Line): void;
  /** Searches the lines up to `last`. Without an answer the log can still be read, so this never rejects. */
  search(last: number): Promise<void>;
}

/** Adds to an ascending list; most of what is added is greater than all. Returns false when it was there. */
export function insertSorted<T>(list: T[], value: T, by: (item: T) => number): boolean {
  let at = list.length;
  while (at > 0 && by(list[at - 1] as T) > by(value)) at -= 1;
  if (at > 0 && by(list[at - 1] as T) === by(value)) return false;
  list.splice(at, 0, value);
  return true;
}

export function createLandmarks(executionId: string, changed: () => void, signal: AbortSignal): Landmarks {
  const markers: Marker[] = [];
  const errors: number[] = [];
  const addMarker = (marker: Marker | undefined) => {
    if (marker) insertSorted(markers, marker, (item) => item.seq);
  };
  const addError = (seq: number) => insertSorted(errors, seq, (item) => item);

  async function searchPages(
    pattern: string,
    maxPages: number,
    onHit: (hit: SearchPage['hits'][number]) => void,
  ) {
    let cursor: string | undefined;
    for (let page = 0; page < maxPages; page += 1) {
      const found = await getJson<SearchPage>(
        `/v1/search${query({ q: `/${pattern}/i`, execution: executionId, limit: PAGE, cursor })}`,
        signal,
      );
      for (const hit of found.hits) onHit(hit);
      changed();
      cursor = found.cursor;
      if (!cursor) return;
    }
  }

  return {
    markers: () => markers,
    errors: () => errors,
    note({ seq, text, at }) {
      if (markers.length < MAX_LANDMARKS) addMarker(markerOf(seq, text, at));
      if (errors.length < MAX_LANDMARKS && ERROR.test(text.slice(0, SEARCHED_CHARS))) addError(seq);
    },
    async search(last) {
      if (last < 1) return;
      await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
      if (signal.aborted) return;
      try {
        await searchPages(MARKER_PATTERN, MAX_MARKER_PAGES, ({ seq, text, at }) => {
          if (seq <= last) addMarker(markerOf(seq, text, Date.parse(at)));
        });
        await searchPages(ERROR_PATTERN, MAX_ERROR_PAGES, ({ seq }) => addError(seq));
      } catch {
        // the log can be read without them
      }
    },
  };
}
