import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeSchemas, type ParameterSchemas } from '../../catalogue/parameter-schemas.ts';
import { parameterCheck } from '../../catalogue/parameters.ts';
import { secretNames } from '../../catalogue/secret-parameters.ts';
import type { ServiceError } from '../../lib/errors.ts';

const test = suite('parameters');

const RUNNER: ParameterSchemas = {
  cmd: { type: 'string' },
  timeout: { type: 'integer', default: 60 },
  sudo: { type: 'boolean', default: false },
  dir: { type: 'string', default: '/tmp', immutable: true },
};

function check(
  action: ParameterSchemas,
  given: Record<string, unknown>,
  inherited?: Record<string, unknown>,
  around?: Record<string, unknown>,
) {
  return parameterCheck(mergeSchemas(RUNNER, action))(given, inherited, around);
}

function refusal(action: ParameterSchemas, given: Record<string, unknown>): ServiceError {
  try {
    check(action, given);
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}

test('defaults are filled in; those of the action win over those of the runner', () => {
  assert.equal(check({ cmd: { default: 'ls' }, timeout: { default: 5 } }, {}), {
    cmd: 'ls',
    timeout: 5,
    sudo: false,
    dir: '/tmp',
  });
});

test("an action's parameter replaces an extension of the runner, and overlays a parameter of StackStorm's runner", () => {
  const runner: ParameterSchemas = {
    args: { type: 'array', extension: true },
    timeout: { type: 'integer', default: 60 },
  };
  assert.equal(mergeSchemas(runner, { args: { description: 'words' }, timeout: { default: 5 } }), {
    args: { description: 'words' },
    timeout: { type: 'integer', default: 5 },
  });
});

test("every refusal names the parameter and the expected value, in StackStorm's words", () => {
  const action: ParameterSchemas = {
    cmd: { required: true },
    size: { type: 'string', enum: ['s', 'm'] },
    count: { type: 'integer', minimum: 1, maximum: 9 },
    name: { type: 'string', pattern: '^[a-z]+$', minLength: 2 },
    list: { type: 'array', items: { type: 'string' } },
    both: { type: ['string', 'number'] },
  };
  const rows: [Record<string, unknown>, string, string][] = [
    [{}, "'cmd' is a required property (string)", 'cmd'],
    [{ cmd: null }, "'cmd' is a required property (string)", 'cmd'],
    [{ cmd: 5 }, "5 is not of type 'string' (parameter 'cmd')", 'cmd'],
    [{ cmd: 'x', typo: 1 }, "Additional properties are not allowed ('typo' was unexpected)", 'typo'],
    [{ cmd: 'x', timeout: 'soon' }, "'soon' is not of type 'integer' (parameter 'timeout')", 'timeout'],
    [{ cmd: 'x', timeout: 1.5 }, "1.5 is not of type 'integer' (parameter 'timeout')", 'timeout'],
    [{ cmd: 'x', size: 'xl' }, `'xl' is not one of ["s","m"] (parameter 'size')`, 'size'],
    [{ cmd: 'x', count: 10 }, "10 must be <= 9 (parameter 'count')", 'count'],
    [{ cmd: 'x', name: 'A1' }, "'A1' does not match '^[a-z]+$' (parameter 'name')", 'name'],
    [{ cmd: 'x', list: ['a', 5] }, "5 is not of type 'string' (parameter 'list.1')", 'list.1'],
    [{ cmd: 'x', both: true }, "true is not of type 'string', 'number' (parameter 'both')", 'both'],
  ];
  for (const [given, message, path] of rows) {
    const error = refusal(action, given);
    assert.is(error.code, 'validation-failed');
    assert.is(error.message, message);
    assert.is(error.errors?.[0]?.path, path);
  }
});

test('all errors are reported, not only the first', () => {
  const error = refusal({ cmd: { required: true } }, { timeout: 'x', typo: 1 });
  assert.equal(error.errors?.map(({ path }) => path).sort(), ['cmd', 'timeout', 'typo']);
});

test('an error does not show a secret', () => {
  const error = refusal(
    { password: { type: 'string', secret: true, maxLength: 3 } },
    { password: 'hunter22' },
  );
  assert.not.match(JSON.stringify([error.message, error.errors]), 'hunter22');
  assert.match(error.message, "'********'");
});

test('an immutable parameter cannot be changed, but its own value can be sent', () => {
  const action: ParameterSchemas = { sudo: { immutable: true } };
  assert.is(
    refusal(action, { sudo: true }).message,
    "Override of immutable parameter(s) ['sudo'] is unsupported.",
  );
  assert.is(check(action, { sudo: false }).sudo, false);
  assert.is(refusal({ dir: { default: '/etc' } }, { dir: '/etc' }).code, 'validation-failed');
});

test('text is converted to the type of the schema', () => {
  const action: ParameterSchemas = {
    flag: { type: 'boolean' },
    ratio: { type: 'number' },
    list: { type: 'array' },
    map: { type: 'object' },
    text: { type: 'string' },
  };
  const given = { timeout: '7', flag: 'True', ratio: '.5', list: 'a, b', map: '{"a": 1}', text: '12' };
  const { timeout, flag, ratio, list, map, text } = check(action, given);
  assert.equal(
    { timeout, flag, ratio, list, map, text },
    { timeout: 7, flag: true, ratio: 0.5, list: ['a', 'b'], map: { a: 1 }, text: '12' },
  );
  assert.equal(check(action, { list: '["x,y"]' }).list, ['x,y']);
});

test('parameters of the request win over inherited ones; inherited immutable and unknown ones are ignored', () => {
  const action: ParameterSchemas = {
    cmd: { immutable: true, default: 'echo {{ word }}' },
    word: { type: 'string', default: 'hi' },
  };
  const inherited = { cmd: 'echo hi', word: 'hi', gone: 1, timeout: 9 };
  assert.equal(check(action, { word: 'ho' }, inherited), {
    cmd: 'echo ho',
    timeout: 9,
    sudo: false,
    dir: '/tmp',
    word: 'ho',
  });
});

test('draft 4 schemas of older packs are understood', () => {
  const action: ParameterSchemas = {
    n: { type: 'number', minimum: 0, exclusiveMinimum: true },
    o: { type: 'object', properties: { a: { type: 'string', required: true } } },
  };
  assert.is(check(action, { n: 0.1 }).n, 0.1);
  assert.match(refusal(action, { n: 0 }).message, "(parameter 'n')");
  assert.match(refusal(action, { o: {} }).message, "'a' is a required property (parameter 'o')");
});

test('templates in defaults see parameters, configuration and context', () => {
  const around = { config_context: { host: 'db1', ports: [1, 2] }, action_context: { user: 'ann' } };
  const rows: [string, unknown][] = [
    ['echo {{ who }}', 'echo world'],
    ['{{who}}', 'world'],
    ['{{ who | upper }}-{{ config_context.host }}', 'WORLD-db1'],
    ['{{ action_context.user }}', 'ann'],
    ['{% if loud %}!{% else %}.{% endif %}', '.'],
    ['{% for p in config_context.ports %}{{ p }}{% if not loop.last %},{% endif %}{% endfor %}', '1,2'],
    ['{{ missing | default("none") }}', 'none'],
    ['{{ "a" if count > 2 else "b" }}', 'a'],
    ['{{ config_context.ports | join("-") }}', '1-2'],
    ['{{ config_context.ports[1] + 1 }}', '3'],
    ['{{ timeout }}', '60'],
    ['a {# not shown #}b {{ who }}', 'a b world'],
    ['test {# = text', 'test {# = text'],
    ['{{ config_context.ports }}', '[1, 2]'],
    ['{{ action_context }}', "{'user': 'ann'}"],
    ['{{ count / 2 }}', '1.5'],
    ['{{ (4 / 2) }}', '2.0'],
    ['{{ loud }}', 'False'],
    ['{% for p in config_context.ports if p != 1 %}{{ p }}{% endfor %}', '2'],
    ['{% raw %}{{ who }}{% endraw %} {{ who }}', '{{ who }} world'],
    ['{{ "eth0:1" | regex_replace("^([a-z]+)(\\\\d):.*$", "\\\\2$-\\\\1") }}', '0$-eth'],
    ['{{ "ab12cd34" | regex_substring("[0-9]+", 1) }}', '34'],
    ['{{ who | regex_match("WOR", true) }}', 'True'],
    ['{{ "x" in who }} {{ "or" in who and not loud }}', 'False True'],
    ['{%- for k, v in {"a": 1, "b": 2}.items() %}{{ k }}={{ v }};{% endfor -%} ', 'a=1;b=2;'],
  ];
  for (const [template, wanted] of rows) {
    const action: ParameterSchemas = {
      cmd: { default: template },
      who: { type: 'string', default: 'world' },
      loud: { type: 'boolean', default: false },
      count: { type: 'integer', default: 3 },
    };
    assert.is(check(action, {}, {}, around).cmd, wanted, template);
  }
});

test('a lone expression keeps the type of its value, in lists and objects too', () => {
  const action: ParameterSchemas = {
    ports: { type: 'array', default: [1, 2] },
    same: { type: 'array', default: '{{ ports }}' },
    ratio: { type: 'number', default: '{{ 6 / 2 }}' },
    map: { type: 'object', default: { all: '{{ ports }}', text: 'p{{ ports[0] }}', pair: '{{ (1, 2.5) }}' } },
    unset: { type: 'string', default: '{{ nothing | use_none }}' },
    nothing: { type: 'string' },
  };
  const { same, ratio, map, unset } = check(action, {});
  assert.equal(
    { same, ratio, map, unset },
    { same: [1, 2], ratio: 3, map: { all: [1, 2], text: 'p1', pair: [1, 2.5] }, unset: undefined },
  );
});

test('a value of a caller is never a template', () => {
  const action: ParameterSchemas = { cmd: { default: 'echo {{ who }}' }, who: { type: 'string' } };
  const hostile = '{{ timeout }}{% for x in y %}{{ constructor.constructor("return process")() }}';
  assert.is(check(action, { who: hostile }).cmd, `echo ${hostile}`);
});

test('a template that cannot be rendered is an error that names the parameter', () => {
  const rows: [string, string][] = [
    ['{{ nobody }}', "'nobody' is undefined"],
    ['{{ nobody.name }}', "'nobody' is undefined"],
    ['{{ cmd }}', 'its default names itself'],
    ['{{ "".constructor("x") }}', 'calls are not supported'],
    ['{{ sudo.constructor.constructor }}', 'is undefined'],
    ['{{ who | eval }}', 'the filter "eval" is not supported'],
    ['{{ who | __proto__ }}', 'is not supported'],
    ['{% if who %}', '{% endif %} is missing'],
    ['{{ st2kv.system.key }}', "StackStorm's datastore"],
    ['{{ who + 1 }}', "unsupported operand type(s) for +: 'str' and 'int'"],
    ['{{ range(10 ** 9) }}', 'too much time or memory'],
    [`{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`, 'too large or too deeply nested'],
    ['{% macro m() %}{% endmacro %}', '{% macro %} is not supported'],
    ['{{ who', '}} is missing'],
  ];
  for (const [template, message] of rows) {
    const error = refusal({ cmd: { default: template }, who: { type: 'string', default: 'x' } }, {});
    assert.is(error.code, 'validation-failed', template);
    assert.match(error.message, "The default of parameter 'cmd' cannot be rendered");
    assert.match(error.message, message);
  }
});

test('parameters named like inherited members are refused', () => {
  const given = JSON.parse('{"cmd":"x","__proto__":{"sudo":true},"constructor":1}') as Record<
    string,
    unknown
  >;
  assert.match(refusal({}, given).message, 'Additional properties are not allowed');
  assert.is(({} as { sudo?: boolean }).sudo, undefined);
});

test('values of 1 MB and with any characters pass unchanged', () => {
  for (const value of [`'"\`$(id)\n\r\t\\`, '-rf', '--', 'x'.repeat(1 << 20), '\u2028\u{1f600}', ' ']) {
    assert.is(check({}, { cmd: value }).cmd, value);
  }
});

test('secrets are found by their schema, nested or carried on by a template', () => {
  const schemas: ParameterSchemas = {
    key: { type: 'string', secret: true },
    login: { type: 'object', properties: { password: { type: 'string', secret: true } } },
    cmd: { type: 'string', default: 'curl -u me:{{ key }}' },
    other: { type: 'string', default: 'fixed' },
  };
  const values = parameterCheck(schemas)({ key: 'abcdef' });
  assert.equal(secretNames(schemas, values), ['key', 'login', 'cmd']);
});

test.run();
