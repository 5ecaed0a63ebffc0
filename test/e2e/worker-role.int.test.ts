import { randomUUIDv7 } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSeal } from '../../access/seal.ts';
import { loadConfig } from '../../config/config.ts';
import { type ExecutionRequested, isLast, type LifecycleEvent } from '../../events/event.ts';
import { startProjector } from '../../projections/projector.ts';
import { openEngines } from '../../server/engines/open-engines.ts';
import { createDispatch } from '../../server/roles/dispatch.ts';
import { startWorkerRole } from '../../server/roles/worker.ts';
import { withFolder } from '../support/folder.ts';
import { until } from '../support/within.ts';
import { LOCAL_SHELL_CMD } from '../support/write-side.ts';

const test = suite('Worker role');

function request(cmd: string): ExecutionRequested {
  return {
    type: 'execution.requested',
    executionId: randomUUIDv7(),
    position: 0,
    at: Date.now(),
    action: { ref: 'core.local', pack: 'core', name: 'local', runner: LOCAL_SHELL_CMD.name },
    parameters: { cmd },
    user: 'tester',
  };
}

test('while the index is far behind, a new request runs once, and a canceled one is canceled when it is recovered', () =>
  withFolder(async (folder) => {
    const config = loadConfig({ LINEFEED_DATA: folder });
    const logger = pino({ level: 'silent' });
    const stack = new AsyncDisposableStack();
    const engines = await openEngines({ config, name: 'w', logger, stack, onFatal: () => {} });
    const { log, index } = engines;
    const projector = startProjector({ log, index, onDeadLetter: () => {} });
    stack.defer(() => projector.stop());
    const arrived = Promise.withResolvers<void>();
    try {
      const old = request('sleep 600');
      const { executionId } = old;
      await log.append([
        old,
        { type: 'execution.scheduled', executionId, position: 1, at: Date.now(), worker: 'w' },
      ]);
      const waiting = request(`echo ran >>${folder}/canceled`);
      await log.append([waiting]);
      const worker = await startWorkerRole({
        config,
        name: 'w',
        log,
        engines,
        seal: createSeal(Buffer.alloc(32, 7)),
        runners: [LOCAL_SHELL_CMD],
        logger,
        caughtUp: async (checkpoint) => {
          await arrived.promise;
          await projector.caughtUp(checkpoint);
        },
        stack,
      });
      const dispatch = createDispatch(engines.fleet, config.worker.lease, worker);
      const ends = async (id: string) => {
        const lifecycle: LifecycleEvent[] = [];
        for await (const batch of log.read(id, { lifecycleOnly: true }))
          lifecycle.push(...(batch as LifecycleEvent[]));
        return lifecycle.find(isLast);
      };
      const gate = join(folder, 'gate');
      const fresh = request(`until [ -e ${gate} ]; do sleep 0.02; done; echo ran >>${folder}/ran`);
      await log.append([fresh]);
      await dispatch.cancel(executionId, 'somebody');
      await dispatch.cancel(waiting.executionId, 'somebody');
      await until(20_000, () => dispatch.load().running === 1, 'the one that was requested to be taken');
      await projector.caughtUp(await log.end());
      arrived.resolve();
      const end = await until(20_000, () => ends(executionId), 'the end of the one that was canceled');
      assert.is(end.type === 'execution.completed' && end.status, 'canceled');
      const canceled = await until(20_000, () => ends(waiting.executionId), 'the end of the one that waited');
      assert.is(canceled.type === 'execution.completed' && canceled.status, 'canceled');
      writeFileSync(gate, '');
      await until(20_000, () => ends(fresh.executionId), 'the end of the one that was requested');
      await until(20_000, () => dispatch.load().running === 0, 'all to be over');
      assert.is(readFileSync(join(folder, 'ran'), 'utf8'), 'ran\n');
      assert.is(existsSync(join(folder, 'canceled')), false);
    } finally {
      await stack.disposeAsync();
    }
  }));

test.run();
