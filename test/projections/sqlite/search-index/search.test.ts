/** A search of the index finds what a plain scan of the lines finds, however the lines were cut into chunks and stored. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OutputAppended } from '../../../../events/event.ts';
import type { OutputIndex } from '../../../../projections/output-index.ts';
import { compile } from '../../../../projections/search/matcher.ts';
import { sqliteOutputIndex } from '../../../../projections/sqlite/output-index.ts';
import { withFolder } from '../../../support/folder.ts';
import { indexWriter } from '../../../support/index-writer.ts';
import { recording } from '../../../support/output-events.ts';
import { until } from '../../../support/within.ts';

const test = suite('search on SQLite against a plain scan');

const WORDS = [
  'alpha',
  'Alpha',
  'ALPHABET',
  'beta',
  'be',
  'a',
  '42',
  '4242',
  'x_y',
  'straße',
  'ΟΔΟΣ',
  'οδός',
  'İz',
  '😀',
];
const SEPARATORS = [' ', ' ', ', ', '-', '.', '', '\u001b[31m', '\u001b[0m'];

interface Shown {
  id: string;
  seq: number;
  text: string;
}

/** Writes executions of random lines in random chunks and gives the lines in the order of an answer, newest first. */
async function fill(index: OutputIndex, seed: number, executions: number, lines: number): Promise<Shown[]> {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pick = (values: readonly string[]) => values[random(values.length)] as string;
  const shown: Shown[] = [];
  const { write } = indexWriter(index);
  for (let n = 0; n < executions; n++) {
    const id = `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;
    const record = recording(id);
    const own: Shown[] = [];
    await write([record.requested(), record.scheduled(), record.started()]);
    for (let seq = 1; seq <= lines; ) {
      const events: OutputAppended[] = [];
      for (let k = random(6); k >= 0 && seq <= lines; k--) {
        let text = '';
        const count = Math.min(1 + random(4), lines - seq + 1);
        for (let i = 0; i < count; i++) {
          let line = '';
          for (let w = random(7); w > 0; w--) line += pick(WORDS) + pick(SEPARATORS);
          own.push({ id, seq: seq++, text: line.replaceAll('\u001b[31m', '').replaceAll('\u001b[0m', '') });
          text += `${line}${random(5) ? '' : '\r'}\n`;
        }
        const data = Buffer.from(text);
        // Some single lines are cut anywhere into two parts.
        const cut = count === 1 && data.length > 2 && random(3) === 0 ? 1 + random(data.length - 2) : 0;
        const stream = random(4) ? 'stdout' : 'stderr';
        if (cut > 0) events.push(record.output({ text: data.subarray(0, cut), stream }));
        events.push(record.output({ text: data.subarray(cut), stream }));
      }
      if (events.length > 0) await write(events);
    }
    if (n % 2 === 0) await write([record.completed()]);
    shown.unshift(...own);
  }
  return shown;
}

async function searchAll(index: OutputIndex, query: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await index.search({ query, limit, ...(cursor ? { cursor } : {}) });
    found.push(...page.hits.map((hit) => `${hit.executionId.slice(-2)} ${hit.seq} ${hit.text}`));
    cursor = page.cursor;
  } while (cursor);
  return found;
}

const word = fc.constantFrom(...WORDS, 'zeta', 'lph', 'δο');
const term = fc.oneof(
  word,
  word.map((text) => `${text.slice(0, 3)}*`),
  word.map((text) => `*${text.slice(1, 4) || text}*`),
  fc.tuple(word, word).map((pair) => `"${pair.join(' ')}"`),
  fc.constantFrom(
    '/al[a-z]+/',
    '/ALPHA/i',
    '/4{1,2}2/',
    '/^a/',
    '/, be/',
    '/ß|Σ/',
    '/\\s42\\b/',
    '/(?i)BETA.beta/',
  ),
);
const query = fc
  .array(fc.tuple(fc.boolean(), fc.boolean(), term), { minLength: 1, maxLength: 3 })
  .map((terms) => terms.map(([a, b, text]) => (a && b ? `-${text}` : text)).join(' '));

for (const indexed of [false, true]) {
  test(`hits are those of a scan, ${indexed ? 'when all is indexed' : 'while much is not indexed yet'}`, () =>
    withFolder(async (folder) => {
      const index = await sqliteOutputIndex({ folder });
      try {
        const lines = await fill(index, indexed ? 7 : 11, 6, 150);
        if (indexed) {
          // Executions that still run keep their last lines out of the index; the others have none left out.
          await until(10_000, async () => (await index.stats()).unindexedBytes < 10_000, 'the search index');
        }
        await fc.assert(
          fc.asyncProperty(query, fc.constantFrom(7, 1000), async (source, limit) => {
            const matcher = compile(source);
            const expected = lines
              .filter((line) => matcher.matchLine(line.text))
              .map((line) => `${line.id.slice(-2)} ${line.seq} ${line.text}`);
            assert.equal(await searchAll(index, source, limit), expected, source);
          }),
          { numRuns: 120 },
        );
      } finally {
        await index.close();
      }
    }));
}

test('lines across the border of blocks are found', () =>
  withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    try {
      const id = '01934f00-0000-7000-8000-000000000001';
      const record = recording(id);
      const { write } = indexWriter(index);
      await write([record.requested()]);
      const filler = `${'filler '.repeat(9000)}\n`;
      for (let n = 0; n < 30; n++) {
        await write([
          record.output({ text: `begin${n} nee` }),
          record.output({ text: filler, stream: 'stderr' }),
          record.output({ text: `dle${n} middle ` }),
          record.output({ text: filler, stream: 'stderr' }),
          record.output({ text: `end${n}\n` }),
        ]);
      }
      await write([record.completed()]);
      await until(10_000, async () => (await index.stats()).unindexedBytes === 0, 'the search index');
      for (let n = 0; n < 30; n++) {
        const { hits } = await index.search({ query: `needle${n} end${n}` });
        assert.equal(
          hits.map((hit) => hit.text),
          [`begin${n} needle${n} middle end${n}`],
        );
      }
      // On a busy machine the time budget may end a page early.
      assert.is((await searchAll(index, '*needle*', 1000)).length, 30);
      assert.is((await searchAll(index, 'filler -needle0', 1000)).length, 60);
    } finally {
      await index.close();
    }
  }));

test('an aborted search ends with the reason, and later searches are complete', () =>
  withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    try {
      const lines = await fill(index, 3, 5, 60);
      const abort = new AbortController();
      const aborted = index.search({ query: '/./' }, abort.signal);
      abort.abort(new Error('left'));
      await aborted.then(
        () => assert.unreachable('an aborted search answered'),
        (error) => assert.is(error.message, 'left'),
      );
      assert.is((await searchAll(index, '-zeta', 50)).length, lines.length);
    } finally {
      await index.close();
    }
  }));

test.run();
