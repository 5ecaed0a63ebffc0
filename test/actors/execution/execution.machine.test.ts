/**
 * The machine under any order of what can reach it: its log grows one append at a time, each append takes its time, and
 * the worker may be killed between any two of them and goes on from the log.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ActorRefFrom, createActor, fromCallback, fromPromise } from 'xstate';
import {
  type ExecutionContext,
  executionMachine,
  foldExecution,
  statusOf,
  type Terminate,
} from '../../../actors/execution/execution.machine.ts';
import type { Conclusion, Launched } from '../../../actors/execution/machine-events.ts';
import {
  type ExecutionRequested,
  isEnd,
  isLast,
  type LifecycleEvent,
  type Unrecorded,
} from '../../../events/event.ts';

const test = suite('Execution machine');

const STEPS = ['cancel', 'launched', 'unlaunched', 'exit', 'lose', 'append', 'append', 'kill'] as const;
type Step = (typeof STEPS)[number];

const REQUESTED: ExecutionRequested = {
  type: 'execution.requested',
  executionId: 'one',
  position: 0,
  at: 0,
  action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
  parameters: {},
  user: 'me',
};
/** The machine owns an execution from here on. */
const SCHEDULED: LifecycleEvent = {
  type: 'execution.scheduled',
  executionId: 'one',
  position: 1,
  at: 0,
  worker: 'worker',
};
const STREAMS = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };

/** A worker of one execution, whose process, log and life the steps play. */
function worker() {
  const log: LifecycleEvent[] = [REQUESTED, SCHEDULED];
  let waiting: Unrecorded<LifecycleEvent>[] = [];
  let life = 0;
  let launch: { done(launched: Launched): void; fail(error: Error): void } | undefined;
  let attached: { end(conclusion: Conclusion): void; terminated: boolean } | undefined;
  let actor: ActorRefFrom<typeof executionMachine>;

  function start(): void {
    life++;
    const mine = life;
    launch = undefined;
    attached = undefined;
    waiting = [];
    const machine = executionMachine.provide({
      actors: {
        launch: fromPromise<Launched, { requested: ExecutionRequested }>(async ({ signal }) => {
          await null;
          signal.throwIfAborted();
          return new Promise<Launched>((done, fail) => {
            launch = { done, fail };
          });
        }),
        attach: fromCallback<Terminate, { context: ExecutionContext }>(({ sendBack, receive }) => {
          const self = {
            terminated: false,
            end(conclusion: Conclusion) {
              attached = undefined;
              sendBack({ type: 'ended', conclusion });
            },
          };
          attached = self;
          receive(() => {
            self.terminated = true;
          });
          return () => {
            if (attached === self) attached = undefined;
          };
        }),
      },
      actions: {
        record: (_, event) => {
          if (mine === life) waiting.push(event);
        },
      },
    });
    actor = createActor(machine, { input: { requested: REQUESTED, worker: 'worker' } });
    actor.start();
    for (const event of log.slice(1)) actor.send(event);
  }

  start();
  const steps: Record<Step, () => void> = {
    cancel: () => actor.send({ type: 'cancel', by: 'me' }),
    launched() {
      launch?.done({ pid: 1, hostname: 'here', worker: 'worker', startedAt: 0 });
      launch = undefined;
    },
    unlaunched() {
      launch?.fail(new Error('no such program'));
      launch = undefined;
    },
    exit() {
      const canceled = attached?.terminated;
      attached?.end({
        kind: 'completed',
        event: {
          type: 'execution.completed',
          status: canceled ? 'canceled' : 'succeeded',
          exitCode: canceled ? null : 0,
          signal: canceled ? 'SIGTERM' : null,
          elapsedMs: 1,
          streams: STREAMS,
        },
      });
    },
    lose: () => attached?.end({ kind: 'lost', reason: 'its folder is gone', streams: STREAMS }),
    append() {
      const event = waiting.shift();
      if (!event) return;
      const recorded = { at: 0, ...event, executionId: 'one', position: log.length } as LifecycleEvent;
      log.push(recorded);
      actor.send(recorded);
    },
    kill() {
      if (actor.getSnapshot().status === 'active') {
        actor.stop();
        start();
      }
    },
  };
  return {
    log,
    async take(step: Step) {
      steps[step]();
      // A launch answers a few turns of the microtask queue later.
      for (let turn = 0; turn < 10; turn++) await null;
    },
    status: () => statusOf(actor.getSnapshot()),
    /** True when there is a process that nobody has ended. */
    runsOn: () => attached !== undefined && !attached.terminated,
    waiting: () => waiting.length,
  };
}

const count = (log: readonly LifecycleEvent[], type: LifecycleEvent['type']) =>
  log.filter((event) => event.type === type).length;

test('in any order of steps the history has each event once, reaches an end, and has nothing after it', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { maxLength: 40 }), async (steps) => {
      const subject = worker();
      for (const step of steps) {
        await subject.take(step);
        assert.is(subject.status(), statusOf(foldExecution(subject.log)), `after ${step}`);
        if (subject.status() === 'canceling')
          assert.not(subject.runsOn(), `its process goes on after ${step}`);
      }
      for (let round = 0; round < 10 && !isEnd(subject.status()); round++) {
        for (const step of ['launched', 'append', 'exit', 'append', 'append'] as const)
          await subject.take(step);
      }
      for (let round = 0; round < 5; round++) await subject.take('append');
      const { log } = subject;
      assert.ok(isEnd(subject.status()), subject.status());
      assert.is(log.findIndex(isLast), log.length - 1, log.map(({ type }) => type).join(', '));
      assert.is(subject.waiting(), 0, 'something waits for the log after the end');
      for (const type of ['execution.scheduled', 'execution.started', 'execution.cancel_requested'] as const)
        assert.ok(count(log, type) <= 1, `${type} once`);
    }),
    { numRuns: 3000 },
  ));

test('a cancellation that is asked for before the process is there ends the process once it is', async () => {
  const subject = worker();
  for (const step of ['cancel', 'launched', 'append'] as const) await subject.take(step);
  assert.ok(subject.runsOn());
  await subject.take('append');
  assert.is(subject.status(), 'canceling');
  assert.not(subject.runsOn());
  await subject.take('exit');
  await subject.take('append');
  assert.is(subject.status(), 'canceled');
});

test.run();
