/** Calendar days of a time zone, from the zone tables of the runtime. */
import { ServiceError } from '../../lib/errors.ts';

const QUARTER_MS = 15 * 60_000;

interface Calendar {
  /** The day in the zone at this instant, as `2026-11-23`. */
  dayOf(at: number): string;
  /** How far the zone's clocks are ahead of UTC at this instant, in milliseconds; negative west of UTC. */
  offsetMs(at: number): number;
}

/**
 * @param zone an IANA name such as `Europe/Berlin`, or an offset such as `+05:30`.
 * @throws ServiceError `validation-failed` when there is no such zone.
 */
export function calendarOf(zone = 'UTC'): Calendar {
  const format = formatOf(zone);
  // Clocks change only at full quarters of an hour, and the tables are a thousand times slower than a map.
  const known = new Map<number, number>();
  function offsetMs(at: number): number {
    const quarter = Math.floor(at / QUARTER_MS);
    let offset = known.get(quarter);
    if (offset === undefined) {
      offset = wallClock(format, quarter * QUARTER_MS) - quarter * QUARTER_MS;
      known.set(quarter, offset);
    }
    return offset;
  }
  return {
    offsetMs,
    dayOf: (at) => new Date(at + offsetMs(at)).toISOString().slice(0, 10),
  };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    throw new ServiceError(
      'validation-failed',
      `Unknown time zone "${zone}". Give a name such as Europe/Berlin, or an offset such as +05:30.`,
    );
  }
}

/** The time that a clock in the zone shows, as if it were UTC. */
function wallClock(format: Intl.DateTimeFormat, at: number): number {
  const field: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) field[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = field;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
