import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inProcessDuty, inProcessFleet } from '../../../events/fleet/in-process.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { schedulerContract } from '../../contracts/scheduler.contract.ts';

schedulerContract({
  name: 'in process, SQLite',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'lf-scheduler-'));
    const log = await sqliteEventLog({ folder });
    const fleet = inProcessFleet();
    const dutyFeed = inProcessDuty({ log });
    return {
      log,
      join: async () => ({ fleet, dutyFeed }),
      async close() {
        await log.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});
