/** The forms of a setting's value: what a file or a variable may hold, and what the code reads. */
import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { compileExpression } from '../lib/re2.ts';

/** `36h`, `90s` or `1h30m` in milliseconds. A unit is required, except for 0. */
export const duration = z.union([z.number(), z.string()]).transform((value, context) => {
  const text = String(value).trim();
  if (text === '' || Number(text) === 0) return 0;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  const problem = Number(text) > 0 ? 'has no unit' : 'is not a duration';
  context.addIssue({ code: 'custom', message: `"${text}" ${problem}; write for example 36h, 90s or 1h30m` });
  return z.NEVER;
});

/** `64KiB`, `10MB` or a number, in bytes. */
export const size = z.union([z.number().int().nonnegative(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)\s*(|k|m|g|t)(i?)b?$/i.exec(value.trim());
  if (!match) {
    const message = `"${value}" is not a size; write for example 64KiB, 10MB or 1048576`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
});

export const flag = z.union([
  z.boolean(),
  z
    .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'])
    .transform((text) => ['true', '1', 'yes', 'on'].includes(text)),
]);

const splitAtCommas = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** A list, or its items with commas in between. */
export const list = z.union([z.array(z.string()), z.string().transform(splitAtCommas)]);

export const ports = z.preprocess(
  (value) => (typeof value === 'string' ? splitAtCommas(value) : value),
  z.array(z.coerce.number().int().min(1).max(65_535)),
);

/** A regular expression. A bad one is an error at start, not in the middle of an execution. */
export const expression = z.string().superRefine((value, context) => {
  try {
    compileExpression(value);
  } catch (cause) {
    const message = `"${value}" is not a regular expression that RE2 accepts: ${(cause as Error).message}`;
    context.addIssue({ code: 'custom', message });
  }
});

export const count = z.coerce.number().int().nonnegative();
export const positive = z.coerce.number().int().positive();
