/** Slices of lists, tuples and text, as in Python. */
import { TemplateError } from './template-error.ts';
import { asInteger, defined, itemsOf, Tuple, tuple, typeName } from './values.ts';
import type { Work } from './work.ts';

/** @param bounds start, stop and step; undefined and None where left out. */
export function sliceOf(value: unknown, bounds: readonly unknown[], work: Work): unknown {
  if (!(Array.isArray(defined(value)) || typeof value === 'string')) {
    throw new TemplateError(`'${typeName(value)}' object cannot be sliced`);
  }
  const items = itemsOf(value);
  work.spend(items.length);
  const [start, stop, step = 1] = bounds.map((bound) =>
    bound === undefined || bound === null ? undefined : asInteger(bound, 'a bound of a slice'),
  );
  if (step === 0) throw new TemplateError('slice step cannot be zero');
  const [least, most] = step > 0 ? [0, items.length] : [-1, items.length - 1];
  const bounded = (index: number): number =>
    Math.min(Math.max(index < 0 ? index + items.length : index, least), most);
  const from = start === undefined ? (step > 0 ? least : most) : bounded(start);
  const to = stop === undefined ? (step > 0 ? most : least) : bounded(stop);
  const taken: unknown[] = [];
  for (let at = from; step > 0 ? at < to : at > to; at += step) taken.push(items[at]);
  if (typeof value === 'string') return taken.join('');
  return value instanceof Tuple ? tuple(taken) : taken;
}
