import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sqliteOutputIndex } from '../../../projections/sqlite/output-index.ts';
import { withFolder } from '../../support/folder.ts';
import { indexWriter } from '../../support/index-writer.ts';
import { recording } from '../../support/output-events.ts';

const test = suite('open indexes');

test('a damaged index is replaced by an empty one', () =>
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

test.run();
