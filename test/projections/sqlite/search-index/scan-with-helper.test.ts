/** A search with the helper thread gives the same answer as without it, in the same order. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../../events/event.ts';
import { startThread } from '../../../../lib/thread.ts';
import type { OutputIndex } from '../../../../projections/output-index.ts';
import type { SearchHit, SearchRequest } from '../../../../projections/search/search.ts';
import { countFacets, searchPage } from '../../../../projections/search/search-loop.ts';
import { sqliteOutputIndex } from '../../../../projections/sqlite/output-index.ts';
import { type ScanHelper, scanHelper } from '../../../../projections/sqlite/search-index/scan-helper.ts';
import { sqliteSearch } from '../../../../projections/sqlite/search-index/search.ts';
import { currentName, openStore, type Store } from '../../../../projections/sqlite/store/store.ts';
import { withFolder } from '../../../support/folder.ts';
import { indexWriter } from '../../../support/index-writer.ts';
import { recording } from '../../../support/output-events.ts';
import { until, within } from '../../../support/within.ts';

const test = suite('scan with the helper thread');

const EXECUTIONS = 4;
const LINES = 8_000;

/** Lines of some 100 bytes in chunks of any size; now and then one that comes in pieces, so that blocks end within a line. */
async function fill(index: OutputIndex): Promise<void> {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const { write } = indexWriter(index);
  for (let n = 0; n < EXECUTIONS; n++) {
    const record = recording(`01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`);
    await write([record.requested(), record.started()]);
    let batch: ExecutionEvent[] = [];
    for (let line = 0; line < LINES; ) {
      let text = '';
      for (let k = random(400) + 1; k > 0 && line < LINES; k--, line++) {
        text += `${line % 97 === 5 ? 'Ünicode ' : ''}line ${line} value=${random(100_000)} ${'x'.repeat(random(150))}\n`;
      }
      const data = Buffer.from(text);
      const cut = random(3) === 0 ? data.lastIndexOf(10, data.length - 2) + 1 + random(5) : data.length;
      batch.push(record.output({ text: data.subarray(0, cut) }));
      if (cut < data.length) {
        batch.push(record.output({ text: 'between\n', stream: 'stderr' }));
        batch.push(record.output({ text: data.subarray(cut) }));
      }
      if (batch.length > 10) {
        await write(batch);
        batch = [];
      }
    }
    await write([...batch, record.completed()]);
  }
}

const ALONE: ScanHelper = { thread: () => undefined, close: async () => {} };

async function everyHit(store: Store, request: SearchRequest, helper: ScanHelper): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  let cursor: string | undefined;
  do {
    const asked = { ...request, ...(cursor ? { cursor } : {}) };
    const page = await searchPage(sqliteSearch(store, helper), asked);
    hits.push(...page.hits);
    cursor = page.cursor;
  } while (cursor);
  return hits;
}

async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    await fill(index).finally(() => index.close());
    const store = openStore(join(folder, currentName(folder)), { readOnly: true, frames: undefined });
    try {
      await body(store);
    } finally {
      store.database.close();
    }
  });
}

test('pages, orders, counts and context are the same with and without help', () =>
  withStore(async (store) => {
    const helper = scanHelper(2, () => 0);
    let helped = 0;
    const watched: ScanHelper = {
      thread() {
        const thread = helper.thread();
        if (thread) helped++;
        return thread;
      },
      close: () => helper.close(),
    };
    try {
      await until(20_000, () => helper.thread() !== undefined);
      const requests: SearchRequest[] = [
        { query: '/value=7\\d*7 /', limit: 1000 },
        { query: '*77777*', limit: 7 },
        { query: '/line \\d*00 /', limit: 33, order: 'oldest' },
        { query: '/no such thing [0-9]/' },
        { query: 'ünicode /=1/', limit: 50, context: 2 },
        { query: 'between', stream: 'stderr', limit: 1000 },
      ];
      for (const request of requests) {
        const alone = await everyHit(store, request, ALONE);
        assert.equal(await everyHit(store, request, watched), alone, JSON.stringify(request));
        const counts = await countFacets(sqliteSearch(store, watched), request);
        assert.equal(counts, await countFacets(sqliteSearch(store, ALONE), request));
        assert.is(counts.total, alone.length);
      }
      assert.ok(helped > 0, 'no search asked for help');
    } finally {
      await helper.close();
    }
  }));

test('a search whose helper thread ends is still complete', () =>
  withStore(async (store) => {
    const helper = scanHelper(2, () => 0);
    let asked = 0;
    const failing: ScanHelper = {
      thread() {
        const thread = helper.thread();
        if (thread && ++asked === 2) void helper.close();
        return thread;
      },
      close: () => helper.close(),
    };
    try {
      await until(20_000, () => helper.thread() !== undefined);
      const request: SearchRequest = { query: '/line \\d*55 value=7/', limit: 1000 };
      assert.equal(await everyHit(store, request, failing), await everyHit(store, request, ALONE));
      assert.ok(asked >= 2, 'no search asked for help');
    } finally {
      await helper.close();
    }
  }));

test('without a free processor there is no helper thread', async () => {
  const free = scanHelper(2, () => 0);
  const others = [scanHelper(1, () => 0), scanHelper(2, () => 9)];
  try {
    await until(20_000, () => {
      for (const helper of others) assert.is(helper.thread(), undefined);
      return free.thread() !== undefined;
    });
    for (const helper of others) assert.is(helper.thread(), undefined);
  } finally {
    for (const helper of [free, ...others]) await helper.close();
  }
});

test('a helper thread that died is replaced at the next search', async () => {
  const calls = new URL('../../../fixtures/calls.thread.ts', import.meta.url);
  const helper = scanHelper(
    2,
    () => 0,
    () => startThread(calls, {}),
  );
  try {
    const first = await until(20_000, () => helper.thread(), 'a second thread');
    await first.call('die').catch(() => {});
    assert.is(helper.thread(), undefined);
    const next = await until(20_000, () => helper.thread(), 'another thread');
    assert.is(await within(20_000, next.call('double', [2])), 4);
  } finally {
    await helper.close();
  }
});

test.run();
