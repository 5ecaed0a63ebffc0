/**
 * The fleet of the workers of one process. With the embedded engines there is one. Nothing of the fleet outlives the process:
 * after a start, workers read what they need from the log and the index.
 */
import type { LifecycleEvent } from '../event.ts';
import type { EventLog } from '../event-log.ts';
import {
  type CancelCommand,
  type DutyBatch,
  type DutyFeed,
  dutyBatch,
  type Fleet,
  type Heartbeat,
  type WaitingRequest,
} from './fleet.ts';

export function inProcessFleet(): Fleet {
  const known = new Map<string, { heartbeat: Heartbeat; heardAt: number }>();
  const listeners = new Set<(command: CancelCommand) => void | Promise<void>>();
  return {
    async beat(heartbeat) {
      const at = new Date().toISOString();
      known.set(heartbeat.worker, { heartbeat: { ...heartbeat, at }, heardAt: performance.now() });
    },
    workers: () =>
      [...known.values()].map(({ heartbeat, heardAt }) => ({
        ...heartbeat,
        silentMs: performance.now() - heardAt,
      })),
    async forget(worker) {
      known.delete(worker);
    },
    async cancel(executionId, by) {
      const command = { executionId, by, at: new Date().toISOString() };
      await Promise.all([...listeners].map((listener) => listener(command)));
    },
    onCancel(listener, signal) {
      listeners.add(listener);
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    async close() {},
  };
}

/** The requests of earlier sessions and processes that may still wait. Called when the session hears of all later ones. */
export type Backlog = (signal: AbortSignal) => AsyncIterable<WaitingRequest[]>;

interface InProcessDuty {
  log: Pick<EventLog, 'subscribe'>;
  /** New requests wait for those of the backlog, which are older, but no longer than this. */
  backlogWaitMs?: number;
}

/** Opens the feeds of the workers of this process; the one that has been open for longest has the duty. */
export function inProcessDuty({ log, backlogWaitMs = 5000 }: InProcessDuty) {
  const members: DutyFeed[] = [];
  const wakes = new Set<() => void>();

  function changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      wakes.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async function watch(signal: AbortSignal): Promise<AsyncIterable<LifecycleEvent[]>> {
    const batches = await log.subscribe({ from: 'end', signal });
    return (async function* () {
      for await (const { events } of batches) {
        const found = events.filter((event) => event.type !== 'output.appended');
        if (found.length > 0) yield found;
      }
    })();
  }

  return async (backlog: Backlog): Promise<DutyFeed> => {
    const feed: DutyFeed = {
      watch,
      async *sessions(signal) {
        while (!signal.aborted) {
          if (members[0] !== feed) await changed(signal);
          else yield { batches: dutyBatches(watch, backlog, backlogWaitMs, signal), keep: async () => {} };
        }
      },
      async leave() {
        const at = members.indexOf(feed);
        if (at >= 0) members.splice(at, 1);
        for (const wake of wakes) wake();
        wakes.clear();
      },
    };
    members.push(feed);
    return feed;
  };
}

async function* dutyBatches(
  watch: DutyFeed['watch'],
  backlog: Backlog,
  backlogWaitMs: number,
  outer: AbortSignal,
): AsyncGenerator<DutyBatch> {
  const over = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  const live = await watch(signal);
  const ready: DutyBatch[] = [];
  let wake = () => {};
  let failure: { error: unknown } | undefined;
  let present = false;
  /** Requested since the session began. The backlog may have them too, from before they were assigned. */
  let recent: Set<string> | undefined = new Set();

  function deliver(batch: DutyBatch): void {
    ready.push(batch);
    wake();
  }
  async function deliverLive(): Promise<void> {
    for await (const events of live) {
      const batch = dutyBatch(
        events.map((event) => ({ event })),
        present,
      );
      for (const { executionId } of batch.waiting) recent?.add(executionId);
      deliver(batch);
    }
  }
  async function deliverBacklog(): Promise<void> {
    for await (const page of backlog(signal)) {
      const waiting = page.filter(({ executionId }) => !recent?.has(executionId));
      deliver({ waiting, settled: [], present });
    }
    recent = undefined;
    present = true;
    deliver(dutyBatch([], present));
  }
  const late = setTimeout(() => {
    present = true;
    deliver(dutyBatch([], present));
  }, backlogWaitMs);

  for (const delivery of [deliverLive(), deliverBacklog()]) {
    delivery
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => wake());
  }
  try {
    while (!signal.aborted) {
      const batch = ready.shift();
      if (batch) yield batch;
      else if (failure) throw failure.error;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    clearTimeout(late);
    over.abort();
  }
}
