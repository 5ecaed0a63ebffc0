/** Maintenance of blocks changes nothing that a reader sees. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OutputAppended } from '../../../../events/event.ts';
import type { OutputIndex } from '../../../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../../../projections/sqlite/output-index.ts';
import { withFolder } from '../../../support/folder.ts';
import { indexWriter } from '../../../support/index-writer.ts';
import { recording } from '../../../support/output-events.ts';
import { until } from '../../../support/within.ts';

const test = suite('maintenance of the SQLite index');

const plain = (chunks: readonly OutputAppended[]) =>
  chunks.map((chunk) => ({ ...chunk, data: Buffer.from(chunk.data).toString('latin1') }));

async function chunksOf(index: OutputIndex, id: string): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, {})) chunks.push(...batch);
  return chunks;
}

test('thousands of tiny chunks become few blocks with the same contents', () =>
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
      await until(20_000, async () => (await index.stats()).unindexedBytes === 0, 'maintenance');
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

test('a reader sees every chunk once while blocks are merged', () =>
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
      // It is awaited below; a check that fails before then is what the test reports.
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

test.run();
