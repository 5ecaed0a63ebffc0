/** A test or a bench that is ended by a signal leaves no server, no command and no folder behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isGone } from '../support/processes.ts';
import { until, within } from '../support/within.ts';

const test = suite('Leftovers');
const HOLDER = new URL('../fixtures/server-holder.ts', import.meta.url).pathname;

test('a process with a server that is ended by a signal takes the server, its command and its folder along', async () => {
  const holder = spawn(process.execPath, [HOLDER], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [said] = (await within(60_000, once(holder.stdout, 'data'), 'the start of a server')) as [Buffer];
    const { folder, pids } = JSON.parse(said.toString()) as { folder: string; pids: number[] };
    for (const pid of pids) assert.not(isGone(pid), `process ${pid}`);
    const ended = once(holder, 'exit');
    holder.kill('SIGTERM');
    const [code] = await within(30_000, ended, 'its end');
    assert.is(code, 128 + constants.signals.SIGTERM);
    await until(30_000, () => pids.every(isGone), 'the end of its processes');
    assert.not(existsSync(folder), folder);
  } finally {
    holder.kill('SIGKILL');
  }
});

test.run();
