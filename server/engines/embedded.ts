/** The event log in SQLite, in this process. The only node of its fleet. */
import { fileKeyStore } from '../../access/key-file.ts';
import { inProcessDuty, inProcessFleet } from '../../events/fleet/in-process.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../events/sqlite/stored-runs.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { EngineOptions, Engines } from './engines.ts';
import { openOutputIndex } from './output-index.ts';

export async function openEmbeddedEngines(options: EngineOptions): Promise<Engines> {
  const { config, stack, onFatal } = options;
  if (config.roles.length < 3) {
    throw new ServiceError(
      'invalid-config',
      'SQLite requires all three roles in one process. To split roles, set LINEFEED_KAFKA_BROKERS',
    );
  }
  const log = await sqliteEventLog({ folder: config.data, onFatal });
  stack.defer(() => log.close());
  const index = await openOutputIndex(options, sqliteStoredRuns(config.data));
  return {
    log,
    index,
    projectorLog: log,
    keys: fileKeyStore(config.data),
    keepDeadLetter: async () => {},
    fleet: inProcessFleet(),
    dutyFeed: inProcessDuty({ log }),
  };
}
