/** The lifecycle topic as workers read it: all of it from now on, and their group's share from where it was left. */
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { createWakeSignal } from '../../lib/wake-signal.ts';
import type { LifecycleEvent } from '../event.ts';
import { type DutyBatch, type DutyFeed, type DutySession, dutyBatch } from '../fleet/fleet.ts';
import type { KafkaEventLog } from './event-log.ts';
import { joinGroup, type Membership } from './group.ts';
import type { Offsets } from './offsets.ts';
import type { PartitionBatch } from './partition-reader.ts';

const ASK_AGAIN_MS = 500;

interface Arrival {
  partition: number;
  batch: PartitionBatch;
}

/** Batches of several readers in order of arrival; ends when aborted. */
async function* mergeReaders(
  readers: Map<number, AsyncGenerator<PartitionBatch>>,
  signal: AbortSignal,
): AsyncGenerator<Arrival[]> {
  const waiting: (Arrival & { taken: () => void })[] = [];
  const arrivals = createWakeSignal();
  const release = () => {
    for (const entry of waiting.splice(0)) entry.taken();
    arrivals.wake();
  };
  signal.addEventListener('abort', release, { once: true });
  for (const [partition, reader] of readers) {
    void (async () => {
      for await (const batch of reader) {
        await new Promise<void>((taken) => {
          waiting.push({ partition, batch, taken });
          arrivals.wake();
        });
        if (signal.aborted) return;
      }
    })();
  }
  while (!signal.aborted) {
    if (waiting.length === 0) {
      await arrivals.wait();
      continue;
    }
    const taken = waiting.splice(0);
    for (const entry of taken) entry.taken();
    yield taken;
  }
}

function readersOf(
  log: KafkaEventLog,
  partitions: readonly number[],
  from: ReadonlyMap<number, Offsets>,
  signal: AbortSignal,
): Map<number, AsyncGenerator<PartitionBatch>> {
  return new Map(
    partitions.map((partition) => [
      partition,
      log.readLifecycle(partition, from.get(partition) as Offsets, signal),
    ]),
  );
}

export async function kafkaDutyFeed(log: KafkaEventLog, group: string): Promise<DutyFeed> {
  const membership = await joinGroup(log, group);
  const all = Array.from({ length: log.partitions }, (_, partition) => partition);

  function session(partitions: number[], from: Map<number, Offsets>, stop: AbortSignal): DutySession {
    const reached = new Map(from);
    async function* batches(): AsyncGenerator<DutyBatch> {
      const ends = await log.endsOf(partitions);
      const readers = readersOf(log, partitions, from, stop);
      const present = () =>
        partitions.every((one) => (reached.get(one)?.executions ?? 0) >= (ends.get(one)?.executions ?? 0));
      if (present()) yield dutyBatch([], true);
      for await (const arrivals of mergeReaders(readers, stop)) {
        const placed = arrivals.flatMap(({ partition, batch }) =>
          batch.events.map(({ event, offset }) => ({
            event: event as LifecycleEvent,
            place: { partition, offset },
          })),
        );
        for (const { partition, batch } of arrivals) reached.set(partition, batch.offsets);
        yield dutyBatch(placed, present());
      }
    }
    return {
      batches: batches(),
      async keep(waiting) {
        const places = new Map([...reached].map(([partition, place]) => [partition, { ...place }]));
        for (const { place: { partition, offset } = { partition: -1, offset: 0 } } of waiting) {
          const kept = places.get(partition);
          if (kept && offset < kept.executions) kept.executions = offset;
        }
        if (!stop.aborted) await membership.commit(places).catch(() => {});
      },
    };
  }

  return {
    async watch(signal) {
      const ends = await log.endsOf(all);
      return (async function* () {
        const readers = readersOf(log, all, ends, signal);
        for await (const arrivals of mergeReaders(readers, signal)) {
          const events = arrivals.flatMap(({ batch }) =>
            batch.events.map(({ event }) => event as LifecycleEvent),
          );
          if (events.length > 0) yield events;
        }
      })();
    },
    async *sessions(signal) {
      while (!signal.aborted) {
        const partitions = membership.assigned();
        if (!partitions?.length) {
          await membership.changed(signal);
          continue;
        }
        const stop = new AbortController();
        const end = () => stop.abort();
        signal.addEventListener('abort', end, { once: true });
        void membership.changed(stop.signal).then(end);
        try {
          yield session(partitions, await committed(membership, partitions), stop.signal);
        } finally {
          signal.removeEventListener('abort', end);
          end();
        }
      }
    },
    leave: () => membership.leave(),
  };
}

/** Asks until there is an answer: without it a session would begin at the wrong place. */
async function committed(membership: Membership, partitions: number[]): Promise<Map<number, Offsets>> {
  for (;;) {
    try {
      return await membership.committed(partitions);
    } catch {
      await abortableSleep(ASK_AGAIN_MS);
    }
  }
}
