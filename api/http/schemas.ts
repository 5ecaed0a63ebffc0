/**
 * What routes share in their descriptions: query parameters, read as tolerantly as StackStorm reads them, and answers.
 * The documents themselves are in `wire/`.
 */
import { z } from '@hono/zod-openapi';
import { STATUSES } from '../../events/event.ts';
import { parseDuration } from '../../lib/duration.ts';
import { calendarOf } from '../../projections/search/time-zone.ts';
import { problemResponse } from './problems.ts';

const YES = ['true', '1', 'yes', 'y', 'on', 't'];
const NO = ['false', '0', 'no', 'n', 'off', 'f'];

/** `true`, `1`, `yes`, `y` … in any case. */
export function booleanQuery(name: string, fallback?: boolean) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === '') return fallback;
      if (YES.includes(value.toLowerCase())) return true;
      if (NO.includes(value.toLowerCase())) return false;
      context.addIssue({ code: 'custom', message: `Parameter "${name}" is not of type boolean` });
      return z.NEVER;
    })
    .openapi({ type: 'boolean', ...(fallback === undefined ? {} : { default: fallback }) });
}

export function integerQuery(name: string, bounds: { min?: number; max?: number } = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === '') return undefined;
      if (!/^-?[0-9]+$/.test(value)) {
        context.addIssue({ code: 'custom', message: `Parameter "${name}" is not of type integer` });
        return z.NEVER;
      }
      const number = Number(value);
      if (number < min || number > max) {
        context.addIssue({
          code: 'custom',
          message: `Parameter "${name}" must be between ${min} and ${max}`,
        });
        return z.NEVER;
      }
      return number;
    })
    .openapi({ type: 'integer', minimum: min, maximum: max });
}

/** A time as RFC 3339, or as a duration ago such as `10m`; milliseconds since the epoch. */
export function timeQuery(name: string, now: () => number = Date.now) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === '') return undefined;
      // A plus sign of a zone that was not percent-encoded arrives as a space.
      const text = value.trim().replace(/ (\d\d:?\d\d)$/, '+$1');
      if (/^\d{4}-\d\d-\d\d/.test(text)) {
        const at = Date.parse(text);
        if (!Number.isNaN(at)) return at;
      } else {
        const ago = parseDuration(text);
        if (ago !== undefined) return now() - ago;
      }
      context.addIssue({
        code: 'custom',
        message: `Parameter "${name}" is neither a time (2026-11-23T12:00:00Z) nor a duration ago (10m, 1h30m)`,
      });
      return z.NEVER;
    })
    .openapi({ type: 'string', description: 'RFC 3339, or a duration ago such as `10m`' });
}

/** A time zone whose days are meant; a plus sign that was not percent-encoded arrives as a space. */
export function zoneQuery(name: string) {
  return z
    .string()
    .max(100)
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === '') return undefined;
      const zone = value.replace(/^ (?=\d)/, '+');
      try {
        calendarOf(zone);
        return zone;
      } catch {
        context.addIssue({
          code: 'custom',
          message: `Parameter "${name}" is neither the name of a time zone (Europe/Berlin) nor an offset (+05:30)`,
        });
        return z.NEVER;
      }
    })
    .openapi({
      type: 'string',
      description: 'Whose days are counted: an IANA name, or an offset such as `+05:30`; `UTC` when absent',
      example: 'Europe/Berlin',
    });
}

/** A comma-separated list; the word `null` alone means that the filter is off. */
export function listQuery() {
  return z
    .string()
    .optional()
    .transform((value) => {
      const items = value
        ?.split(',')
        .map((item) => item.trim())
        .filter(Boolean);
      return items && items.length > 0 && value !== 'null' ? items : undefined;
    })
    .openapi({ type: 'string', description: 'Several, separated by commas' });
}

export function statusListQuery() {
  return listQuery().transform((items, context) => {
    const bad = items?.find((item) => !(STATUSES as readonly string[]).includes(item));
    if (bad === undefined) return items as (typeof STATUSES)[number][] | undefined;
    context.addIssue({
      code: 'custom',
      message: `"${bad.slice(0, 40)}" is not a status; the statuses are ${STATUSES.join(', ')}`,
    });
    return z.NEVER;
  });
}

export function streamQuery() {
  return z
    .enum(['stdout', 'stderr', 'all'])
    .optional()
    .transform((value) => (value === 'all' ? undefined : value));
}

export const AttributesQuery = {
  include_attributes: listQuery(),
  exclude_attributes: listQuery(),
};

export const IdParam = z.object({
  id: z
    .string()
    .min(1)
    .max(100)
    .openapi({
      param: { name: 'id', in: 'path' },
      example: 'last',
      description: 'An id, a unique beginning of one, or `last`',
    }),
});

/** A JSON answer and the problem that may come instead. */
export function answers<S extends z.ZodType, const Status extends number = 200>(
  schema: S,
  description: string,
  status: Status = 200 as Status,
): Record<Status, { description: string; content: { 'application/json': { schema: S } } }> & {
  default: typeof problemResponse;
} {
  const answer = { description, content: { 'application/json': { schema } } };
  return { [status]: answer, default: problemResponse } as ReturnType<typeof answers<S, Status>>;
}

/** OpenAPI 3.1 cannot describe the messages of an event stream. */
export const EventStream = z.any().openapi({ description: 'Server-sent events' });
