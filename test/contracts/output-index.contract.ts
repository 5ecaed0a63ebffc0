/** The contract of every output index, on any engine. Each case gets its own storage, which can be reopened. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type {
  ChunkRange,
  OutputIndex,
  RetentionSpan,
  UnfinishedExecution,
} from '../../projections/output-index.ts';
import type { SearchHit, SearchRequest } from '../../projections/search/search.ts';
import { indexWriter } from '../support/index-writer.ts';
import { type Recording, recording } from '../support/output-events.ts';
import { within } from '../support/within.ts';

export interface IndexStorage {
  /** Opens the index on this storage; may be called again after the previous index was closed. */
  connect(): Promise<OutputIndex>;
  remove(): Promise<void>;
}

export interface OutputIndexAdapter {
  name: string;
  open(): Promise<IndexStorage>;
  /** A checkpoint that the adapter stores unchanged; any text by default. */
  checkpoint?(n: number): Checkpoint;
  /** Generous limit for every wait, in milliseconds. */
  patienceMs?: number;
}

const START = Date.UTC(2026, 10, 23);

let made = 0;
/** An id that is newer than all before it: ids of the same millisecond would have no order. */
function newId(): string {
  const time = (START + made++).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${Math.random().toString(16).slice(2, 14).padEnd(12, '0')}`;
}

const plain = (chunks: readonly OutputAppended[]) =>
  chunks.map((chunk) => ({ ...chunk, data: Buffer.from(chunk.data).toString('base64') }));

function same(actual: readonly OutputAppended[], expected: readonly OutputAppended[], what?: string): void {
  assert.equal(plain(actual), plain(expected), what);
}

async function chunksOf(index: OutputIndex, id: string, range: ChunkRange = {}): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, range)) chunks.push(...batch);
  return chunks;
}

async function unfinishedIn(index: OutputIndex): Promise<UnfinishedExecution[]> {
  const all: UnfinishedExecution[] = [];
  for await (const page of index.unfinished()) all.push(...page);
  return all;
}

const found = (hits: readonly SearchHit[]) => hits.map((hit) => `${hit.seq} ${hit.text}`);

export function outputIndexContract({
  name,
  open,
  checkpoint = (n) => String(n) as Checkpoint,
  patienceMs = 15_000,
}: OutputIndexAdapter): void {
  const test = suite(`OutputIndex contract: ${name}`);

  async function withIndex(
    body: (index: OutputIndex, storage: IndexStorage) => Promise<void>,
  ): Promise<void> {
    const storage = await open();
    try {
      const index = await storage.connect();
      try {
        await index.ensure();
        await body(index, storage);
      } finally {
        await index.close();
      }
    } finally {
      await storage.remove();
    }
  }

  /** An execution's recording with its first three events written. */
  async function started(write: (events: ExecutionEvent[]) => Promise<void>, id = newId(), at = START) {
    const record = recording(id, at);
    await write([record.requested(), record.scheduled(), record.started()]);
    return { id, record };
  }

  const output = (record: Recording, ...texts: string[]) => texts.map((text) => record.output({ text }));

  test('a new index is empty and has no checkpoint', () =>
    withIndex(async (index) => {
      assert.is(await index.checkpoint(), undefined);
      assert.is(await index.lastExecution(), undefined);
      assert.is(await index.execution(newId()), undefined);
      assert.equal(await chunksOf(index, newId()), []);
      assert.equal((await index.executions({})).total, 0);
      assert.equal(await unfinishedIn(index), []);
      assert.equal((await index.search({ query: 'anything' })).hits, []);
      assert.is((await index.stats()).executions, 0);
    }));

  test('an acknowledged write can be read at once, in order, byte for byte', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const chunks = [
        ...output(
          record,
          'one\ntwo\n',
          '\u001b[31mred\u001b[0m\r\n',
          '\n',
          'a prompt? ',
          'yes\n',
          'nul \0 \u2028\n',
        ),
        record.output({ text: Uint8Array.from([0xff, 0xfe, 10]) }),
        record.output({ text: 'on stderr\n', stream: 'stderr', host: 'web-1' }),
        { ...record.output({ text: 'cut\n' }), omitted: { bytes: 7, lines: 2 }, bytes: 11 },
      ];
      await to.write(chunks.slice(0, 3));
      same(await chunksOf(index, id), chunks.slice(0, 3));
      await to.write(chunks.slice(3));
      same(await chunksOf(index, id), chunks);
      assert.equal(await index.execution(id), to.documents.get(id));
    }));

  test('a line of a megabyte in parts is read back whole', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const long = Buffer.alloc(1_000_000, 'abcdefghi ');
      const chunks = output(record, 'short\n');
      for (let at = 0; at < long.length; at += 65_536)
        chunks.push(record.output({ text: long.subarray(at, at + 65_536) }));
      chunks.push(...output(record, 'needle at the end\n', 'short again\n'));
      for (const chunk of chunks) await to.write([chunk]);
      same(await chunksOf(index, id), chunks);
      const { hits } = await index.search({ query: 'needle' });
      assert.equal(
        hits.map((hit) => hit.seq),
        [2],
      );
    }));

  test('ranges by position, line, stream, host and time give their chunks', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const chunks: OutputAppended[] = [];
      for (let n = 0; n < 200; n++) {
        chunks.push(
          record.output({
            text: `line ${n}\nand more\n`,
            stream: n % 3 === 0 ? 'stderr' : 'stdout',
            ...(n % 5 === 0 ? { host: 'web-1' } : {}),
          }),
        );
      }
      for (let at = 0; at < chunks.length; at += 7) await to.write(chunks.slice(at, at + 7));
      const cases: [ChunkRange, (chunk: OutputAppended) => boolean][] = [
        [{ after: 50 }, (chunk) => chunk.position > 50],
        [{ through: 50 }, (chunk) => chunk.position <= 50],
        [{ after: 50, through: 60 }, (chunk) => chunk.position > 50 && chunk.position <= 60],
        [{ fromSeq: 100 }, (chunk) => chunk.seq + chunk.lines - 1 >= 100],
        [{ toSeq: 100 }, (chunk) => chunk.seq <= 100],
        [{ fromSeq: 99, toSeq: 101 }, (chunk) => chunk.seq + chunk.lines - 1 >= 99 && chunk.seq <= 101],
        [{ stream: 'stderr' }, (chunk) => chunk.stream === 'stderr'],
        [{ host: 'web-1', stream: 'stdout' }, (chunk) => chunk.host === 'web-1' && chunk.stream === 'stdout'],
        [{ since: chunks[100]?.at ?? 0 }, (chunk) => chunk.at >= (chunks[100]?.at ?? 0)],
        [{ after: 10_000 }, () => false],
      ];
      for (const [range, holds] of cases) {
        same(await chunksOf(index, id, range), chunks.filter(holds), JSON.stringify(range));
      }
    }));

  test('a batch that is written twice is read once, also when it was written in parts', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const chunks = output(record, 'a\n', 'b\n', 'c\n', 'd\n');
      const first = to.batch(chunks.slice(0, 3));
      await index.write(first);
      await index.write(first);
      // As after a crash: the log delivers again from an older place, in other batches.
      await index.write({ ...first, chunks: chunks.slice(1), documents: to.batch(chunks).documents });
      same(await chunksOf(index, id), chunks);
      assert.is((await index.search({ query: '/^[a-d]$/' })).hits.length, 4);
    }));

  test('the checkpoint is that of the last write, also after the index was reopened', async () => {
    const storage = await open();
    try {
      let index = await storage.connect();
      await index.ensure();
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const chunks = output(record, 'kept\n', 'also kept\n');
      const last = to.batch(chunks);
      await index.write(last);
      assert.is(await index.checkpoint(), last.checkpoint);
      await index.close();
      index = await storage.connect();
      try {
        await index.ensure();
        assert.is(await index.checkpoint(), last.checkpoint);
        same(await chunksOf(index, id), chunks);
        assert.is((await index.lastExecution())?.id, id);
        assert.is((await index.search({ query: 'kept' })).hits.length, 2);
      } finally {
        await index.close();
      }
    } finally {
      await storage.remove();
    }
  });

  test('each filter finds and counts its executions', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const ids: string[] = [];
      for (let n = 0; n < 12; n++) {
        const record = recording(newId(), START + n * 1000);
        const requested = record.requested();
        ids.push(requested.executionId);
        await to.write([
          {
            ...requested,
            user: n % 2 ? 'ada' : 'grace',
            parameters: { cmd: `deploy Service-${n}` },
            ...(n === 5 ? { idempotencyKey: 'key-5' } : {}),
            ...(n === 6 ? { labels: { zone: 'north', 'a.b "c"': 'x' } } : {}),
            ...(n === 7
              ? { action: { ref: 'web.restart', pack: 'web', name: 'restart', runner: 'python-script' } }
              : {}),
          } as ExecutionEvent,
          ...(n < 4
            ? [record.scheduled(), record.started(), record.completed(n ? 'succeeded' : 'failed')]
            : []),
        ]);
      }
      const count = async (request: Parameters<OutputIndex['executions']>[0]) => {
        const { documents, total } = await index.executions(request);
        assert.is(documents.length, total);
        return total;
      };
      assert.is(await count({}), 12);
      assert.is(await count({ status: ['succeeded'] }), 3);
      assert.is(await count({ status: ['succeeded', 'failed'] }), 4);
      assert.is(await count({ action: 'web.restart' }), 1);
      assert.is(await count({ runner: 'python-script' }), 1);
      assert.is(await count({ user: 'ada' }), 6);
      assert.is(await count({ text: 'service-11' }), 1);
      assert.is(await count({ text: 'DEPLOY ada' }), 6);
      assert.is(await count({ text: 'nothing like it' }), 0);
      assert.is(await count({ since: START + 3000, until: START + 5000 }), 3);
      assert.is(await count({ idempotencyKey: 'key-5' }), 1);
      assert.is(await count({ labels: { zone: 'north' } }), 1);
      assert.is(await count({ labels: { zone: 'north', 'a.b "c"': 'x' } }), 1);
      assert.is(await count({ labels: { zone: 'south' } }), 0);
      assert.is((await index.lastExecution())?.id, ids.at(-1));
      assert.equal(
        (await unfinishedIn(index)).map(({ id }) => id),
        ids.slice(4),
      );
    }));

  test('pages of executions are stable while executions are added', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const ids: string[] = [];
      const add = async () => {
        const record = recording(newId());
        ids.push(record.requested().executionId);
        await to.write([recording(ids.at(-1)).requested()]);
      };
      for (let n = 0; n < 25; n++) await add();
      const expected = [...ids].reverse();
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await index.executions({ limit: 10, ...(cursor ? { cursor } : {}) });
        seen.push(...page.documents.map((document) => document.id));
        cursor = page.cursor;
        if (cursor) await add();
      } while (cursor);
      assert.equal(seen, expected);
      const oldest = await index.executions({ order: 'oldest', limit: 3, offset: 2 });
      assert.equal(
        oldest.documents.map((document) => document.id),
        ids.slice(2, 5),
      );
    }));

  test('unfinished executions are listed in pages, with id and worker only, each once while others begin and end', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const records = Array.from({ length: 2200 }, () => recording(newId()));
      await to.write(
        records.flatMap((record, n) =>
          n % 2 === 0 ? [record.requested()] : [record.requested(), record.scheduled(), record.started()],
        ),
      );
      const expected = [...to.documents.values()].map(({ id, worker }) => ({
        id,
        ...(worker === undefined ? {} : { worker }),
      }));
      assert.is(expected.filter(({ worker }) => worker !== undefined).length, 1100);
      const seen: UnfinishedExecution[] = [];
      let pages = 0;
      for await (const page of index.unfinished()) {
        assert.ok(page.length <= 1000, `a page of ${page.length}`);
        if (pages++ === 0) {
          // One that was seen ends, one that was not ends, and one more begins.
          await to.write([records[1]?.completed(), records[2101]?.completed()] as ExecutionEvent[]);
          await to.write([recording(newId()).requested()]);
        }
        seen.push(...page);
      }
      assert.is(pages, 3);
      const told = new Set(expected.map(({ id }) => id));
      const late = expected[2101]?.id;
      assert.equal(
        seen.filter(({ id }) => told.has(id)),
        expected.filter(({ id }) => id !== late),
      );
    }));

  test('what waits is told with its labels, until a worker has it', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const labels = { gpu: 'yes', image: 'a=b' };
      const [waiting, assigned] = [recording(newId()), recording(newId())];
      const requests = [waiting, assigned].map(
        (record) => ({ ...record.requested(), labels }) as ExecutionEvent,
      );
      await to.write([...requests, assigned.scheduled()]);
      const [first, second] = [...to.documents.keys()];
      assert.equal(await unfinishedIn(index), [
        { id: first, labels },
        { id: second, worker: 'w1' },
      ]);
    }));

  test('a document older than the stored one changes nothing', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const record = recording(newId());
      const early = to.batch([record.requested()]);
      await index.write(early);
      await to.write([record.scheduled(), record.started(), record.completed()]);
      await index.write({ ...early, checkpoint: checkpoint(9) });
      const { id } = early.documents[0] as ExecutionDocument;
      assert.is((await index.execution(id))?.status, 'succeeded');
      assert.equal(await unfinishedIn(index), []);
    }));

  test('every kind of term finds the matching lines, with highlights', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { record } = await started((events) => to.write(events));
      await to.write(
        output(
          record,
          'The quick brown fox\njumps over\n',
          'the lazy dog_house\nQUICK, said the Dog\n',
          '\u001b[1mquick\u001b[0mly done\n',
          'Straße and ΟΔΟΣ, 10.0.0.1:8080\r\n',
        ),
      );
      const ask = async (query: string) => (await index.search({ query })).hits.map((hit) => hit.seq);
      const cases: [string, number[]][] = [
        ['quick', [1, 4]],
        ['quick*', [1, 4, 5]],
        ['*uic*', [1, 4, 5]],
        ['dog', [4]],
        ['*house', [3]],
        ['"quick brown"', [1]],
        ['"uick brown"', []],
        ['quick -brown', [4]],
        ['-quick -quickly', [2, 3, 6]],
        ['the dog', [4]],
        ['/^jumps/', [2]],
        ['/QUICK/', [4]],
        ['/quick/i', [1, 4, 5]],
        ['/(brown|lazy)/', [1, 3]],
        ['-/o/', [6]],
        ['οδος', [6]],
        ['10.0.0.1', [6]],
        ['10.0.0', [6]],
        ['quickly', [5]],
        ['zebra', []],
      ];
      for (const [query, expected] of cases) assert.equal(await ask(query), expected, query);
      const [hit] = (await index.search({ query: 'quick fox' })).hits;
      assert.equal(hit?.highlights, [
        [4, 9],
        [16, 19],
      ]);
      assert.is(hit?.action, 'core.local');
      const [visible] = (await index.search({ query: 'quickly' })).hits;
      assert.is(visible?.text, 'quickly done');
      const [last] = (await index.search({ query: 'straße' })).hits;
      assert.is(last?.text, 'Straße and ΟΔΟΣ, 10.0.0.1:8080');
    }));

  test('a search applies its filters', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { id, record } = await started((events) => to.write(events));
      const second = await started((events) => to.write(events), newId(), START + 1000);
      const chunks = [
        record.output({ text: 'alpha out\n' }),
        record.output({ text: 'alpha err\n', stream: 'stderr' }),
        record.output({ text: 'alpha host\n', host: 'web-1' }),
      ];
      await to.write([...chunks, record.completed('failed')]);
      const other = second.record.output({ text: 'alpha other\n' });
      await to.write([other]);
      const ask = async (request: Omit<SearchRequest, 'query'>) =>
        (await index.search({ query: 'alpha', ...request })).hits.map((hit) => hit.text.slice(6));
      assert.equal(await ask({}), ['other', 'out', 'err', 'host']);
      assert.equal(await ask({ order: 'oldest' }), ['out', 'err', 'host', 'other']);
      assert.equal(await ask({ executionId: id }), ['out', 'err', 'host']);
      assert.equal(await ask({ executionId: newId() }), []);
      assert.equal(await ask({ stream: 'stderr' }), ['err']);
      assert.equal(await ask({ host: 'web-1' }), ['host']);
      assert.equal(await ask({ status: ['failed'] }), ['out', 'err', 'host']);
      assert.equal(await ask({ action: 'core.remote' }), []);
      assert.equal(await ask({ since: chunks[2]?.at ?? 0, until: other.at - 1 }), ['host']);
      assert.equal(await ask({ since: other.at }), ['other']);
    }));

  test('pages of hits, joined, are the whole answer while output is written', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const expected: string[] = [];
      for (let n = 0; n < 4; n++) {
        const { record } = await started((events) => to.write(events));
        const lines: string[] = [];
        for (let k = 0; k < 5; k++) {
          const texts = Array.from({ length: 10 }, (_, i) => (i % 2 ? `hit ${n}/${k}/${i}\n` : 'nothing\n'));
          lines.push(...texts.filter((text) => text.startsWith('hit')).map((text) => text.trim()));
          await to.write([record.output({ text: texts.join('') })]);
        }
        expected.unshift(...lines);
        await to.write([record.completed()]);
      }
      for (const limit of [1, 7, 25, 99, 100, 101]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await index.search({ query: 'hit', limit, ...(cursor ? { cursor } : {}) });
          assert.ok(page.hits.length <= limit);
          seen.push(...page.hits.map((hit) => hit.text));
          cursor = page.cursor;
          await started((events) => to.write(events));
        } while (cursor);
        assert.equal(seen, expected, `pages of ${limit}`);
      }
    }));

  test('the context of a hit is the lines before and after it', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { record } = await started((events) => to.write(events));
      for (let n = 1; n <= 30; n++)
        await to.write([record.output({ text: `row ${n}${n === 15 ? ' here' : ''}\n` })]);
      const [hit] = (await index.search({ query: 'here', context: 2 })).hits;
      assert.equal(
        hit?.before?.map((line) => line.text),
        ['row 13', 'row 14'],
      );
      assert.equal(
        hit?.after?.map((line) => line.text),
        ['row 16', 'row 17'],
      );
      const [first] = (await index.search({ query: '/^row 1$/', context: 3 })).hits;
      assert.equal(first?.before, []);
      assert.is(first?.after?.length, 3);
    }));

  test('a line in parts is one line', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { record } = await started((events) => to.write(events));
      await to.write(output(record, 'before\n', 'pass'));
      await to.write([record.output({ text: 'between\n', stream: 'stderr' })]);
      await to.write(output(record, 'word: '));
      assert.equal(
        found((await index.search({ query: 'password' })).hits),
        ['2 password: '],
        'not ended yet',
      );
      await to.write(output(record, 'ok\n', 'after\n'));
      assert.equal(found((await index.search({ query: '"password: ok"' })).hits), ['2 password: ok']);
      assert.equal(found((await index.search({ query: '/./' })).hits), [
        '1 before',
        '2 password: ok',
        '3 between',
        '4 after',
      ]);
    }));

  test('facets count what a search finds', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const { record } = await started((events) => to.write(events));
      await to.write([
        ...output(record, 'hit one\nhit two\nmiss\n'),
        record.output({ text: 'hit three\n', stream: 'stderr' }),
        record.completed(),
      ]);
      const other = await started((events) => to.write(events));
      await to.write([other.record.output({ text: 'hit four\n' })]);
      const facets = await index.facets({ query: 'hit' });
      assert.is(facets.total, 4);
      assert.ok(facets.complete);
      assert.equal(facets.actions, { 'core.local': 4 });
      assert.equal(facets.statuses, { succeeded: 3, running: 1 });
      assert.equal(facets.streams, { stdout: 3, stderr: 1 });
      const byDay = Object.values(facets.days);
      assert.is(
        byDay.reduce((sum, count) => sum + count, 0),
        4,
      );
      assert.is(
        facets.histogram.reduce((sum, { count }) => sum + count, 0),
        4,
      );
      assert.ok(facets.bucketMs > 0);
    }));

  test('facets count days of the time zone that is asked for', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      for (const at of [Date.UTC(2026, 10, 22, 23, 30), Date.UTC(2026, 10, 23, 20)]) {
        const { record } = await started((events) => to.write(events), newId(), at);
        await to.write([record.output({ text: 'midnight\n' })]);
      }
      for (const [timeZone, days] of [
        [undefined, { '2026-11-22': 1, '2026-11-23': 1 }],
        ['Europe/Berlin', { '2026-11-23': 2 }],
        ['Asia/Kolkata', { '2026-11-23': 1, '2026-11-24': 1 }],
        ['-08:00', { '2026-11-22': 1, '2026-11-23': 1 }],
      ] as const) {
        const facets = await index.facets({ query: 'midnight', ...(timeZone ? { timeZone } : {}) });
        assert.equal(facets.days, days, timeZone);
        assert.is(facets.total, 2);
      }
      const refused = index.facets({ query: 'midnight', timeZone: 'Middle/Earth' });
      assert.is(await refused.catch((error: { code?: string }) => error.code), 'validation-failed');
    }));

  test('an invalid query or cursor is an error that says what to do', () =>
    withIndex(async (index) => {
      for (const request of [
        { query: '' },
        { query: '"open' },
        { query: '/(/' },
        { query: '*' },
        { query: 'word', cursor: 'not-one' },
        { query: 'word', cursor: Buffer.from('1:nonsense').toString('base64url') },
        { query: 'word', cursor: Buffer.from(`x:${newId()}`).toString('base64url') },
      ]) {
        let code: string | undefined;
        try {
          await index.search(request);
        } catch (error) {
          code = (error as { code?: string }).code;
        }
        assert.is(code, 'cursor' in request ? 'invalid-cursor' : 'invalid-query', JSON.stringify(request));
      }
      for (const cursor of ['', 'not-one', '0']) {
        const refused = await index.executions({ cursor }).catch((error: { code?: string }) => error.code);
        assert.is(refused, 'invalid-cursor', JSON.stringify(cursor));
      }
    }));

  test('purge candidates are ended and old; purging deletes these and nothing else', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const ended: string[] = [];
      for (let n = 0; n < 3; n++) {
        const { id, record } = await started((events) => to.write(events), newId(), START + n * 10_000);
        await to.write([...output(record, 'purgeable\n', 'text\n'), record.completed()]);
        ended.push(id);
      }
      const running = await started((events) => to.write(events), newId(), START - 1_000_000);
      await to.write(output(running.record, 'purgeable too\n'));
      const [a, b, c] = ended as [string, string, string];
      const endOf = (id: string) => to.documents.get(id)?.endedAt as number;
      const none = await index.purgeCandidates({ limit: 10 });
      assert.equal(none, { output: [], executions: [] });
      const bounds = { output: endOf(b) + 1, executions: endOf(a) + 1, limit: 10 };
      const candidates = await index.purgeCandidates(bounds);
      assert.equal(candidates.executions, [a]);
      assert.equal(
        [...candidates.output].filter((id) => id !== a),
        [b],
      );
      const kept = async (kind: RetentionSpan['kind']) => {
        const spans = (await index.retention()).filter((span) => span.kind === kind);
        for (const id of [b, c]) {
          const [span] = spans.filter(({ from, to }) => from <= endOf(id) && endOf(id) < to);
          assert.ok((span?.documents ?? 0) > 0 && (span?.bytes ?? 0) > 0, `${kind} of ${id}`);
        }
        return spans.reduce((sum, { documents }) => sum + documents, 0);
      };
      const before = { output: await kept('output'), executions: await kept('executions') };
      await index.purge({ output: [b], executions: [a] });
      assert.ok((await kept('output')) < before.output, 'what went is no longer planned to go');
      assert.is(await kept('executions'), before.executions - 1);
      assert.is(await index.execution(a), undefined);
      same(await chunksOf(index, a), []);
      same(await chunksOf(index, b), []);
      assert.is((await index.execution(b))?.outputPurgedThrough, 4);
      assert.is((await chunksOf(index, c)).length, 2);
      const { hits } = await index.search({ query: 'purgeable', order: 'oldest' });
      assert.equal(
        hits.map((hit) => hit.executionId),
        [c, running.id],
      );
      assert.equal(await index.purgeCandidates(bounds), { output: [], executions: [] });
    }));

  test('readers do not see a rebuild until it is committed, and writes continue meanwhile', () =>
    withIndex(async (index) => {
      const to = indexWriter(index, checkpoint);
      const record = recording(newId());
      const events = [record.requested(), record.scheduled(), record.started(), ...output(record, 'first\n')];
      const id = (events[0] as ExecutionEvent).executionId;
      await to.write(events);
      const rebuild = await index.beginRebuild();
      const again = indexWriter(rebuild, checkpoint);
      assert.is(await rebuild.execution(id), undefined);
      await again.write(events.slice(0, 2));
      const late = output(record, 'second\n');
      await to.write(late);
      assert.is((await chunksOf(index, id)).length, 2, 'readers stay on the old index');
      await again.write([...events.slice(2), ...late]);
      assert.is((await rebuild.execution(id))?.lastSeq, 2);
      await within(patienceMs, rebuild.commit(), 'the commit of a rebuild');
      assert.is((await chunksOf(index, id)).length, 2);
      assert.is(await index.checkpoint(), checkpoint(2));
      assert.is((await index.search({ query: 'second' })).hits.length, 1);
      const after = output(record, 'third\n');
      await to.write(after);
      assert.is((await chunksOf(index, id)).length, 3);
      const dropped = await index.beginRebuild();
      await dropped.abort();
      assert.is((await chunksOf(index, id)).length, 3);
    }));

  test('it answers a ping and counts its contents', () =>
    withIndex(async (index) => {
      await index.ping();
      const to = indexWriter(index, checkpoint);
      const { record } = await started((events) => to.write(events));
      await to.write(output(record, 'ten bytes\n'));
      const stats = await index.stats();
      assert.is(stats.executions, 1);
      assert.is(stats.chunks, 1);
      assert.is(stats.rawBytes, 10);
    }));

  test.run();
}
