import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMask, MASK } from '../../actors/capture/mask.ts';
import { parameterCheck } from '../../catalogue/parameters.ts';
import type { ParameterSchema } from '../../catalogue/runner.ts';
import { FILTERS } from '../../catalogue/templates/filters.ts';
import { createWork } from '../../catalogue/templates/work.ts';
import { loadConfig } from '../../config/config.ts';
import { compileExpression, compileSchemaPattern, createBudget, MAX_INSTRUCTIONS } from '../../lib/re2.ts';
import { compile } from '../../projections/search/matcher.ts';
import { abText, COSTLY } from '../support/costly.ts';

const test = suite('RE2');

/** Runs it and gives the processor milliseconds that it took, which other processes do not change. */
function processorMs(run: () => void): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** Ten times the budget of one text. The attacks take a minute and more in an engine without one. */
const BOUND_MS = 500;

const COSTS = /takes too much time/;
const NESTED = '(a+)+$';
const QUADRATIC = 'a.*x|a';

test('an expression that is too large is refused quickly, with the limit', () => {
  const sources = [
    '(a[ab]{0,30}){20}[^ab]',
    '(\\pL{0,1000}|y)'.repeat(55),
    'x{1000}|'.repeat(110),
    '((((a{1,10}){1,10}){1,10}){1,10}){1,10}',
    'x'.repeat(10_001),
    '[\\pL\\pN]'.repeat(80),
  ];
  for (const source of sources) {
    const ms = processorMs(() => assert.throws(() => compileExpression(source), /too large: it may/));
    assert.ok(ms < BOUND_MS, `${source.slice(0, 30)} took ${ms} ms`);
  }
  assert.throws(() => compileExpression('(a[ab]{0,30}){20}'), new RegExp(`${MAX_INSTRUCTIONS} instructions`));
});

test('what people write is let in', () => {
  const sources = [
    'error|warn(ing)?',
    '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    '(?i)(password|token|secret|api[_-]?key)\\s*[:=]\\s*\\S{4,200}',
    '\\b(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\b',
    '-----BEGIN [A-Z ]+ KEY-----',
    '[\\p{L}\\p{N}]{1,100}@[a-z.]{1,200}',
    'x{500}',
    '[]x]{2}\\{3}{2}',
  ];
  for (const source of sources) compileExpression(source);
});

test('what RE2 does not have is named', () => {
  for (const source of ['(?=x)a', '(?!x)a', '(?<=x)a', '(?<!x)a', '(a)\\1'])
    assert.throws(() => compileExpression(source), /no look-ahead, look-behind or back-references/);
  assert.throws(() => compileExpression('('), /missing closing \)/);
});

test('an evaluation ends when its processor time is used up', () => {
  const text = abText(1_000_000);
  const expression = compileExpression(COSTLY);
  const ms = processorMs(() => assert.throws(() => expression.test(text), COSTS));
  assert.ok(ms < BOUND_MS, `${ms} ms`);
});

test('matches of one text end with its budget too, however cheap each is', () => {
  const expression = compileExpression(QUADRATIC);
  const text = 'a'.repeat(200_000);
  const ms = processorMs(() => assert.throws(() => expression.forEachMatch(text, () => true), COSTS));
  assert.ok(ms < BOUND_MS, `${ms} ms`);
});

test('many short texts share a budget', () => {
  const expression = compileExpression(COSTLY);
  const budget = createBudget();
  const lines = Array.from({ length: 20_000 }, (_, at) => abText(300, at + 1));
  let done = 0;
  const ms = processorMs(() =>
    assert.throws(() => {
      for (const line of lines) {
        expression.test(line, budget);
        done++;
      }
    }, COSTS),
  );
  // Each line adds 0.6 ms to the 50 that there are at first.
  assert.ok(ms < BOUND_MS + done * 0.6, `${ms} ms for ${done} lines`);
});

test('usual expressions never meet the limit', () => {
  const budget = createBudget();
  const expression = compileExpression('error|warn\\d+|time ?out');
  const line = '2026-11-27 12:00:00 info: something happened in module 17, code 42, elapsed 12 ms ';
  for (let at = 0; at < 20_000; at++) assert.not.ok(expression.test(line, budget));
  for (let at = 0; at < 20; at++) assert.ok(expression.test(`${line.repeat(800)}warn1`, budget));
});

test('a mask pattern that a backtracking engine needs a minute for masks at once', () => {
  const text = `${'a'.repeat(28)}b\n${'a'.repeat(40)}\n`;
  const mask = createMask([], [compileExpression(NESTED)]);
  const ms = processorMs(() =>
    assert.is(mask.apply(Buffer.from(text)).toString(), `${'a'.repeat(28)}b\n${MASK}\n`),
  );
  assert.ok(ms < BOUND_MS, `${ms} ms`);
});

test('a line that costs too much is masked whole, and only that line', () => {
  const secret = abText(500_000);
  const text = `before\n${secret}\nafter\n`;
  const mask = createMask([], [compileExpression(COSTLY)]);
  let masked = '';
  const ms = processorMs(() => {
    masked = mask.apply(Buffer.from(text)).toString();
  });
  assert.ok(ms < BOUND_MS, `${ms} ms`);
  // Compared as one value: a difference of half a megabyte would take a minute to print.
  const [before, line] = masked.split('\n');
  assert.ok(before === 'before' && line === MASK, `${before}, then ${line?.slice(0, 20)}`);
});

test('mask patterns that cannot work are refused at start, by name and position', () => {
  const start = (maskPatterns: string[]) => () =>
    loadConfig({ LINEFEED_DATA: '/nowhere' }, { 'worker.maskPatterns': maskPatterns });
  assert.throws(start(['fine', '(']), /worker\.maskPatterns\.1: "\(" is not a regular expression/);
  assert.throws(start(['(?=x)']), /worker\.maskPatterns\.0: .*no look-ahead/);
  assert.throws(start(['a', 'b', '(a[ab]{0,30}){20}']), /worker\.maskPatterns\.2: .*too large/);
  start(['AKIA[A-Z0-9]{16}'])();
});

test('filters of templates', () => {
  const apply = (name: string, ...values: unknown[]) => {
    const [value, ...rest] = values;
    return FILTERS.get(name)?.apply(createWork(), value, ...rest);
  };
  assert.is(apply('regex_match', 'abc', 'b'), false);
  assert.is(apply('regex_match', 'abc', 'a|b'), true);
  assert.is(apply('regex_search', 'abc', 'B', true), true);
  assert.is(apply('regex_replace', 'a1b22', '([a-z])(\\d+)', '\\2\\1-'), '1a-22b-');
  assert.is(apply('regex_substring', 'a1b22', '\\d+', 1), '22');
  const text = abText(300_000);
  for (const name of ['regex_match', 'regex_search', 'regex_replace', 'regex_substring']) {
    const rest = name === 'regex_replace' ? [''] : [];
    const ms = processorMs(() => assert.throws(() => apply(name, text, COSTLY, ...rest), COSTS));
    assert.ok(ms < BOUND_MS, `${ms} ms`);
    assert.throws(() => apply(name, text, '(?=a)', ...rest), /invalid regular expression.*no look-ahead/);
  }
});

test('schemas of parameters', () => {
  const check = (schema: ParameterSchema) => parameterCheck({ name: schema });
  const attack = `${'a'.repeat(40)}b`;
  const attacks: ParameterSchema[] = [
    { type: 'string', pattern: NESTED },
    { type: 'object', patternProperties: { [NESTED]: { type: 'string' } }, additionalProperties: false },
  ];
  for (const schema of attacks) {
    const value = schema.type === 'string' ? attack : { [attack]: 'x' };
    const ms = processorMs(() => assert.throws(() => check(schema)({ name: value })));
    assert.ok(ms < BOUND_MS, `${ms} ms`);
  }
  assert.equal(check({ type: 'string', pattern: '^\\u0061+$' })({ name: 'aaa' }), { name: 'aaa' });
  assert.throws(() => check({ type: 'string', pattern: '^b+$' })({ name: 'aaa' }), /does not match/);
  assert.throws(() => check({ type: 'string', pattern: '^(?!x)' }), /no look-ahead/);
  assert.throws(() => check({ type: 'string', pattern: COSTLY })({ name: abText(500_000) }), COSTS);
});

test('patterns of one schema do not stand in for each other', () => {
  const check = parameterCheck({
    a: { type: 'string', pattern: '^a$' },
    b: { type: 'string', pattern: '^b$' },
  });
  assert.equal(check({ a: 'a', b: 'b' }), { a: 'a', b: 'b' });
  assert.throws(() => check({ a: 'a', b: 'a' }), /does not match/);
});

test('a JavaScript pattern is read as one', () => {
  assert.ok(compileSchemaPattern('^(?<year>\\d{4})\\/[^]$').test('2026/x'));
});

test('a search says yes or no although it has no time to highlight', () => {
  const { matchLine } = compile(`/${QUADRATIC}/`);
  const ms = processorMs(() => assert.ok(matchLine('a'.repeat(300_000))));
  assert.ok(ms < BOUND_MS, `${ms} ms`);
  const costly = compile(`/${COSTLY}/`);
  assert.throws(() => costly.matchLine(abText(500_000)), COSTS);
});

test.run();
