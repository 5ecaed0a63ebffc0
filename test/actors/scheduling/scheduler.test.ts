/** How requests are handed out and canceled while the log answers now and then only; the log and the fleet are fakes. */
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startClaims } from '../../../actors/scheduling/claims.ts';
import { createLease } from '../../../actors/scheduling/lease.ts';
import type { ExecutionEvent, LifecycleEvent } from '../../../events/event.ts';
import type { DutyFeed, DutySession, Fleet } from '../../../events/fleet/fleet.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { memoryLog } from '../../support/memory.ts';
import { AN_ID, recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const test = suite('claims');

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
async function withClaims(
  options: { limit: number; sessions?: (() => void)[]; append?: (events: readonly ExecutionEvent[]) => void },
  body: (parts: Parts) => Promise<void>,
): Promise<void> {
  const log = memoryLog();
  const requested = recording(AN_ID).requested();
  log.events.push(requested);
  const faults = [...(options.sessions ?? [])];
  let onCancel: Parameters<Fleet['onCancel']>[0] = () => {};

  async function* delivered(signal: AbortSignal): DutySession['events'] & AsyncGenerator {
    faults.shift()?.();
    yield {
      events: [{ event: requested as LifecycleEvent, partition: 0, offset: 0 }],
      present: true,
    };
    for await (const { events } of await log.subscribe({ from: 'end', signal })) {
      const placed = events.map((event) => ({ event: event as LifecycleEvent, partition: 0, offset: 1 }));
      yield { events: placed, present: true };
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
      while (!signal.aborted) yield { events: delivered(signal), keep: async () => {} };
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
  const claims = await startClaims({
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
      accept() {},
      enqueue() {},
      cancel: () => false,
      recover: async () => true,
      fence: async () => {},
      load: () => ({ running: 0, queued: 0, limit: options.limit }),
      owns: () => false,
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
    await within(20_000, claims.stop(), 'the end of the claims');
  }
}

test('a worker whose duty broke off, because no broker answered, takes it up again and hands out what waits', () =>
  withClaims(
    {
      limit: 1,
      sessions: Array.from({ length: 2 }, () => () => {
        throw away();
      }),
    },
    async ({ logged }) => {
      await until(20_000, () => logged().length > 1, 'the request being handed out');
      assert.equal(logged(), ['execution.requested', 'execution.scheduled']);
    },
  ));

test('the cancellation of a request that waits is tried again when the log did not take it', async () => {
  let refused = 0;
  await withClaims(
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
      assert.equal(logged(), ['execution.requested', 'execution.cancel_requested', 'execution.completed']);
      assert.is(refused, 2);
    },
  );
});

test.run();
