import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  jsonLines,
  type OutputChunk,
  type OutputOptions,
  outputRenderer,
  type Target,
} from '../../../cli/render/output.ts';

const test = suite('output renderer');

const PIPE: Target = { isTerminal: false, noEscapes: false };
const TERMINAL: Target = { isTerminal: true, noEscapes: false, columns: () => 40 };

const NOTHING = { bytes: 0, lines: 0 };
const FAILED = {
  status: 'failed',
  exit_code: 3,
  signal: null,
  totals: { stdout: NOTHING, stderr: NOTHING },
  end_timestamp: '2026-11-23T14:00:01.000Z',
  position: 9,
} as const;

let position = 0;
function chunk(text: string, more: Partial<OutputChunk> = {}): OutputChunk {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return {
    execution_id: 'e1',
    position: position++,
    stream: 'stdout',
    seq: 1,
    lines,
    offset: 0,
    bytes: text.length,
    at: '2026-11-23T14:00:00.123Z',
    text,
    ...more,
  };
}

function rendered(options: Partial<OutputOptions>, chunks: OutputChunk[], end = true) {
  const renderer = outputRenderer({ format: 'text', stdout: PIPE, stderr: PIPE, ...options });
  const out = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const pieces = [...chunks.flatMap((one) => renderer.chunk(one)), ...(end ? renderer.end() : [])];
  for (const { to, data } of pieces) out[to] = Buffer.concat([out[to], Buffer.from(data as string)]);
  return out;
}

test('to a pipe every byte goes as it is, each stream to its own', () => {
  const binary = Buffer.from([0xff, 0x00, 0x1b, 0x5b, 0x32, 0x4a, 0x0a]);
  const out = rendered({}, [
    chunk('a\x1b[2J\r\n'),
    chunk('err\n', { stream: 'stderr' }),
    chunk(binary.toString('base64'), { encoding: 'base64' }),
  ]);
  assert.equal(out.stdout, Buffer.concat([Buffer.from('a\x1b[2J\r\n'), binary]));
  assert.is(out.stderr.toString(), 'err\n');
});

test('raw sends every byte to a terminal too', () => {
  const out = rendered({ format: 'raw', stdout: TERMINAL }, [chunk('\x1b]0;t\x07x\n')]);
  assert.is(out.stdout.toString(), '\x1b]0;t\x07x\n');
});

test('a terminal gets colours and nothing else, also when a sequence is cut between chunks', () => {
  const out = rendered({ stdout: TERMINAL }, [
    chunk('\x1b[31mred\x1b[0m\x1b]5', { partial: true }),
    chunk('2;c;eA==\x07 end\x1b[1', { partial: true }),
    chunk('A!\x1b[32m\n'),
  ]);
  assert.is(out.stdout.toString(), '\x1b[31mred\x1b[0m end!\x1b[32m\n\x1b[0m');
});

test('a character cut between two binary chunks is whole on a terminal', () => {
  const [first, second] = [Buffer.from('世').subarray(0, 2), Buffer.from('世').subarray(2)];
  const out = rendered({ stdout: TERMINAL }, [
    chunk(first.toString('base64'), { encoding: 'base64', partial: true }),
    chunk(second.toString('base64'), { encoding: 'base64', partial: true }),
    chunk('界\n'),
  ]);
  assert.is(out.stdout.toString(), '世界\n');
});

test('without colours no escape byte goes anywhere, and all other bytes stay', () => {
  const bare = { ...PIPE, noEscapes: true };
  const out = rendered({ stdout: bare }, [
    chunk('\x1b[31mred\x1b[0m\r\n'),
    chunk(Buffer.from([0xff, 0x1b, 0x5b, 0x41, 0xfe]).toString('base64'), { encoding: 'base64' }),
  ]);
  assert.equal(out.stdout, Buffer.concat([Buffer.from('red\r\n'), Buffer.from([0xff, 0xfe])]));
});

test('timestamps stand before each line once, also when a line comes in pieces', () => {
  const out = rendered({ timestamps: 'long' }, [
    chunk('one\ntw', { partial: true, lines: 2 }),
    chunk('o\nthree\n', { seq: 2 }),
  ]);
  const at = '2026-11-23T14:00:00.123Z';
  assert.is(out.stdout.toString(), `${at} one\n${at} two\n${at} three\n`);
});

test('with timestamps the bytes of a line stay as they are', () => {
  const bytes = Buffer.from([0x80, 0x1b, 0x5b, 0x6d, 0xff, 0x0a]);
  const out = rendered({ timestamps: 'long' }, [chunk(bytes.toString('base64'), { encoding: 'base64' })]);
  assert.equal(out.stdout, Buffer.concat([Buffer.from('2026-11-23T14:00:00.123Z '), bytes]));
});

test('on one terminal, a line of another stream begins on a line of its own', () => {
  const prefix = (one: OutputChunk) => `${one.stream === 'stderr' ? '!' : '|'} `;
  const renderer = outputRenderer({ format: 'text', stdout: TERMINAL, stderr: TERMINAL, prefix });
  const all = [
    chunk('50%', { partial: true }),
    chunk('warning\n', { stream: 'stderr', seq: 2 }),
    chunk('60%\n'),
  ];
  const text = [...all.flatMap((one) => renderer.chunk(one)), ...renderer.end()]
    .map(({ data }) => data)
    .join('');
  assert.is(text, '| 50%\n! warning\n| 60%\n');
});

test('a colour left open does not run into the next prefix, and goes on after it', () => {
  const out = rendered({ stdout: TERMINAL, prefix: () => 'p ' }, [
    chunk('\x1b[31mred\nstill\x1b[0m\nplain\n'),
  ]);
  assert.is(out.stdout.toString(), 'p \x1b[31mred\x1b[0m\np \x1b[31mstill\x1b[0m\np plain\n');
});

test('an unfinished last line with a prefix is closed at the end', () => {
  const out = rendered({ prefix: () => 'p ' }, [chunk('no newline', { partial: true })]);
  assert.is(out.stdout.toString(), 'p no newline\n');
});

test('json gives an object a line with the number of each, and the end', () => {
  const renderer = outputRenderer({ format: 'json', stdout: PIPE, stderr: PIPE });
  const pieces = [
    ...renderer.chunk(chunk('a\r\nb\x1b[0m\n', { seq: 7, stream: 'stderr', host: 'web1' })),
    ...renderer.chunk(chunk('x\ny\n', { seq: 9, seqs: [9, 12] })),
    ...renderer.end(FAILED),
  ];
  assert.ok(pieces.every(({ to }) => to === 'stdout'));
  const records = pieces
    .map(({ data }) => data)
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(records.map(({ seq, text, eol }) => [seq, text, eol]).slice(0, 4), [
    [7, 'a', '\r\n'],
    [8, 'b\x1b[0m', undefined],
    [9, 'x', undefined],
    [12, 'y', undefined],
  ]);
  assert.is(records[0]?.host, 'web1');
  assert.equal(records[4], { end: FAILED });
});

test('json marks lines that are not text, pieces of lines and the missing newline of the last', () => {
  const bytes = Buffer.concat([Buffer.from('fine\n'), Buffer.from([0xff]), Buffer.from('\n')]);
  const [fine, binary] = jsonLines(chunk(bytes.toString('base64'), { encoding: 'base64' }));
  assert.equal([fine?.text, fine?.encoding], ['fine', undefined]);
  assert.equal([binary?.text, binary?.encoding], ['/w==', 'base64']);
  assert.is(jsonLines(chunk('pie', { partial: true }))[0]?.partial, true);
  const [last] = jsonLines(chunk('end'));
  assert.equal([last?.eol, last?.partial], ['', undefined]);
  assert.equal(
    jsonLines(chunk('\n')).map(({ text }) => text),
    [''],
  );
});

test.run();
