/** Filters, tests and methods: what they are called with, and how the arguments of a call are matched to it. */
import { TemplateError } from './template-error.ts';
import { defined, Missing } from './values.ts';
import type { Work } from './work.ts';

export interface Callable {
  /** Names of its parameters in order, a trailing `?` marking those that can be left out. */
  parameters: readonly string[];
  /** Given by name only; their values precede those of the parameters. */
  keywords?: readonly string[];
  /** Takes any number of positional arguments after the parameters. */
  variadic?: boolean;
  /** Accepts undefined values. */
  lenient?: boolean;
  /** Gets the value, then its arguments; those left out are undefined. */
  apply(work: Work, value: unknown, ...values: unknown[]): unknown;
}

/** What a call was written with. */
export interface Call {
  positional: number;
  named: readonly string[];
}

/** @param parameters separated by blanks, see {@link Callable}; a trailing `*` makes it variadic. */
export function callable(parameters: string, apply: Callable['apply'], lenient = false): Callable {
  const names = parameters.split(' ').filter((name) => name !== '');
  return {
    parameters: names.filter((name) => name !== '*'),
    variadic: names.includes('*'),
    lenient,
    apply,
  };
}

/**
 * @param label what messages call it.
 * @throws TemplateError when the call does not match.
 */
export function bind(
  label: string,
  { parameters, keywords = [], variadic, lenient, apply }: Callable,
  { positional, named }: Call,
): (value: unknown, values: readonly unknown[], work: Work) => unknown {
  const lead = keywords.length;
  const names = [...keywords, ...parameters.map((name) => name.replace('?', ''))];
  if (positional > parameters.length && !variadic) {
    throw new TemplateError(`${label} takes at most ${parameters.length} arguments, not ${positional}`);
  }
  const places = named.map((name) => {
    const place = names.indexOf(name);
    if (place < 0) throw new TemplateError(`${label} has no argument "${name}"`);
    if (place >= lead && place - lead < positional) {
      throw new TemplateError(`${label} is given "${name}" twice`);
    }
    return place;
  });
  parameters.forEach((name, at) => {
    if (!name.endsWith('?') && at >= positional && !places.includes(lead + at)) {
      throw new TemplateError(`${label} needs the argument "${name}"`);
    }
  });
  return (value, values, work) => {
    const ordered: unknown[] = [...keywords.map(() => undefined), ...values.slice(0, positional)];
    places.forEach((place, at) => {
      ordered[place] = values[positional + at];
    });
    if (!lenient) for (const one of [value, ...ordered]) if (one instanceof Missing) defined(one);
    work.spendValues([value, ...ordered]);
    return apply(work, value, ...ordered);
  };
}
