import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { isGone } from '../support/processes.ts';
import { until, within } from '../support/within.ts';

const test = suite('test runner: processes');
const module = (name: string) => new URL(name, import.meta.url).href;

test('at the end every test process is asked, then its whole group is killed', () =>
  withFolder(async (folder) => {
    const [asked, child] = [join(folder, 'asked'), join(folder, 'child')];
    // Its child ignores the signal and outlives it.
    const file = `sh -c 'trap "" TERM; echo $$ >${child}; while :; do sleep 1; done' & trap 'touch ${asked}; exit' TERM; wait`;
    const runner = join(folder, 'runner.mjs');
    writeFileSync(
      runner,
      `import { endAll, spawnGroup } from '${module('./processes.ts')}';
       spawnGroup('sh', ['-c', ${JSON.stringify(file)}], { stdio: 'ignore' });
       process.on('SIGTERM', async () => { await endAll(); process.exit(143); });`,
    );
    const running = spawn(process.execPath, [runner], { stdio: ['ignore', 'inherit', 'inherit'] });
    await until(20_000, () => existsSync(child) && readFileSync(child, 'utf8'), 'the start');
    const pid = Number(readFileSync(child, 'utf8'));
    assert.not(isGone(pid));
    running.kill('SIGTERM');
    const [code] = await within(20_000, once(running, 'exit'), 'the end of the runner');
    assert.is(code, 143);
    assert.ok(existsSync(asked), 'it was asked first');
    await until(5000, () => isGone(pid), 'the end of its child');
  }));

test.run();
