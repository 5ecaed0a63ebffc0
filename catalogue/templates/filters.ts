/** Every filter, by name; those that apply another filter or a test to each item are here. */

import { TESTS } from './is-tests.ts';
import { SEQUENCE_FILTERS } from './sequence-filters.ts';
import { bind, type Callable, callable } from './signature.ts';
import { STACKSTORM_FILTERS } from './stackstorm-filters.ts';
import { TemplateError } from './template-error.ts';
import { TEXT_FILTERS } from './text-filters.ts';
import { defined, itemsOf, Missing, memberAt, truthy } from './values.ts';
import type { Work } from './work.ts';

/** `map(attribute='name')` or `map('filter', arguments)`. */
function map(
  work: Work,
  value: unknown,
  path: unknown,
  other: unknown,
  name: unknown,
  ...values: unknown[]
): unknown[] {
  const items = itemsOf(value);
  work.spend(items.length);
  if (path !== undefined) {
    return items.map((item) => {
      const found = memberAt(item, path, work);
      return found instanceof Missing && other !== undefined ? other : defined(found);
    });
  }
  const filter = FILTERS.get(String(name));
  if (!filter) throw new TemplateError(`the filter "${String(name)}" is not supported`);
  const apply = bind(`the filter "${String(name)}"`, filter, { positional: values.length, named: [] });
  return items.map((item) => apply(item, values, work));
}

/** `select('test', arguments)`; without a test, what counts as true. */
function choose(keep: boolean, byAttribute: boolean): Callable['apply'] {
  return (work, value, ...values) => {
    const path = byAttribute ? values.shift() : undefined;
    const [name, ...rest] = values;
    const items = itemsOf(value);
    work.spend(items.length);
    const test = name === undefined ? undefined : TESTS.get(String(name));
    if (name !== undefined && !test) throw new TemplateError(`the test "${String(name)}" is not supported`);
    const holds = test && bind(`the test "${String(name)}"`, test, { positional: rest.length, named: [] });
    return items.filter((item) => {
      const one = byAttribute ? memberAt(item, path, work) : item;
      return (holds ? holds(one, rest, work) === true : truthy(one, work)) === keep;
    });
  };
}

export const FILTERS: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ...TEXT_FILTERS,
  ...SEQUENCE_FILTERS,
  ...STACKSTORM_FILTERS,
  ['map', { ...callable('*', map), keywords: ['attribute', 'default'] }],
  ['select', callable('*', choose(true, false))],
  ['reject', callable('*', choose(false, false))],
  ['selectattr', callable('attribute *', choose(true, true))],
  ['rejectattr', callable('attribute *', choose(false, true))],
]);
