/** What happens to blocks behind the reader's back changes nothing that a reader sees. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packBlock, unpackBlock } from '../../../../events/blocks/block.ts';
import type { OutputAppended } from '../../../../events/event.ts';
import type { OutputIndex } from '../../../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../../../projections/sqlite/output-index.ts';
import { keysOf, requiredKeys } from '../../../../projections/sqlite/search-index/block-keys.ts';
import { createBurst } from '../../../../projections/sqlite/search-index/output-rate.ts';
import {
  bucketOf,
  buildSegment,
  decodeKeys,
  encodeKeys,
  hasKeys,
  rowMask,
  rowPlace,
  wordMask,
} from '../../../../projections/sqlite/search-index/signatures.ts';
import { withFolder } from '../../../support/folder.ts';
import { indexWriter } from '../../../support/index-writer.ts';
import { recording } from '../../../support/output-events.ts';
import { until } from '../../../support/within.ts';

const test = suite('output index on SQLite: upkeep');

const plain = (chunks: readonly OutputAppended[]) =>
  chunks.map((chunk) => ({ ...chunk, data: Buffer.from(chunk.data).toString('latin1') }));

async function chunksOf(index: OutputIndex, id: string): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, {})) chunks.push(...batch);
  return chunks;
}

test('chunks come out of a block as they went in', () => {
  const record = recording();
  const chunks = [
    record.output({ text: 'one\ntwo\n' }),
    record.output({ text: 'err\n', stream: 'stderr' }),
    record.output({ text: 'host ', host: 'a' }),
    record.output({ text: 'other\n', host: 'b', stream: 'stderr' }),
    record.output({ text: 'goes on\n', host: 'a' }),
    { ...record.output({ text: '***\n' }), bytes: 40, omitted: { bytes: 3, lines: 1 } },
    { ...record.output({ text: 'after a gap\n' }), position: 900, at: 5 },
    record.output({ text: new Uint8Array() }),
  ];
  assert.equal(plain(unpackBlock(packBlock(chunks).body)), plain(chunks));
});

test('thousands of tiny chunks become few blocks and stay what they were', () =>
  withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    try {
      const { write } = indexWriter(index);
      const record = recording();
      const requested = record.requested();
      const id = requested.executionId;
      await write([requested, record.started()]);
      const chunks: OutputAppended[] = [];
      for (let n = 0; n < 3000; n++) {
        const chunk = record.output({
          text: `line ${n} of a slow command\n`,
          stream: n % 7 ? 'stdout' : 'stderr',
        });
        chunks.push(chunk);
        await write([chunk]);
        if (n % 500 === 0) assert.is((await chunksOf(index, id)).length, n + 1);
      }
      await write([record.completed()]);
      await until(20_000, async () => (await index.stats()).unindexedBytes === 0, 'the upkeep');
      assert.equal(plain(await chunksOf(index, id)), plain(chunks));
      for (const n of [0, 1, 1499, 2999]) {
        const { hits } = await index.search({ query: `"line ${n} of"` });
        assert.equal(
          hits.map((hit) => hit.seq),
          [n + 1],
        );
      }
      const { diskBytes = 0, rawBytes } = await index.stats();
      assert.ok(rawBytes > 80_000 && diskBytes > 0);
      const database = new DatabaseSync(join(folder, 'output.sqlite'), { readOnly: true });
      const { blocks } = database.prepare('SELECT count(*) AS blocks FROM blocks').get() as {
        blocks: number;
      };
      database.close();
      assert.ok(blocks > 0 && blocks <= 10, `${blocks} blocks`);
    } finally {
      await index.close();
    }
  }));

test('a reader sees every chunk once while blocks are merged under it', () =>
  withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    try {
      const { write } = indexWriter(index);
      const record = recording();
      const requested = record.requested();
      await write([requested, record.started()]);
      let written = 0;
      let writing = true;
      const work = (async () => {
        for (; written < 1500; written++)
          await write([record.output({ text: `${'x'.repeat(400)} ${written}\n` })]);
      })().finally(() => {
        writing = false;
      });
      // It is awaited below; when a check fails before, that is what is to be told.
      work.catch(() => {});
      while (writing) {
        const atLeast = written;
        const positions = (await chunksOf(index, requested.executionId)).map((chunk) => chunk.position);
        assert.ok(positions.length >= atLeast);
        assert.equal(
          positions,
          positions.map((_, n) => n + 2),
        );
        const { hits } = await index.search({ query: '-none', limit: 10_000 });
        assert.ok(hits.length >= positions.length, `${hits.length} of ${positions.length} lines are found`);
        assert.equal(
          hits.map((hit) => hit.seq),
          hits.map((_, n) => n + 1),
        );
      }
      await work;
    } finally {
      await index.close();
    }
  }));

test('a damaged index is dropped, to be filled from the log again', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'output.sqlite'), 'not a database at all '.repeat(1000));
    const index = await sqliteOutputIndex({ folder });
    try {
      assert.is(await index.checkpoint(), undefined);
      await indexWriter(index).write([recording().requested()]);
      assert.is((await index.executions({})).total, 1);
    } finally {
      await index.close();
    }
  }));

test('a rebuild leaves one database behind', () =>
  withFolder(async (folder) => {
    const index = await sqliteOutputIndex({ folder });
    try {
      for (let n = 0; n < 3; n++) {
        const rebuild = await index.beginRebuild();
        await indexWriter(rebuild).write([recording().requested()]);
        await rebuild.commit();
        assert.is((await index.executions({})).total, 1);
        const files = readdirSync(folder).filter((name) => name.endsWith('.sqlite'));
        assert.is(files.length, 1, files.join());
      }
    } finally {
      await index.close();
    }
    const again = await sqliteOutputIndex({ folder });
    try {
      assert.is((await again.executions({})).total, 1);
    } finally {
      await again.close();
    }
  }));

test('a block has the keys of every word and substring that is in it', () => {
  const text = 'the quick_brown fox, 42 × ὀδός 日本語 😀 ab\nnext line\n';
  const keys = encodeKeys(keysOf([text]));
  for (const word of ['the', 'quick_brown', '42', 'ὀδός', '日本語', 'ab', 'line']) {
    assert.ok(hasKeys(keys, requiredKeys([word], [])), word);
  }
  for (const part of ['uick_br', 'fox, 42 × ὀδ', '本語 😀 ab', 'ext', 'next line', 'ab\nnext']) {
    assert.ok(hasKeys(keys, requiredKeys([], [part])), part);
  }
  const short = requiredKeys([], ['ab']);
  assert.equal(short, { words: [], trigrams: [], fourgrams: [] }, 'two characters are too few to tell');
  assert.not.ok(hasKeys(keys, requiredKeys(['zebra'], [])));
  assert.not.ok(hasKeys(keys, requiredKeys([], ['zebra'])));
  assert.not.ok(hasKeys(keys, requiredKeys([], ['xyz'])));
});

test('the search index waits for a burst of output, but neither for a steady stream nor for ever', () => {
  let now = 0;
  const steady = createBurst(() => now);
  for (; now < 10_000; now += 10) {
    steady.add(100_000);
    assert.not.ok(steady.lasts(), `after ${now} ms of 10 MB/s`);
  }
  const burst = createBurst(() => now);
  const began = now;
  let mostMs = 0;
  for (; now < began + 5000; now += 10) {
    burst.add(1_000_000);
    if (burst.lasts()) mostMs = now - began;
  }
  assert.ok(mostMs > 500 && mostMs < 2000, `it waited ${mostMs} ms for 100 MB/s`);
  burst.done();
  burst.add(1_000_000);
  assert.ok(burst.lasts());
  now += 300;
  assert.not.ok(burst.lasts(), 'the burst is over');
});

test('a segment names the blocks that have the keys, and hardly any other', () => {
  const text = (block: number) =>
    Array.from(
      { length: 200 },
      (_, n) => `line ${n} of b${block} id=${(block * 7919 + n * 104_729).toString(36)}`,
    );
  // A block of a few words beside large ones.
  const texts = Array.from({ length: 64 }, (_, block) => (block === 9 ? 'tiny\n' : text(block).join('\n')));
  const blocks = texts.map((own) => decodeKeys(encodeKeys(keysOf([own]))));
  const { shape, buckets, pages } = buildSegment(blocks);
  const named = (words: string[], fragments: string[]) => {
    const keys = requiredKeys(words, fragments);
    const masks = [
      ...keys.words.map((word) =>
        wordMask(shape, buckets[bucketOf(shape, word)] ?? Uint8Array.of(0, 0, 0, 0), word),
      ),
      ...(['trigrams', 'fourgrams'] as const).flatMap((kind) =>
        keys[kind].map((key) => {
          const { page, at } = rowPlace(shape, kind, key);
          return rowMask(pages[page] as Uint8Array, at);
        }),
      ),
    ];
    const has = (block: number) =>
      masks.every((mask) => ((mask[block >>> 5] as number) >>> (block & 31)) & 1);
    return texts.map((_, block) => block).filter(has);
  };
  for (let block = 0; block < 64; block++) {
    if (block === 9) continue;
    const word = `b${block}`;
    const found = named([word], [`of ${word} id`]);
    assert.ok(found.includes(block) && found.length <= 3, `${word}: ${found}`);
  }
  assert.ok(named(['tiny'], ['tiny']).includes(9));
  assert.is(named(['line'], ['ine']).length, 63);
  assert.ok(named(['absent'], []).length <= 2);
});

test.run();
