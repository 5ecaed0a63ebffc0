import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exitCodeOf } from '../../../cli/exit-codes.ts';
import { convert } from '../../../cli/parameters.ts';
import { commandLine } from '../../../cli/quote.ts';
import { formatAge, formatBytes, formatDuration, parseTime } from '../../../cli/render/duration.ts';
import { executionFacts } from '../../../cli/render/execution.ts';
import { highlight, hitLines } from '../../../cli/render/hit.ts';
import { toJson } from '../../../cli/render/json.ts';
import { progressLine } from '../../../cli/render/progress.ts';
import { statusLine } from '../../../cli/render/status-line.ts';
import { createStyle, refusesColour, wantsColour } from '../../../cli/render/style.ts';
import { cut, renderTable } from '../../../cli/render/table.ts';
import { executionSample } from '../../support/execution-json.ts';

const test = suite('words and numbers');

test('durations, ages and sizes read as people write them', () => {
  const durations = [0, 340, 9_949, 12_000, 72_000, 3_600_000, 7_380_000, 360_000_000];
  assert.equal(durations.map(formatDuration), [
    '0.0s',
    '0.3s',
    '9.9s',
    '12s',
    '1m12s',
    '1h00m',
    '2h03m',
    '4d4h',
  ]);
  assert.is(formatDuration(9_960), '10s');
  assert.equal([1_000, 12_000, 185_000, 18_000_000, 200_000_000].map(formatAge), [
    'just now',
    '12s ago',
    '3m ago',
    '5h ago',
    '2d ago',
  ]);
  assert.equal([0, 999, 1_000, 34_000_000, 999_600].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '34 MB',
    '1.0 MB',
  ]);
});

test('times are parsed, and nonsense is not', () => {
  assert.is(parseTime('10m', Date.parse('2026-11-23T14:00:00Z')), '2026-11-23T13:50:00.000Z');
  assert.is(parseTime('2026-11-23T14:00:00+01:00'), '2026-11-23T13:00:00.000Z');
  assert.is(parseTime('1hour', Date.parse('2026-11-23T14:00:00Z')), '2026-11-23T13:00:00.000Z');
  assert.is(parseTime('whenever'), undefined);
  assert.is(parseTime('999999999999d'), undefined);
});

test('the status line says how it ended', () => {
  const table: [Parameters<typeof statusLine>[0], string][] = [
    [{ status: 'failed', exit_code: 3, elapsedMs: 72_000, lines: 4_210 }, 'exit 3 · 1m12s · 4,210 lines'],
    [{ status: 'succeeded', exit_code: 0, elapsedMs: 300, lines: 1 }, 'exit 0 · 0.3s · 1 line'],
    [{ status: 'failed', exit_code: null, signal: 'SIGKILL', elapsedMs: 10 }, 'SIGKILL · 0.0s'],
    [{ status: 'timeout', elapsedMs: 2_000, lines: 0 }, 'timeout · 2.0s · 0 lines'],
    [{ status: 'failed', error: 'no such\x1b[2J folder' }, 'failed · no such folder'],
    [{ status: 'succeeded', exit_code: 0, note: 'some\x1b[2Jthing' }, 'exit 0 · something'],
  ];
  for (const [end, text] of table) assert.is(statusLine(end), text);
});

test('show has the note beside the result', () => {
  const totals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  const note = 'Background processes were left running';
  const execution = executionSample({
    status: 'succeeded',
    end_timestamp: '2026-11-27T12:00:01.000Z',
    result: { return_code: 0, note, succeeded: true, failed: false, totals },
  });
  const facts = executionFacts(execution, 'http://here', Date.now());
  assert.equal(
    facts.find(([name]) => name === 'note'),
    ['note', note],
  );
});

test('exit codes are the ones of the command, or say what happened to it', () => {
  const table: [Parameters<typeof exitCodeOf>[0], number][] = [
    [{ status: 'succeeded', exit_code: 0 }, 0],
    [{ status: 'failed', exit_code: 3 }, 3],
    [{ status: 'failed', exit_code: null, signal: 'SIGKILL' }, 137],
    [{ status: 'failed', exit_code: null, error: 'cannot start' }, 125],
    [{ status: 'failed', exit_code: 0, error: 'its runner found fault' }, 1],
    [{ status: 'timeout', exit_code: null, signal: 'SIGTERM' }, 124],
    [{ status: 'canceled', signal: 'SIGTERM' }, 130],
    [{ status: 'abandoned' }, 125],
  ];
  for (const [end, code] of table) assert.is(exitCodeOf(end), code);
});

test('words joined to a command line come back from a shell as they were', () => {
  const word = fc.string({ unit: fc.constantFrom(...`ab '"\\$\`!*?~#&|;<>(){}[]=-\n\té`.split('')) });
  const list = fc.array(word, { minLength: 2, maxLength: 5 });
  const samples = fc.sample(list, 60);
  // One shell for all of them: each command prints its words with a NUL after each, and then an E.
  const script = samples
    .map((words) => `${commandLine(['printf', '%s\\0', ...words])}; printf 'E\\0'`)
    .join('\n');
  const out = execFileSync('sh', ['-c', script]).toString();
  assert.equal(
    out.split('E\0').slice(0, -1),
    samples.map((words) => words.map((one) => `${one}\0`).join('')),
  );
  assert.is(commandLine(['make | tee log']), 'make | tee log');
  assert.is(commandLine(['echo', 'a b', "it's"]), `echo 'a b' 'it'\\''s'`);
  assert.is(commandLine(['A=b', 'c']), "'A=b' c");
});

test('a table fits a narrow terminal and is whole in a pipe', () => {
  const rows = [
    { id: '01a2', what: 'a command that is much longer than the terminal is wide', n: 7 },
    { id: '01a3', what: '世界世界世界世界世界世界世界世界世界世界世界', n: 12 },
  ];
  const columns = [
    { title: 'ID', value: (row: (typeof rows)[0]) => row.id },
    { title: 'N', value: (row: (typeof rows)[0]) => String(row.n), align: 'right' as const, fromWidth: 60 },
    { title: 'WHAT', value: (row: (typeof rows)[0]) => row.what, flexible: true },
  ];
  assert.equal(renderTable(rows, columns, 40), [
    'ID    WHAT',
    '01a2  a command that is much longer tha…',
    '01a3  世界世界世界世界世界世界世界世界…',
  ]);
  assert.equal(renderTable(rows, columns, undefined)[1], `01a2   7  ${rows[0]?.what}`);
  assert.is(cut('abc', 3), 'abc');
});

test('progress has rate and time left, and fits', () => {
  const progress = { done_events: 600, total_events: 1_000, elapsed_ms: 2_000 };
  assert.is(
    progressLine(progress, 100),
    `[${'#'.repeat(24)}${'-'.repeat(16)}]  60% 600/1,000 events · 300/s · 1.3s left`,
  );
  assert.is(progressLine(progress, 40), ' 60% 300/s · 1.3s left');
  for (let width = 10; width < 120; width++) assert.ok(progressLine(progress, width).length < width);
  assert.match(progressLine({ done_events: 0, total_events: 0, elapsed_ms: 0 }, 80), /100%/);
});

test('highlights stay in place and hostile text becomes harmless', () => {
  const style = createStyle(true);
  assert.is(highlight('an error here', [[3, 8]], style), 'an \x1b[31;1merror\x1b[0m here');
  assert.is(highlight('\x1b]0;x\x07a\u202e', [[6, 7]], createStyle(false)), 'a<U+202E>');
  const hit = {
    execution_id: 'e',
    action: 'core.local',
    seq: 5,
    stream: 'stdout' as const,
    at: '2026-11-23T14:00:00Z',
    text: 'hit',
    highlights: [[0, 3]] as [number, number][],
    before: [{ seq: 4, stream: 'stdout' as const, at: '2026-11-23T14:00:00Z', text: 'before' }],
  };
  assert.equal(hitLines(hit, { terminal: false, style: createStyle(false), id: 'e' }), [
    'e-4- before',
    'e:5: hit',
  ]);
});

test('colours follow --color, NO_COLOR, FORCE_COLOR and the terminal, in this order', () => {
  const table: [Parameters<typeof wantsColour>, boolean][] = [
    [['auto', true, {}], true],
    [['auto', false, {}], false],
    [['auto', true, { NO_COLOR: '1' }], false],
    [['auto', true, { NO_COLOR: '' }], true],
    [['auto', false, { FORCE_COLOR: '1' }], true],
    [['auto', true, { FORCE_COLOR: '0' }], false],
    [['auto', true, { TERM: 'dumb' }], false],
    [['always', false, { NO_COLOR: '1' }], true],
    [['never', true, { FORCE_COLOR: '1' }], false],
  ];
  for (const [given, wanted] of table) assert.is(wantsColour(...given), wanted, JSON.stringify(given));
  assert.ok(refusesColour('auto', { NO_COLOR: '1' }));
  assert.not(refusesColour('auto', {}));
  assert.not(refusesColour('always', { NO_COLOR: '1' }));
});

test('json is safe on a terminal and parses to the same', () => {
  const value = { text: 'a\u009b2J\u202e\u2028\x1b[1m', list: [1, 'é世🎉'] };
  assert.not.match(toJson(value), /[^\x20-\x7eé世🎉]/u);
  assert.equal(JSON.parse(toJson(value)), value);
});

test('parameters take the type that their schema names', () => {
  assert.is(convert('p', '5', 'integer'), 5);
  assert.is(convert('p', '5', 'string'), '5');
  assert.is(convert('p', 'yes', 'boolean'), true);
  assert.equal(convert('p', 'a, b', 'array'), ['a', 'b']);
  assert.equal(convert('p', '["a"]', 'array'), ['a']);
  assert.equal(convert('p', 'A=b,C=d=e', 'object'), { A: 'b', C: 'd=e' });
  assert.is(convert('p', 'many', 'integer'), 'many');
  assert.throws(() => convert('p', '{broken', 'object'), /not valid JSON/);
});

test.run();
