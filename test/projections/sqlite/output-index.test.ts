import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteOutputIndex } from '../../../projections/sqlite/output-index.ts';
import { outputIndexContract } from '../../contracts/output-index.contract.ts';

outputIndexContract({
  name: 'SQLite',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'linefeed-index-'));
    return {
      connect: () => sqliteOutputIndex({ folder }),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  },
});
