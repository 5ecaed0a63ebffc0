/** Issue 11, blocker 4: requests that wait take no memory with their bodies, while they are queued and after a crash. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { enginesName } from '../support/engines.ts';
import { withFolder } from '../support/folder.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const test = suite(`Large queue (${enginesName()})`);

const QUEUED = 120;
/** Close to the largest body that is taken. With {@link QUEUED} it makes 228 MB. */
const SCRIPT_BYTES = 1_900_000;
const MOST_MB = 350;

/** The most memory that the process had since it started, in MB. */
function peakMb(server: ServerProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function queued(server: ServerProcess): Promise<number> {
  const text = await (await server.fetch('/metrics')).text();
  return Number(/^linefeed_executions_queued (\d+)/m.exec(text)?.[1]);
}

test(`${QUEUED} large scripts wait, survive kill -9 and run in order, within ${MOST_MB} MB`, () =>
  withFolder((folder) =>
    withServer(
      folder,
      async (server) => {
        const gate = `${folder}/gate`;
        const order = `${folder}/order`;
        const padding = `# ${'x'.repeat(SCRIPT_BYTES)}\n`;
        const first = await server.run(`until [ -e ${gate} ]; do sleep 0.05; done`);
        const ids: string[] = [];
        for (let n = 0; n < QUEUED; n++) {
          const { id } = await server.json<{ id: string }>('/v1/executions', {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'idempotency-key': `request ${n}` },
            body: JSON.stringify({
              action: 'core.local_script',
              script: `#!/bin/sh\necho ${n} >>${order}\n${padding}`,
            }),
          });
          ids.push(id);
        }
        const cancel = async (n: number) => {
          await server.fetch(`/v1/executions/${ids[n]}`, { method: 'DELETE' });
          const { status } = await server.ended(ids[n] as string);
          assert.is(status, 'canceled', `the cancellation of ${n}`);
        };
        await cancel(3);
        assert.is(await queued(server), QUEUED - 1);
        assert.ok(peakMb(server) < MOST_MB, `${peakMb(server)} MB while they wait`);

        await server.kill('SIGKILL');
        await server.start();
        await until(60_000, async () => (await queued(server)) === QUEUED - 1, 'all to wait again');
        await cancel(5);
        assert.is(existsSync(order), false, 'none has run');
        writeFileSync(gate, '');
        await server.ended(first);
        await server.ended(ids.at(-1) as string, 120_000);
        const expected = ids.keys().filter((n) => n !== 3 && n !== 5);
        assert.equal(readFileSync(order, 'utf8'), [...expected].map((n) => `${n}\n`).join(''));
        assert.ok(peakMb(server) < MOST_MB, `${peakMb(server)} MB after the crash`);
      },
      {
        args: ['--set', 'worker.concurrency=1'],
        env: { NODE_OPTIONS: '--max-old-space-size=128' },
      },
    ),
  ));

test.run();
