/** How requests are assigned and canceled while the log is unavailable now and then; the log and the fleet are fakes. */
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { createLease } from '../../../actors/scheduling/lease.ts';
import { startScheduler } from '../../../actors/scheduling/scheduler.ts';
import type { ExecutionEvent, LifecycleEvent } from '../../../events/event.ts';
import { type DutyBatch, type DutyFeed, dutyBatch, type Fleet } from '../../../events/fleet/fleet.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { memoryLog } from '../../support/memory.ts';
import { AN_ID, recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const test = suite('Scheduler');

const away = () => new ServiceError('event-log-unavailable', 'no broker answers', { retriable: true });

interface Parts {
  /** Types of the events in the log. */
  logged(): string[];
  /** Tells this worker that the request is to be canceled. */
  cancel(): void;
}

/**
 * One worker with the duty over a single request.
 * @param sessions what each duty session does before it delivers the request.
 * @param append hears of each append before it is made.
 */
async function withScheduler(
  options: { limit: number; sessions?: (() => void)[]; append?: (events: readonly ExecutionEvent[]) => void },
  body: (parts: Parts) => Promise<void>,
): Promise<void> {
  const log = memoryLog();
  const requested = recording(AN_ID).requested();
  log.events.push(requested);
  const faults = [...(options.sessions ?? [])];
  let onCancel: Parameters<Fleet['onCancel']>[0] = () => {};

  async function* delivered(signal: AbortSignal): AsyncGenerator<DutyBatch> {
    faults.shift()?.();
    yield dutyBatch([{ event: requested as LifecycleEvent }], true);
    for await (const { events } of await log.subscribe({ from: 'end', signal })) {
      const lifecycle = events.map((event) => ({ event: event as LifecycleEvent }));
      yield dutyBatch(lifecycle, true);
    }
  }
  const feed: DutyFeed = {
    async watch(signal) {
      const batches = await log.subscribe({ from: 'end', signal });
      return (async function* () {
        for await (const { events } of batches) yield events as LifecycleEvent[];
      })();
    },
    async *sessions(signal) {
      while (!signal.aborted) yield { batches: delivered(signal), keep: async () => {} };
    },
    leave: async () => {},
  };
  const fleet: Fleet = {
    beat: async () => {},
    workers: () => [],
    forget: async () => {},
    cancel: async () => {},
    onCancel(listener) {
      onCancel = listener;
    },
    close: async () => {},
  };
  const scheduler = await startScheduler({
    self: { worker: 'w1', instance: 'i', hostname: 'here', labels: {} },
    limit: options.limit,
    heartbeatMs: 20,
    leaseMs: 60_000,
    fleet,
    feed,
    lease: createLease(60_000),
    log: {
      ...log,
      append: async (events) => {
        options.append?.(events);
        await log.append(events);
      },
    },
    supervisor: {
      run: async () => true,
      cancel: () => false,
      fence: async () => {},
      stop: async () => {},
    },
    async *unfinished() {},
    logger: pino({ enabled: false }),
  });
  try {
    await body({
      logged: () => log.events.map(({ type }) => type),
      cancel: () => onCancel({ executionId: AN_ID, by: 'somebody' }),
    });
  } finally {
    await within(20_000, scheduler.stop(), 'the end of the scheduler');
  }
}

test('a worker whose duty was interrupted, because no broker answered, takes it up again and assigns what waits', () =>
  withScheduler(
    {
      limit: 1,
      sessions: Array.from({ length: 2 }, () => () => {
        throw away();
      }),
    },
    async ({ logged }) => {
      await until(20_000, () => logged().length > 1, 'the request to be assigned');
      assert.equal(logged(), ['execution.requested', 'execution.scheduled']);
    },
  ));

test('the cancellation of a request that waits is tried again when the log did not take it', async () => {
  let refused = 0;
  await withScheduler(
    {
      // No room for it, so that it waits.
      limit: 0,
      append(events) {
        if (events.length === 0 || refused === 2) return;
        refused++;
        throw away();
      },
    },
    async ({ logged, cancel }) => {
      cancel();
      await until(20_000, () => logged().length > 1, 'the cancellation');
      assert.equal(logged(), ['execution.requested', 'execution.completed']);
      assert.is(refused, 2);
    },
  );
});

test.run();
