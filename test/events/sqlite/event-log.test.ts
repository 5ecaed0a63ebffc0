import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { eventLogContract } from '../../contracts/event-log.contract.ts';

eventLogContract({
  name: 'SQLite',
  purges: true,
  knowsSize: true,
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'linefeed-log-'));
    return {
      connect: () => sqliteEventLog({ folder }),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  },
});
