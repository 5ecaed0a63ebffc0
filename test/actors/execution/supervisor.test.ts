import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { foldExecution, statusOf } from '../../../actors/execution/execution.machine.ts';
import type { ExecutionEvent, LifecycleEvent } from '../../../events/event.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../../projections/execution-document.ts';
import { withFolder } from '../../support/folder.ts';
import { makeGate } from '../../support/gate.ts';
import { until } from '../../support/within.ts';
import {
  appendBefore,
  completion,
  output,
  requestFor,
  WORKER,
  type WriteSide,
  withWriteSide,
} from '../../support/write-side.ts';

const test = suite('Supervisor');

const side = (settings: Record<string, unknown>, body: (side: WriteSide) => Promise<void>) =>
  withFolder((folder) => withWriteSide(folder, settings, body));

const types = (events: readonly ExecutionEvent[]) =>
  events.map(({ type }) => type).filter((type) => type !== 'output.appended');
const documentOf = (events: readonly ExecutionEvent[]) =>
  events.reduce(
    applyEvent as (d: ExecutionDocument | undefined, e: ExecutionEvent) => ExecutionDocument,
    undefined as never,
  );

test('a command runs and its output, exit code and totals are in the log', () =>
  side({}, async ({ run, finished }) => {
    const events = await finished(await run('echo out; echo err >&2; exit 3'));
    assert.equal(types(events), [
      'execution.requested',
      'execution.scheduled',
      'execution.started',
      'execution.completed',
    ]);
    assert.equal(
      events.map(({ position }) => position),
      events.map((_, index) => index),
    );
    assert.is(output(events, 'stdout').toString(), 'out\n');
    assert.is(output(events, 'stderr').toString(), 'err\n');
    const { status, exitCode, signal, streams } = completion(events);
    assert.equal({ status, exitCode, signal }, { status: 'failed', exitCode: 3, signal: null });
    assert.equal(streams, { stdout: { bytes: 4, lines: 1 }, stderr: { bytes: 4, lines: 1 } });
  }));

test('the spool folder of an execution is removed at its end', () =>
  side({}, async ({ run, finished, spoolRoot }) => {
    const id = await run('echo hi');
    await finished(id);
    await until(20_000, () => !existsSync(join(spoolRoot, id)), 'the removal of the spool');
  }));

for (const [what, cmd, parameters, expected] of [
  [
    'a folder that does not exist',
    'echo hi',
    { cwd: '/no/such/folder' },
    /the folder "\/no\/such\/folder" \(cwd\) does not exist/,
  ],
  ['a program that does not exist', '/no/such/program', {}, /not found/],
  ['a program that is not executable', '/etc/passwd', {}, /not executable/],
  ['an empty command line', '  ', {}, /cmd: the command line is empty/],
  ['an invalid variable name', 'echo', { env: { 'A B': '1' } }, /env: "A B" is not a variable name/],
] as const) {
  test(`${what} gives a failed execution with that reason`, () =>
    side({}, async ({ run, finished }) => {
      const { status, error } = completion(await finished(await run(cmd, parameters)));
      assert.is(status, 'failed');
      assert.match(error ?? '', expected);
    }));
}

test('a signal that ended the command is told apart from an exit code of the same number', () =>
  side({}, async ({ run, finished }) => {
    const killed = completion(await finished(await run('kill -9 $$')));
    assert.equal([killed.exitCode, killed.signal, killed.error], [null, 'SIGKILL', 'Ended by SIGKILL']);
    const exited = completion(await finished(await run('exit 137')));
    assert.equal([exited.exitCode, exited.signal], [137, null]);
  }));

test('a command beyond its timeout is ended with all its children, also those that ignore TERM', () =>
  side({}, async ({ run, finished }) => {
    const marker = `sleep 97.${process.pid}`;
    const id = await run(`trap '' TERM; (trap '' TERM; ${marker}) & echo before; ${marker}; echo never`, {
      timeout: 1,
    });
    const events = await finished(id);
    const { status, error, signal } = completion(events);
    assert.equal([status, error, signal], ['timeout', 'Action failed to complete in 1 seconds', 'SIGKILL']);
    assert.is(output(events, 'stdout').toString(), 'before\n');
    assert.is(processes(marker), 0);
  }));

test('a cancellation ends the process group and is recorded with who asked', () =>
  side({}, async ({ run, finished, scheduler, events }) => {
    const marker = `sleep 96.${process.pid}`;
    const id = await run(`echo started; ${marker} & ${marker}; echo never`);
    await until(20_000, async () => output(await events(id), 'stdout').length > 0);
    await scheduler.cancel(id, 'mallory');
    await scheduler.cancel(id, 'mallory');
    const all = await finished(id);
    assert.is(completion(all).status, 'canceled');
    assert.equal(all.filter(({ type }) => type === 'execution.cancel_requested').length, 1);
    assert.is(documentOf(all).canceledBy, 'mallory');
    assert.is(processes(marker), 0);
  }));

test('executions beyond the limit wait and start in order; a waiting one can be canceled', () =>
  side({ concurrency: 2 }, async ({ run, finished, scheduler, spoolRoot }) => {
    const gate = makeGate(dirname(spoolRoot));
    const ids: string[] = [];
    for (let index = 0; index < 7; index++) ids.push(await run(`${gate.wait}; echo done`));
    await until(20_000, () => scheduler.load().queued === 5, 'five to wait');
    assert.equal(scheduler.load(), { running: 2, queued: 5, limit: 2 });
    await scheduler.cancel(ids[5] as string, 'me');
    gate.open();
    const all = await Promise.all(ids.map((id) => finished(id)));
    const canceled = completion(all[5] as ExecutionEvent[]);
    assert.equal([canceled.status, canceled.error], ['canceled', 'Canceled by me before it started']);
    const started = [0, 1, 2, 3, 4, 6].map(
      (index) => all[index]?.find(({ type }) => type === 'execution.scheduled')?.at ?? 0,
    );
    assert.equal(
      started,
      started.toSorted((a, b) => a - b),
    );
  }));

test('requests of an earlier life wait in order, and can be canceled while they wait', () =>
  withFolder(async (folder) => {
    const gate = makeGate(folder);
    const order = join(folder, 'order');
    const requests = [gate.wait, ...[0, 1, 2, 3, 4].map((n) => `echo ${n} >>${order}`)].map((cmd) =>
      requestFor(cmd),
    );
    await appendBefore(folder, requests);
    await withWriteSide(folder, { concurrency: 1 }, async ({ finished, scheduler }) => {
      await until(20_000, () => scheduler.load().queued === 5, 'five to wait');
      assert.equal(scheduler.load(), { running: 1, queued: 5, limit: 1 });
      const ids = requests.map(({ executionId }) => executionId);
      await scheduler.cancel(ids[2] as string, 'me');
      await scheduler.cancel(ids[2] as string, 'me');
      gate.open();
      const all = await Promise.all(ids.map((id) => finished(id)));
      assert.is(readFileSync(order, 'utf8'), '0\n2\n3\n4\n');
      const canceled = completion(all[2] as ExecutionEvent[]);
      assert.equal([canceled.status, canceled.error], ['canceled', 'Canceled by me before it started']);
      assert.equal(types(all[2] as ExecutionEvent[]), ['execution.requested', 'execution.completed']);
      await until(20_000, () => scheduler.load().running === 0, 'all to be over');
    });
  }));

test('a request is read again while the log does not answer', () =>
  withFolder(async (folder) => {
    const requested = requestFor('true');
    const canceled = requestFor(`touch ${folder}/ran`);
    await appendBefore(folder, [requested, canceled]);
    await withWriteSide(folder, { concurrency: 1 }, async ({ log, finished, scheduler }) => {
      const { read } = log;
      let refusals = 0;
      log.read = (...given) => {
        if (refusals++ > 0) return read(...given);
        void scheduler.cancel(canceled.executionId, 'me');
        throw new ServiceError('event-log-unavailable', 'no answer', { retriable: true });
      };
      const events = await until(
        20_000,
        async () => (refusals > 1 ? finished(requested.executionId) : undefined),
        'the end',
      );
      assert.is(completion(events).status, 'succeeded');
      assert.is(completion(await finished(canceled.executionId)).status, 'canceled');
      assert.is(existsSync(join(folder, 'ran')), false);
    });
  }));

test('secret parameters and configured patterns are masked before the log, also when split over two writes', () =>
  side({ maskPatterns: ['AKIA[A-Z0-9]{8}'] }, async ({ run, finished }) => {
    const cmd = 'printf "x hunt"; sleep 0.4; printf "er22 y\\n"; echo key AKIA12345678; echo "$S" | base64';
    const events = await finished(await run(cmd, { env: { S: 'hunter22' } }, { sudo_password: 'hunter22' }));
    const text = output(events, 'stdout').toString();
    assert.not.match(JSON.stringify(text), /hunt|er22|AKIA|aHVudGVy/);
    assert.match(text, /^x \*{8} y\nkey \*{8}\n/);
    assert.is(completion(events).streams.stdout.bytes, 13 + 17 + 13);
  }));

test('a secret is masked in an error message as well', () =>
  side({}, async ({ run, finished }) => {
    const { error } = completion(
      await finished(await run('true', { cwd: '/no/hunter22' }, { sudo_password: 'hunter22' })),
    );
    assert.is(error, 'Cannot start: the folder "/no/********" (cwd) does not exist');
  }));

test('a prompt without newline is in the log while the command waits', () =>
  side({}, async ({ run, events, scheduler }) => {
    const id = await run('printf "password: "; sleep 30');
    await until(20_000, async () => output(await events(id), 'stdout').toString() === 'password: ');
    await scheduler.cancel(id, 'me');
  }));

test('output beyond the limit is cut with a marked line, its end is kept and the exit code is right', () =>
  side({ maxOutputBytes: 100_000 }, async ({ run, finished }) => {
    const events = await finished(
      await run('i=0; while [ $i -lt 50000 ]; do i=$((i+1)); echo "line $i of many"; done; exit 4'),
    );
    const text = output(events, 'stdout').toString();
    const lines = text.split('\n');
    assert.is(lines[0], 'line 1 of many');
    assert.is(lines.at(-2), 'line 50000 of many');
    const marker = /\[linefeed: (\d+) lines \/ (\d+) bytes omitted here: the output limit was reached\]/.exec(
      text,
    );
    assert.ok(marker);
    const kept = text.match(/^line \d+ of many$/gm)?.length ?? 0;
    const { exitCode, streams } = completion(events);
    assert.is(exitCode, 4);
    const written = Array.from({ length: 50_000 }, (_, index) => `line ${index + 1} of many\n`.length).reduce(
      (a, b) => a + b,
    );
    assert.is(streams.stdout.bytes, written);
    assert.ok(Math.abs(kept + Number(marker[1]) - 50_000) <= 1, `${kept} kept + ${marker[1]} omitted`);
  }));

test('output beyond the limit ends the command where that is configured', () =>
  side({ maxOutputBytes: 100_000, onOutputLimit: 'end' }, async ({ run, finished }) => {
    const { status, error } = completion(await finished(await run('yes')));
    assert.is(status, 'failed');
    assert.match(error ?? '', /output reached the limit of 100000 bytes/);
  }));

test('a background process that keeps the output open is waited for, for a bounded time, and noted', () =>
  side({ drain: '1500ms' }, async ({ run, finished }) => {
    const events = await finished(
      await run('(sleep 0.2; echo late; sleep 5; echo too late) & echo hi; exit 3'),
    );
    assert.is(output(events, 'stdout').toString(), 'hi\nlate\n');
    const { exitCode, note } = completion(events);
    assert.is(exitCode, 3);
    assert.match(note ?? '', /Background processes/);
  }));

test('a background process that goes on printing is followed for a bounded time, too', () =>
  side({ drain: '200ms' }, async ({ run, finished }) => {
    const events = await finished(
      await run('(for i in $(seq 600); do echo $i; sleep 0.05; done) & echo hi; exit 3'),
    );
    const { exitCode, note } = completion(events);
    assert.is(exitCode, 3);
    assert.match(note ?? '', /Background processes/);
    const text = output(events, 'stdout').toString();
    assert.match(text, /^hi$/m);
    assert.not.match(text, /^600$/m);
  }));

test('a request that waits, and one that runs, are not started again when they are recovered as well', () =>
  withFolder((folder) =>
    withWriteSide(folder, { concurrency: 1 }, async ({ run, scheduler, finished, events }) => {
      const gate = join(folder, 'gate');
      const first = await run(`echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two`);
      const second = await run(`echo ran >>${folder}/ran`);
      await until(20_000, async () => output(await events(first), 'stdout').length > 0, 'the first to run');
      await scheduler.recover([first, second]);
      assert.equal(scheduler.load(), { running: 1, queued: 1, limit: 1 });
      writeFileSync(gate, '');
      assert.is(output(await finished(first), 'stdout').toString(), 'one\ntwo\n');
      await finished(second);
      await until(20_000, () => scheduler.load().running === 0, 'all to be over');
      assert.is(readFileSync(join(folder, 'ran'), 'utf8'), 'ran\n');
    }),
  ));

test('an execution that others abandon while it is recovered does not go on', () =>
  withFolder(async (folder) => {
    const requested = requestFor('sleep 600');
    const { executionId } = requested;
    const next = { executionId, at: 1, worker: WORKER };
    await appendBefore(folder, [
      requested,
      { type: 'execution.scheduled', position: 1, ...next },
      { type: 'execution.started', position: 2, ...next, hostname: 'h', pid: 1 },
    ]);
    await withWriteSide(folder, {}, async ({ log, scheduler, events }) => {
      const { head } = log;
      const streams = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
      log.head = async (id) => {
        const found = await head(id);
        const at = { executionId, position: 3, at: 3 };
        await log.append([{ type: 'execution.abandoned', ...at, reason: 'silent', by: 'other', streams }]);
        return found;
      };
      await scheduler.recover([executionId]);
      await until(20_000, () => scheduler.load().running === 0, 'it to be given up');
      await scheduler.recover([executionId]);
      assert.is(scheduler.load().running, 0);
      assert.is((await events(executionId)).length, 4);
    });
  }));

test('merge gives both streams as one in exact order', () =>
  side({}, async ({ run, finished }) => {
    const cmd = 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo o$i; echo e$i >&2; done';
    const events = await finished(await run(cmd, { merge: true }));
    const expected = Array.from({ length: 500 }, (_, index) => `o${index + 1}\ne${index + 1}\n`).join('');
    assert.is(output(events, 'stdout').toString(), expected);
    assert.is(output(events, 'stderr').length, 0);
  }));

test('the child gets only the configured environment and a closed stdin', () =>
  side({ passEnv: ['PATH'], env: { FROM_CONFIG: 'yes' }, unbuffer: 'off' }, async ({ run, finished }) => {
    process.env.LINEFEED_TOKEN = 'never-in-a-child';
    const events = await finished(
      await run("tr '\\0' '\\n' </proc/$$/environ | cut -d= -f1 | sort; cat; exit 0"),
    );
    const own = ['FROM_CONFIG', 'LINEFEED_EXECUTION_ID', 'PATH', 'PWD', 'PYTHONUNBUFFERED'];
    assert.equal(output(events, 'stdout').toString().trim().split('\n'), [
      ...own,
      'ST2_ACTION_EXECUTION_ID',
      'ST2_ACTION_PACK_NAME',
      'TERM',
    ]);
    delete process.env.LINEFEED_TOKEN;
  }));

test('every recorded history folds to the state that the log and the document show', () =>
  side({ concurrency: 3 }, async ({ run, finished, scheduler }) => {
    const ids = [
      await run('true'),
      await run('exit 1'),
      await run('sleep 20', { timeout: 1 }),
      await run('sleep 20'),
      await run('sleep 20'),
    ];
    await sleep(300);
    await scheduler.cancel(ids[3] as string, 'me');
    await scheduler.cancel(ids[4] as string, 'me');
    for (const id of ids) {
      const events = await finished(id);
      const lifecycle = events.filter((event): event is LifecycleEvent => event.type !== 'output.appended');
      for (let length = 1; length <= lifecycle.length; length++) {
        const part = lifecycle.slice(0, length);
        assert.is(statusOf(foldExecution(part)), documentOf(part).status);
      }
    }
  }));

/** How many processes of the machine have this in their command line. */
function processes(text: string): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === text;
      } catch {
        return false;
      }
    }).length;
}

test.run();
