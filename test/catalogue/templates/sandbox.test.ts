/** What templates must not reach, and what they must not cost. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTemplate } from '../../../catalogue/templates/template.ts';
import { TemplateError } from '../../../catalogue/templates/template-error.ts';
import { text } from '../../../catalogue/templates/text.ts';
import { Missing } from '../../../catalogue/templates/values.ts';
import { createWork } from '../../../catalogue/templates/work.ts';

const test = suite('sandbox of templates');

let wasRead = false;
const variables: Record<string, unknown> = {
  x: 'text',
  list: [1, 2],
  d: { a: 1 },
  long: 'a'.repeat(100_000),
  big: Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key${at}`, at])),
  hidden: Object.create({ inherited: 'secret' }),
  parsed: JSON.parse('{"__proto__": {"a": "own"}, "constructor": "own"}'),
};
Object.defineProperty(variables, 'getter', {
  get() {
    wasRead = true;
    return 'secret';
  },
  enumerable: false,
});

function render(template: string): string {
  const work = createWork();
  const lookup = (name: string) => (Object.hasOwn(variables, name) ? variables[name] : new Missing(name));
  return text(parseTemplate(template)({ work, lookup }), work);
}

const ESCAPES = [
  '{{ x.constructor }}',
  "{{ x['constructor'] }}",
  "{{ ''.constructor }}",
  "{{ ''['con' ~ 'structor']('return process')() }}",
  '{{ x.constructor.constructor("return process")() }}',
  '{{ x.__proto__ }}',
  '{{ d.__proto__ }}',
  "{{ d['__proto__'] }}",
  '{{ d.constructor }}',
  '{{ d.toString }}',
  "{{ d['hasOwnProperty'] }}",
  '{{ list.constructor }}',
  "{{ list['push'] }}",
  '{{ list.map }}',
  '{{ hidden.inherited }}',
  "{{ hidden['inherited'] }}",
  '{{ x.__class__ }}',
  "{{ ''.__class__.__mro__[1].__subclasses__() }}",
  "{{ x | attr('__class__') }}",
  '{{ self }}',
  '{{ self.__init__ }}',
  '{{ cycler.__init__.__globals__ }}',
  '{{ joiner() }}',
  '{{ lipsum.__globals__ }}',
  '{{ namespace(a=1) }}',
  '{{ dict(a=1) }}',
  '{{ config }}',
  '{{ request.application }}',
  '{{ process }}',
  '{{ globalThis }}',
  '{{ this }}',
  '{{ constructor }}',
  '{{ __proto__ }}',
  '{{ toString() }}',
  '{{ x() }}',
  '{{ d.get.constructor }}',
  "{{ d.get('constructor').x }}",
  "{{ d.get('__proto__').x }}",
  '{{ range.constructor }}',
  '{{ loop.constructor }}',
  '{% for i in list %}{{ loop.constructor }}{% endfor %}',
  '{% for i in list %}{{ loop.cycle("a", "b") }}{% endfor %}',
  '{{ (1).constructor }}',
  '{{ none.constructor }}',
  '{{ {}.constructor }}',
  '{{ {"a": 1}.constructor }}',
  '{{ {"a": 1}.size }}',
  '{{ [].length }}',
  '{{ x.length }}',
  '{{ 1.5.value }}',
  "{{ 'a.b' | map(attribute='constructor') | list | first }}",
  "{{ [d] | map(attribute='__proto__.x') | join }}",
  "{{ [d] | map('constructor') | list }}",
  "{{ list | map('__proto__') | list }}",
  "{{ list | select('constructor') | list }}",
  '{{ x | constructor }}',
  '{{ x | __proto__ }}',
  '{{ x is constructor }}',
  "{{ d | jsonpath_query('__proto__.x') | first }}",
  "{{ '{}' | from_json_string | attr('x') }}",
  '{% include "/etc/passwd" %}',
  '{% import "os" as os %}',
  '{% extends "x" %}',
  '{% macro m() %}x{% endmacro %}{{ m() }}',
  '{% call x() %}{% endcall %}',
  '{% set loop = 1 %}',
  '{{ x.format(x) }}',
  "{{ '%s' % x }}",
  "{{ '%s' | format(x) }}",
  "{{ x.__getitem__('y') }}",
];

for (const template of ESCAPES) {
  test(`nothing is reached by ${template}`, () => {
    assert.throws(
      () => render(template),
      (error: unknown) => error instanceof TemplateError,
    );
  });
}

test('own members with the names of inherited ones are values like others', () => {
  assert.is(render("{{ parsed['__proto__'].a }} {{ parsed.constructor }}"), 'own own');
  assert.is(render('{{ parsed | length }}'), '2');
  assert.is(render('{{ {"__proto__": 1}["__proto__"] }}x'), '1x');
  assert.is(({} as { a?: unknown }).a, undefined);
});

test('what is not named is not read', () => {
  assert.is(render('{{ x }}'), 'text');
  assert.is(wasRead, false);
});

const twice = (times: number): string => `{% set a = [1, 1] %}${'{% set a = [a, a] %}'.repeat(times)}`;
const COSTLY = [
  '{{ range(10 ** 9) }}',
  '{{ range(10 ** 9) | length }}',
  '{% for i in range(100000000) %}x{% endfor %}',
  '{% for i in range(3000) %}{% for j in range(3000) %}{% endfor %}{% endfor %}',
  "{{ 'a' * 10 ** 9 }}",
  "{{ 'a' * 10 ** 15 }}",
  "{{ ['a'] * 10 ** 9 }}",
  "{{ ('a' * 10000) * 10000 }}",
  '{% for i in range(2000) %}{{ long }}{% endfor %}',
  `{% set a = long %}${'{% set a = a ~ a %}'.repeat(20)}`,
  "{{ long | replace('a', long) }}",
  "{{ long | replace('', long) }}",
  '{{ long | list | join(long) }}',
  "{{ long | regex_replace('a', long) }}",
  '{{ long | indent(10 ** 9) }}',
  `${twice(40)}{{ a }}`,
  `${twice(40)}{{ a | to_json_string }}`,
  `${twice(40)}{{ a | to_yaml_string }}`,
  `${twice(40)}{{ a == a }}`,
  `${twice(40)}{{ a < a }}`,
  `${twice(40)}{{ [a] | sum(start=[]) | string }}`,
  '{% for i in range(1000) %}{{ range(1000) | sort | first }}{% endfor %}',
  '{{ range(30000) | unique | length }}',
  "{% for i in range(100000) %}{{ 'a' | regex_search('x' ~ i) }}{% endfor %}",
  `{% for i in range(900) %}{{ long | regex_search('${'(a?){20}'.repeat(10)}b') }}{% endfor %}`,
  '{% for i in range(100000) %}{{ long | length }}{% endfor %}',
  '{% for i in range(100000) %}{{ long[99999] }}{% endfor %}',
  "{% for i in range(100000) %}{{ 'zz' in long }}{% endfor %}",
  "{% for i in range(100000) %}{{ long < long ~ '' }}{% endfor %}",
  '{% for i in range(100000) %}{{ long | int }}{% endfor %}',
  "{% for i in range(100000) %}{{ long.split('a') | length }}{% endfor %}",
  '{% for i in range(100000) %}{{ [long] | map(attribute=0) | join }}{% endfor %}',
  '{% for i in range(100000) %}{{ [long] * 100 | sort | length }}{% endfor %}',
  '{% for i in range(100000) %}{{ 1 if big else 2 }}{% endfor %}',
  '{% for i in range(100000) %}{{ big | length }}{% endfor %}',
  '{% for i in range(100000) %}{{ long is lower }}{% endfor %}',
  "{% for i in range(100000) %}{{ long == long ~ '' }}{% endfor %}",
  '{% for i in range(100000) %}{{ [long] * 100 | unique | length }}{% endfor %}',
  '{{ 9999999 ** 9999 }}',
  '{{ 2 ** 64 }}',
  `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`,
  `{{ ${'-'.repeat(100_000)}1 }}`,
  `{{ x${' | upper'.repeat(100_000)} }}`,
  `{{ ${'['.repeat(100_000)}`,
  `${'{% if x %}'.repeat(50_000)}`,
];

for (const template of COSTLY) {
  const label = template.length > 80 ? `${template.slice(0, 60)}… (${template.length})` : template;
  test(`${label} ends soon`, () => {
    const before = process.threadCpuUsage();
    assert.throws(
      () => render(template),
      (error: unknown) => error instanceof TemplateError || error instanceof RangeError,
    );
    const { user, system } = process.threadCpuUsage(before);
    assert.ok(user + system < 3_000_000, `${(user + system) / 1000} ms`);
  });
}

test.run();
