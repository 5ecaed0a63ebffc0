/** What the scheduler has to keep on every engine. Each case gets an installation of its own. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionRequested, LifecycleEvent } from '../../events/event.ts';
import { executionIds } from '../../events/execution-id.ts';
import {
  type Installation,
  type ScheduledWorker,
  type ScheduledWorkerOptions,
  startScheduledWorker,
} from '../support/scheduled-worker.ts';
import { until, within } from '../support/within.ts';

export interface SchedulerEngine {
  name: string;
  open(): Promise<Installation>;
  /** Generous limit for anything that waits, in milliseconds. */
  patienceMs?: number;
}

interface Site {
  log: Installation['log'];
  start(options: ScheduledWorkerOptions): Promise<ScheduledWorker>;
  request(labels?: Record<string, string>): Promise<string>;
  history(executionId: string): Promise<LifecycleEvent[]>;
  /** Resolves when the condition holds. */
  when(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Resolves when the execution has ended; answers its last event. */
  end(executionId: string): Promise<LifecycleEvent>;
}

const newId = executionIds();

export function schedulerContract({ name, open, patienceMs = 20_000 }: SchedulerEngine): void {
  const test = suite(`Scheduler contract: ${name}`);

  async function withSite(body: (site: Site) => Promise<void>): Promise<void> {
    const installation = await open();
    const workers: ScheduledWorker[] = [];
    const { log } = installation;
    const site: Site = {
      log,
      async start(options) {
        const worker = await startScheduledWorker(installation, options);
        workers.push(worker);
        return worker;
      },
      async request(labels) {
        const requested: ExecutionRequested = {
          type: 'execution.requested',
          executionId: newId(),
          position: 0,
          at: Date.now(),
          action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
          parameters: { cmd: 'true' },
          user: 'tester',
          ...(labels ? { labels } : {}),
        };
        await log.append([requested]);
        return requested.executionId;
      },
      async history(executionId) {
        const events: LifecycleEvent[] = [];
        for await (const batch of log.read(executionId, { lifecycleOnly: true }))
          events.push(...(batch as LifecycleEvent[]));
        return events;
      },
      when: (what, condition) => until(patienceMs, condition, what).then(() => undefined),
      end: (executionId) =>
        until(
          patienceMs,
          async () => {
            const last = (await site.history(executionId)).at(-1);
            const ended = last?.type === 'execution.completed' || last?.type === 'execution.abandoned';
            return ended ? last : undefined;
          },
          'the end',
        ),
    };
    try {
      await body(site);
    } finally {
      await within(patienceMs, Promise.all(workers.map((worker) => worker.stop())), 'the end of the workers');
      await installation.close();
    }
  }

  const types = (events: readonly LifecycleEvent[]) =>
    events.map(({ type }) => type.replace('execution.', ''));

  test('a request whose label no worker has waits, holds up no other, and is taken by a worker that joins', () =>
    withSite(async ({ start, request, history, when, end }) => {
      const plain = await start({ name: 'plain' });
      const labeled = await request({ gpu: 'yes' });
      const other = await request();
      await when('the other to run', () => plain.commands().includes(other));
      assert.equal(types(await history(labeled)), ['requested']);
      await when('one to wait', () => plain.load().queued === 1);
      const gpu = await start({ name: 'gpu', labels: { gpu: 'yes', zone: 'b' } });
      await when('the new worker to have it', () => gpu.commands().includes(labeled));
      gpu.finish(labeled);
      const last = await end(labeled);
      assert.is(last.type === 'execution.completed' && last.status, 'succeeded');
      assert.equal(plain.launched, [other]);
    }));

  test('a worker runs no more than its limit; the others wait and run in the order of their requests', () =>
    withSite(async ({ start, request, when, end }) => {
      const worker = await start({ name: 'w', limit: 2 });
      const first = [await request(), await request()];
      await when('two to run', () => worker.commands().length === 2);
      const waiting: string[] = [];
      for (let n = 0; n < 6; n++) waiting.push(await request());
      await when('six to wait', () => worker.load().queued === 6);
      assert.equal(worker.load(), { running: 2, queued: 6, limit: 2 });
      const all = [...first, ...waiting];
      for (const [at, id] of all.entries()) {
        worker.finish(id);
        await end(id);
        await when('the next to run', () => worker.launched.length === Math.min(all.length, at + 3));
      }
      assert.equal(worker.launched.slice(2), waiting);
      await when('none to be left', () => worker.load().running === 0);
    }));

  test('requests go to the worker with the most room', () =>
    withSite(async ({ start, request, when }) => {
      const a = await start({ name: 'a', limit: 2 });
      const b = await start({ name: 'b', limit: 4 });
      // Each has heard of the other when it has got something from it.
      await when('both to be known', async () => {
        await request();
        return a.commands().length > 0 && b.commands().length > 0;
      });
      while (a.load().running + b.load().running < 6) {
        const running = a.load().running + b.load().running;
        await request();
        await when('one more to run', () => a.load().running + b.load().running > running);
      }
      await when('both to be full', () => a.commands().length === 2 && b.commands().length === 4);
    }));

  test('a request is canceled while it waits, while it runs, and before its worker has it back', () =>
    withSite(async ({ start, request, history, when, end }) => {
      const first = await start({ name: 'w', limit: 1 });
      const running = await request();
      const waiting = await request();
      await when('one to wait', () => first.commands().length === 1 && first.load().queued === 1);
      await first.cancel(waiting, 'me');
      const ended = await end(waiting);
      assert.is(ended.type === 'execution.completed' && ended.error, 'Canceled by me before it started');
      assert.equal(types(await history(waiting)), ['requested', 'completed']);

      await first.cancel(running, 'me');
      await end(running);
      assert.equal(types(await history(running)), [
        'requested',
        'scheduled',
        'started',
        'cancel_requested',
        'completed',
      ]);

      const left = await request();
      await when('the last to run', () => first.commands().includes(left));
      await first.crash();
      const second = await start({ name: 'w', limit: 1 });
      await second.cancel(left, 'you');
      await second.recover();
      const last = await end(left);
      assert.is(last.type === 'execution.completed' && last.status, 'canceled');
      assert.not(second.launched.includes(left));
    }));

  test('a worker that starts again has what it had, launches nothing twice, and keeps its limit', () =>
    withSite(async ({ start, request, when, end }) => {
      const first = await start({ name: 'w', limit: 1 });
      const running = await request();
      const waiting = await request();
      await when('one to wait', () => first.commands().length === 1 && first.load().queued === 1);
      await first.crash();
      const second = await start({ name: 'w', limit: 1 });
      await second.recover();
      await when('the running one to be back', () => second.commands().includes(running));
      await when('the other to wait', () => second.load().queued === 1);
      assert.equal(second.launched, []);
      second.finish(running);
      await end(running);
      await when('the other to run', () => second.commands().includes(waiting));
      assert.equal(second.launched, [waiting]);
    }));

  test('the duty passes on with the requests that wait; what runs stays where it is', () =>
    withSite(async ({ start, request, history, when, end }) => {
      const a = await start({ name: 'a', limit: 1 });
      const running = await request();
      await when('one to run', () => a.commands().includes(running));
      const waiting = await request({ zone: 'b' });
      await when('one to wait', () => a.load().queued === 1);
      const b = await start({ name: 'b', limit: 1, labels: { zone: 'a' } });
      await a.crash();
      const c = await start({ name: 'c', limit: 1, labels: { zone: 'b' } });
      await when('the request to be taken', () => [...b.launched, ...c.launched].includes(waiting));
      assert.equal(c.launched, [waiting]);
      c.finish(waiting);
      await end(waiting);
      assert.equal(types(await history(running)), ['requested', 'scheduled', 'started']);
    }));

  test('what a silent worker had is abandoned, with the name of the one that noticed', () =>
    withSite(async ({ start, request, history, when, end }) => {
      const leaseMs = 3000;
      const a = await start({ name: 'a', leaseMs });
      const id = await request();
      await when('it to run', () => a.commands().includes(id));
      await start({ name: 'b', leaseMs, limit: 1 });
      await a.crash();
      const last = await end(id);
      assert.is(last.type === 'execution.abandoned' && last.by, 'b');
      assert.equal(types(await history(id)), ['requested', 'scheduled', 'started', 'abandoned']);
    }));

  test('a worker that ends its commands at its stop records their ends, also when that takes longer than its lease', () =>
    withSite(async ({ start, request, history, when }) => {
      const worker = await start({ name: 'w', leaseMs: 1500, terminationMs: 3000 });
      const id = await request();
      await when('it to run', () => worker.commands().includes(id));
      await within(patienceMs, worker.stop('end'), 'the stop');
      assert.is(types(await history(id)).at(-1), 'completed');
    }));

  for (const moment of ['after its head was read', 'just before the other can']) {
    test(`an execution is not abandoned whose worker writes its end ${moment}`, () =>
      withSite(async ({ log, start, request, history, when, end }) => {
        const leaseMs = 3000;
        const a = await start({ name: 'a', leaseMs });
        const id = await request();
        await when('it to run', () => a.commands().includes(id));
        let position: number | undefined;
        let written = 0;
        const complete = async () => {
          if (position === undefined || written++ > 0) return;
          const streams = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
          const ended = { status: 'succeeded', exitCode: 0, signal: null, elapsedMs: 1, streams } as const;
          const at = { executionId: id, position, at: Date.now() };
          await log.append([{ type: 'execution.completed', ...at, ...ended }]);
        };
        await start({
          name: 'b',
          leaseMs,
          limit: 1,
          log: {
            async head(executionId) {
              const head = await log.head(executionId);
              if (executionId === id && head) position ??= head.position + 1;
              if (moment === 'after its head was read') await complete();
              return head;
            },
            async append(events) {
              await complete();
              await log.append(events);
            },
          },
        });
        await a.crash();
        const last = await end(id);
        assert.is(last.type, 'execution.completed');
        const probe = await request();
        await when('the log to go on', async () => (await history(probe)).length > 1);
        assert.equal(types(await history(id)), ['requested', 'scheduled', 'started', 'completed']);
      }));
  }

  test.run();
}
