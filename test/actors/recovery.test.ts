import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootId } from '../../actors/capture/launch-check.ts';
import { openSpool } from '../../actors/capture/spool.ts';
import type { LaunchFile } from '../../keeper/protocol.ts';
import { readSpoolState } from '../../keeper/spool-state.ts';
import { withFolder } from '../support/folder.ts';
import { makeGate } from '../support/gate.ts';
import { killKeeper } from '../support/keeper.ts';
import { until } from '../support/within.ts';
import {
  appendBefore,
  completion,
  output,
  requestFor,
  WORKER,
  withWriteSide,
} from '../support/write-side.ts';

const test = suite('Recovery');

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

test('a child that keeps running while there is no worker is adopted, every line once and in order', () =>
  withFolder(async (folder) => {
    let id = '';
    const gate = makeGate(folder);
    // It ends in the last of the lives below, however long those before take.
    const cmd = `i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; ${gate.wait}; echo "line 301"; exit 5`;
    await withWriteSide(
      folder,
      {},
      async ({ run, events }) => {
        id = await run(cmd);
        await until(20_000, async () => output(await events(id), 'stdout').length > 100);
      },
      'leave',
    );
    for (let life = 0; life < 3; life++) {
      await sleep(150);
      await withWriteSide(
        folder,
        {},
        async ({ scheduler }) => {
          await scheduler.recover([id]);
          await sleep(300);
        },
        'leave',
      );
    }
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      gate.open();
      const events = await finished(id);
      assert.is(output(events, 'stdout').toString(), numbered(301));
      assert.equal(
        events.map(({ position }) => position),
        events.map((_, index) => index),
      );
      const { exitCode, status } = completion(events);
      assert.equal([exitCode, status], [5, 'failed']);
    });
  }));

test('a child that ended while there was no worker has its real exit code and end time', () =>
  withFolder(async (folder) => {
    let id = '';
    let started = 0;
    await withWriteSide(
      folder,
      {},
      async ({ run, events }) => {
        started = Date.now();
        id = await run('echo first; sleep 0.5; echo last; exit 7');
        await until(20_000, async () => output(await events(id), 'stdout').length > 0);
      },
      'leave',
    );
    await until(20_000, () => readSpoolState(join(folder, 'spool', id)).exited, 'its end');
    await sleep(600);
    const restarted = Date.now();
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      const events = await finished(id);
      assert.is(output(events, 'stdout').toString(), 'first\nlast\n');
      const { exitCode, at, elapsedMs } = completion(events);
      assert.is(exitCode, 7);
      assert.ok(at < restarted - 300, 'the end is when it ended, not when it was noticed');
      // The kernel tells its uptime in hundredths of a second.
      const most = at - started + 20;
      assert.ok(elapsedMs >= 400 && elapsedMs <= most, `${elapsedMs} of ${most}`);
    });
  }));

test('a command that is beyond its output limit when the worker stops keeps the end of its output, and the mark of what is left out', () =>
  withFolder(async (folder) => {
    const settings = { maxOutputBytes: 100_000 };
    const gate = join(folder, 'gate');
    const printed = join(folder, 'printed');
    let id = '';
    await withWriteSide(
      folder,
      settings,
      async ({ run }) => {
        id = await run(
          `yes 'left out' | head -c 200000000; touch ${printed}; until [ -e ${gate} ]; do sleep 0.05; done; echo the end; exit 3`,
        );
        await until(60_000, () => existsSync(printed), 'all to be printed');
      },
      'leave',
    );
    writeFileSync(gate, '');
    await withWriteSide(folder, settings, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      const events = await finished(id);
      const text = output(events, 'stdout').toString();
      assert.match(
        text,
        /\[linefeed: \d{8} lines \/ \d{9} bytes omitted here: the output limit was reached\]/,
      );
      assert.ok(text.endsWith('the end\n'), text.slice(-100));
      assert.is(completion(events).exitCode, 3);
    });
  }));

test('a child that vanished with the machine leaves an abandoned execution with its output until then', () =>
  withFolder(async (folder) => {
    let id = '';
    let pid = 0;
    await withWriteSide(
      folder,
      {},
      async ({ run, events }) => {
        id = await run('echo kept; sleep 60');
        const started = await until(20_000, async () => {
          const all = await events(id);
          return output(all, 'stdout').length > 0
            ? all.find(({ type }) => type === 'execution.started')
            : undefined;
        });
        pid = started.type === 'execution.started' ? started.pid : 0;
      },
      'leave',
    );
    process.kill(-pid, 'SIGKILL');
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      const events = await finished(id);
      assert.is(events.at(-1)?.type, 'execution.abandoned');
      assert.is(output(events, 'stdout').toString(), 'kept\n');
    });
  }));

test('another process with the pid of the child is neither adopted nor killed', () =>
  withFolder(async (folder) => {
    const { spawn } = await import('node:child_process');
    const { writeFile } = await import('node:fs/promises');
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    try {
      let id = '';
      let pid = 0;
      await withWriteSide(
        folder,
        {},
        async ({ run, events }) => {
          id = await run('sleep 60');
          const started = await until(20_000, async () =>
            (await events(id)).find(({ type }) => type === 'execution.started'),
          );
          pid = started.type === 'execution.started' ? started.pid : 0;
        },
        'leave',
      );
      process.kill(-pid, 'SIGKILL');
      await killKeeper(folder);
      await writeFile(join(folder, 'keeper', 'claims', id), `${stranger.pid}\n`);
      await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
        await scheduler.recover([id]);
        await scheduler.cancel(id, 'me');
        await finished(id);
        assert.is(stranger.exitCode, null);
        assert.is(stranger.signalCode, null);
        assert.ok(process.kill(stranger.pid as number, 0));
      });
    } finally {
      stranger.kill('SIGKILL');
    }
  }));

const LAUNCH: LaunchFile = {
  timeoutMs: 0,
  graceMs: 500,
  maxOutputBytes: 0,
  endAtLimit: false,
  hosts: [],
  merge: false,
  earlier: 0,
};

/** An execution that this worker had in an earlier life, which was killed while it started the command. */
async function beingLaunched(folder: string, cmd: string, boot = ''): Promise<string> {
  const requested = requestFor(cmd);
  const { executionId } = requested;
  const scheduled = { type: 'execution.scheduled', executionId, position: 1, at: 1, worker: WORKER } as const;
  await appendBefore(folder, [requested, scheduled]);
  const spool = openSpool(join(folder, 'spool'), executionId);
  spool.create();
  spool.saveLaunch({ ...LAUNCH, boot });
  return executionId;
}

test('a worker that was killed just before the command began starts it, once', () =>
  withFolder(async (folder) => {
    const id = await beingLaunched(folder, `echo ran >>${folder}/ran; echo hi`, bootId());
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      const events = await finished(id);
      assert.is(completion(events).status, 'succeeded');
      assert.is(output(events, 'stdout').toString(), 'hi\n');
      assert.is(readFileSync(`${folder}/ran`, 'utf8'), 'ran\n');
    });
  }));

test('what may have run before the machine went down is not started again', () =>
  withFolder(async (folder) => {
    const id = await beingLaunched(folder, `touch ${folder}/ran`, 'of yesterday');
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      const { status, error } = completion(await finished(id));
      assert.is(status, 'failed');
      assert.match(error ?? '', 'it may not have run, and was not started again');
      assert.is(existsSync(`${folder}/ran`), false);
    });
  }));

test('a cancellation that was requested before the worker stopped is carried out by the next one', () =>
  withFolder(async (folder) => {
    let id = '';
    await withWriteSide(
      folder,
      { grace: '30s' },
      async ({ run, events, scheduler }) => {
        id = await run("trap '' TERM; echo up; while true; do sleep 0.1; done");
        await until(20_000, async () => output(await events(id), 'stdout').length > 0);
        await scheduler.cancel(id, 'me');
        await until(20_000, async () =>
          (await events(id)).some(({ type }) => type === 'execution.cancel_requested'),
        );
      },
      'leave',
    );
    await withWriteSide(folder, {}, async ({ scheduler, finished }) => {
      await scheduler.recover([id]);
      assert.is(completion(await finished(id)).status, 'canceled');
    });
  }));

test('what waited in the queue is run by the next worker, and what has ended is not run again', () =>
  withFolder(async (folder) => {
    const ids: string[] = [];
    const gate = makeGate(folder);
    await withWriteSide(
      folder,
      { concurrency: 1 },
      async ({ run, finished, events }) => {
        ids.push(await run('echo one'));
        await finished(ids[0] as string);
        ids.push(await run(`${gate.wait}; echo two`), await run('echo three'));
        const isStarted = async (id = '') =>
          (await events(id)).some(({ type }) => type === 'execution.started');
        await until(20_000, () => isStarted(ids[1]), 'the second to run');
        assert.is(await isStarted(ids[2]), false, 'the third waits');
      },
      'leave',
    );
    await withWriteSide(folder, { concurrency: 1 }, async ({ scheduler, finished }) => {
      await scheduler.recover(ids);
      await until(20_000, () => scheduler.load().queued === 1, 'the third to wait');
      assert.equal(scheduler.load(), { running: 1, queued: 1, limit: 1 });
      gate.open();
      const texts = await Promise.all(ids.map(async (id) => output(await finished(id), 'stdout').toString()));
      assert.equal(texts, ['one\n', 'two\n', 'three\n']);
    });
  }));

test.run();
