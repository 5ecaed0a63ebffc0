/** A signal to `npm run test:…` ends the runner and what it started, down to the test processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { childrenOf, isGone } from '../support/processes.ts';
import { until, within } from '../support/within.ts';

const test = suite('test runner: signals');
/** Runs for seconds, without a server. */
const FILE = 'test/cli/event-source.test.ts';

const descendantsOf = (pid: number): number[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} to npm leaves nothing behind`, async () => {
    const env = { ...process.env, LINEFEED_TEST_SLOWNESS: '5' };
    const npm = spawn('npm', ['run', 'test:unit', '--', FILE], { env, stdio: 'ignore' });
    const all = await until(
      60_000,
      () => {
        const pids = descendantsOf(npm.pid as number);
        return pids.some((pid) => commandOf(pid).endsWith(`node ${FILE} `)) ? pids : undefined;
      },
      'the test process',
    );
    npm.kill(signal);
    await within(20_000, once(npm, 'exit'), 'the end of npm');
    await until(20_000, () => all.every(isGone), 'the end of all');
    assert.ok(all.length >= 2);
  });
}

test.run();
