/** The filters of a search, as in the address. */
import { dateTime, dayRange } from '../../lib/format.ts';

export interface SearchFilters {
  q: string;
  action: string;
  status: string;
  stream: string;
  /** A time, or a duration before now. */
  since: string;
  until: string;
}

export const NO_FILTERS = { action: '', status: '', stream: '', since: '', until: '' } as const;

export function filtersOf(search: URLSearchParams): SearchFilters {
  const get = (name: string) => search.get(name) ?? '';
  return {
    q: get('q'),
    action: get('action'),
    status: get('status'),
    stream: get('stream'),
    since: get('since'),
    until: get('until'),
  };
}

/** The times of a day in the reader's time zone; none for no day. */
export function rangeOf(day: string): { since: string; until: string } {
  if (!day) return { since: '', until: '' };
  const { from, to } = dayRange(day);
  return { since: new Date(from).toISOString(), until: new Date(to).toISOString() };
}

/** The day that the filters ask for, if it is exactly one; else an empty string. */
export function dayOf({ since, until }: SearchFilters): string {
  const at = Date.parse(since);
  if (Number.isNaN(at)) return '';
  const day = dateTime(at).slice(0, 10);
  const range = rangeOf(day);
  return range.since === since && range.until === until ? day : '';
}
