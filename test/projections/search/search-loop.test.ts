/** The search loop on an engine whose candidates are given: pages, cursors, context, facets and the time budget. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assemble } from '../../../projections/search/assemble.ts';
import { scanInOrder } from '../../../projections/search/scan-in-order.ts';
import type { SearchRequest } from '../../../projections/search/search.ts';
import { readCursor, writeCursor } from '../../../projections/search/search-cursor.ts';
import {
  type Candidate,
  countFacets,
  OutOfTime,
  type SearchEngine,
  searchPage,
} from '../../../projections/search/search-loop.ts';
import { recording } from '../../support/output-events.ts';

const test = suite('search loop');

const IDS = ['01934f00-0000-7000-8000-000000000002', '01934f00-0000-7000-8000-000000000001'] as const;

type ChunkCandidate = Candidate & { chunk: ReturnType<ReturnType<typeof recording>['output']> };

/** Two executions with three chunks each of two lines: "a<n>" and "b<n>". */
function chunkCandidates(): ChunkCandidate[] {
  return IDS.flatMap((executionId) => {
    const record = recording(executionId);
    record.requested();
    return [1, 2, 3].map((n): ChunkCandidate => {
      const chunk = record.output({ text: `a${n}\nb${n}\n` });
      const lastSeq = chunk.seq + chunk.lines - 1;
      return { executionId, action: 'core.local', status: 'running', firstSeq: chunk.seq, lastSeq, chunk };
    });
  });
}

function engine(onOpen: () => void | Promise<void> = () => {}) {
  let opened = 0;
  const searched: SearchEngine<ChunkCandidate> & { opened(): number } = {
    opened: () => opened,
    scan(request) {
      const { after } = request;
      async function* candidates() {
        for (const candidate of chunkCandidates()) {
          const { executionId, lastSeq } = candidate;
          const isBefore =
            after &&
            (executionId > after.executionId || (executionId === after.executionId && lastSeq <= after.seq));
          if (!isBefore) yield candidate;
        }
      }
      const open = async ({ chunk }: ChunkCandidate) => {
        opened++;
        await onOpen();
        return { assembled: assemble([chunk], chunk.seq - 1), scannedBytes: chunk.data.byteLength };
      };
      return scanInOrder(candidates(), open, request);
    },
    contextOf:
      ({ executionId }, _filter, count) =>
      (seq) => {
        const line = (n: number) => ({
          seq: n,
          stream: 'stdout' as const,
          at: 0,
          text: `${executionId} ${n}`,
        });
        return { before: [line(seq - count)], after: [line(seq + count)] };
      },
  };
  return searched;
}

async function pages(request: SearchRequest, budgetMs?: number): Promise<string[][]> {
  const found: string[][] = [];
  let cursor: string | undefined;
  do {
    const asked = cursor === undefined ? request : { ...request, cursor };
    const page = await searchPage(engine(), asked, budgetMs === undefined ? {} : { budgetMs });
    found.push(page.hits.map(({ executionId, text }) => `${executionId.at(-1)} ${text}`));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

const ALL = ['2 a1', '2 a2', '2 a3', '1 a1', '1 a2', '1 a3'];

for (const limit of [1, 2, 3, 4, 5, 6, 7]) {
  test(`pages of ${limit} joined are the whole answer, without an empty page at the end`, async () => {
    const found = await pages({ query: 'a*', limit });
    assert.equal(found.flat(), ALL);
    assert.is(found.length, Math.ceil(ALL.length / limit));
  });
}

test('a page that ends within a candidate continues there', async () => {
  assert.equal(await pages({ query: '/./', limit: 3 }), [
    ['2 a1', '2 b1', '2 a2'],
    ['2 b2', '2 a3', '2 b3'],
    ['1 a1', '1 b1', '1 a2'],
    ['1 b2', '1 a3', '1 b3'],
  ]);
});

test('a full page opens no candidate more than it needs to know that there is more', async () => {
  const searched = engine();
  const { cursor } = await searchPage(searched, { query: 'a*', limit: 2 });
  assert.ok(cursor);
  assert.is(searched.opened(), 3);
});

test('hits have the lines beside them when these are asked for, at most 100', async () => {
  const { hits } = await searchPage(engine(), { query: 'b2', limit: 1, context: 500 });
  const [{ before, after, seq } = { before: [], after: [], seq: 0 }] = hits;
  assert.is(seq, 4);
  assert.equal([before?.[0]?.seq, after?.[0]?.seq], [4 - 100, 4 + 100]);
  assert.not('before' in ((await searchPage(engine(), { query: 'b2' })).hits[0] ?? {}));
});

test('without any time left each call still makes progress, and the pages are the whole answer', async () => {
  const found = await pages({ query: 'a*' }, -1);
  assert.equal(found.flat(), ALL);
  assert.is(found.length, 6);
});

test('a search that runs out of time before its first candidate says where to continue', async () => {
  const late: SearchEngine<ChunkCandidate> = {
    ...engine(),
    // biome-ignore lint/correctness/useYield: it has no time to
    async *scan() {
      throw new OutOfTime({ executionId: IDS[1], firstSeq: 3 });
    },
  };
  const { hits, cursor } = await searchPage(late, { query: 'a*' });
  assert.is(hits.length, 0);
  assert.equal(readCursor(cursor ?? ''), { executionId: IDS[1], seq: 2 });
  const before = writeCursor({ executionId: IDS[1], seq: 4 });
  const later = await searchPage(late, { query: 'a*', cursor: before });
  assert.is(later.cursor, before, 'a line that was answered is not answered again');
});

test('facets count every matching line, and say when the time was not enough', async () => {
  const { total, complete, statuses } = await countFacets(engine(), { query: 'a*' });
  assert.equal([total, complete, statuses], [6, true, { running: 6 }]);
  const cut = await countFacets(engine(), { query: 'a*' }, { budgetMs: -1 });
  assert.equal([cut.total, cut.complete], [1, false]);
});

test('an aborted search ends with the reason', async () => {
  const abort = new AbortController();
  const searched = engine(() => abort.abort(new Error('left')));
  await searchPage(searched, { query: '/./' }, { signal: abort.signal }).then(
    () => assert.unreachable('an aborted search answered'),
    (error) => assert.is(error.message, 'left'),
  );
  assert.is(searched.opened(), 1);
});

test('a cursor of another execution is an error', async () => {
  const cursor = writeCursor({ executionId: IDS[0], seq: 1 });
  await searchPage(engine(), { query: 'a', executionId: IDS[1], cursor }).then(
    () => assert.unreachable('a foreign cursor was taken'),
    (error) => assert.is(error.code, 'invalid-cursor'),
  );
});

test.run();
