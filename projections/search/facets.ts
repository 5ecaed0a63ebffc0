/** Counts matching lines by action, status, stream and time, for the overview beside search results. */
import type { SearchFacets } from './search.ts';
import { calendarOf } from './time-zone.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Bucket widths that are easy to read on an axis. */
const WIDTHS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY_MS),
];
const BUCKETS = 60;

interface FacetCounter {
  add(line: { action: string; status: string; stream: string; at: number }, count?: number): void;
  result(complete: boolean, range: { since?: number | undefined; until?: number | undefined }): SearchFacets;
}

/**
 * @param timeZone days are counted in this zone; see calendarOf.
 * @throws ServiceError `validation-failed` when there is no such zone.
 */
export function facetCounter(timeZone?: string): FacetCounter {
  const calendar = calendarOf(timeZone);
  const actions: Record<string, number> = {};
  const statuses: Record<string, number> = {};
  const streams: Record<string, number> = {};
  const seconds = new Map<number, number>();
  let total = 0;
  const increase = (counts: Record<string, number>, name: string, by: number) => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  return {
    add({ action, status, stream, at }, count = 1) {
      total += count;
      increase(actions, action, count);
      increase(statuses, status, count);
      increase(streams, stream, count);
      const second = Math.floor(at / SECOND_MS);
      seconds.set(second, (seconds.get(second) ?? 0) + count);
    },
    result(complete, { since, until }) {
      let first = Number.POSITIVE_INFINITY;
      let last = Number.NEGATIVE_INFINITY;
      for (const second of seconds.keys()) {
        first = Math.min(first, second * SECOND_MS);
        last = Math.max(last, second * SECOND_MS);
      }
      if (since !== undefined) first = since;
      if (until !== undefined) last = until;
      const widest = WIDTHS_MS.at(-1) as number;
      const bucketMs = WIDTHS_MS.find((width) => (last - first) / width < BUCKETS) ?? widest;
      const counts = new Map<number, number>();
      const days: Record<string, number> = {};
      // Buckets of hours and days begin when those of the zone do. A clock change within the range moves no bucket.
      const ahead = Number.isFinite(first) ? calendar.offsetMs(first) : 0;
      const bucketAt = (at: number) => Math.floor((at + ahead) / bucketMs) * bucketMs - ahead;
      for (const [second, count] of [...seconds].sort(([a], [b]) => a - b)) {
        const at = bucketAt(second * SECOND_MS);
        counts.set(at, (counts.get(at) ?? 0) + count);
        increase(days, calendar.dayOf(second * SECOND_MS), count);
      }
      const histogram: SearchFacets['histogram'] = [];
      const begin = bucketAt(first);
      // A range of many years would give too many buckets.
      for (let at = begin; at <= last && histogram.length <= 10 * BUCKETS; at += bucketMs) {
        histogram.push({ at, count: counts.get(at) ?? 0 });
      }
      return { total, complete, actions, statuses, streams, days, histogram, bucketMs };
    },
  };
}
