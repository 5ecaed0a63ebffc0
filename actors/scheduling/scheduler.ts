/**
 * Which worker runs what, where there are several. One worker at a time has the duty to hand out the requests of a
 * partition: it appends `execution.scheduled` with the name of a live worker whose labels fit, and the one that is named
 * takes the execution as its own, whatever happens to the duty. The first such event in the log counts, so two workers
 * that both think they have the duty cannot both win.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ExecutionEvent, LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { eventBytes } from '../../events/event-size.ts';
import type { DutyFeed, Fleet, Heartbeat, PlacedEvent } from '../../events/fleet/fleet.ts';
import { lifecycleOf } from '../execution/lifecycle.ts';
import { abandonExecutions } from './abandon.ts';
import type { Lease } from './lease.ts';
import type { Supervisor } from './supervisor.ts';

export interface ClaimsOptions {
  self: Pick<Heartbeat, 'worker' | 'instance' | 'hostname' | 'labels'>;
  limit: number;
  heartbeatMs: number;
  /** A worker that is silent for longer is given up. */
  leaseMs: number;
  fleet: Fleet;
  feed: DutyFeed;
  lease: Lease;
  /** Unguarded: what is written here is the fleet's business, not an execution's. */
  log: EventLog;
  supervisor: Supervisor;
  /** Executions without an end, as the index knows them, in pages. */
  unfinished(): AsyncIterable<{ id: string; worker?: string }[]>;
  logger: Logger;
}

export interface Claims {
  /** Takes back executions of an earlier life of this worker. */
  recover(executionIds: readonly string[]): Promise<void>;
  /** Requests that wait at this worker to be handed out. */
  queued(): number;
  stop(): Promise<void>;
}

/** A request that waits: what is needed to hand it out, for all that wait can be far larger than the memory. */
interface Pending extends Pick<PlacedEvent, 'partition' | 'offset'> {
  executionId: string;
  at: number;
  labels: Record<string, string> | undefined;
  /** Handed out; waits for its event to come by. */
  sent: boolean;
}

const KEEP_EVERY_MS = 1000;
const RECOVER_AT_ONCE = 8;
const COMMANDS_KEPT = 10_000;
/** Requests that wait are remembered up to so many, and only those that are small. */
const HEARD_KEPT = 10_000;
const HEARD_BYTES = 5000;

export function labelsFit(wanted: Record<string, string> | undefined, has: Record<string, string>): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => has[name] === value);
}

/** Resolves when this worker hears what it is given; only then do the others hear of it. */
export async function startClaims(options: ClaimsOptions): Promise<Claims> {
  const { self, fleet, feed, lease, log, supervisor, logger, heartbeatMs, leaseMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const mine = new Set<string>();
  const asked = new Map<string, string>();
  /** Per worker: what has been handed to it and not ended, as far as it was seen here. */
  const given = new Map<string, Set<string>>();
  /** In the order they were asked for, as far as `inOrder` says. */
  const pending = new Map<string, Pending>();
  let inOrder = true;
  let newest = 0;
  /** The whole lifecycle so far of executions whose request was heard here: to read it again costs all that came since. */
  const heard = new Map<string, LifecycleEvent[]>();
  let onDuty = false;
  let beating = true;
  /** Since when this worker's own heartbeats have come through without a gap. */
  let heardSince = performance.now();
  let heardAt = performance.now();

  async function take(executionId: string): Promise<void> {
    if (mine.has(executionId) || supervisor.owns(executionId)) return;
    mine.add(executionId);
    try {
      // After a silence the others may have given it up without this worker having heard of it.
      const told = lease.valid() ? heard.get(executionId) : undefined;
      heard.delete(executionId);
      const known = told?.some(({ type }) => type === 'execution.scheduled') ? told : undefined;
      const history = known ?? (await lifecycleOf(log, executionId));
      // Abandoned meanwhile.
      if (!mine.has(executionId)) return;
      const scheduled = history.find(({ type }) => type === 'execution.scheduled');
      const named = scheduled?.type === 'execution.scheduled' ? scheduled.worker : undefined;
      if (named !== self.worker || !(await supervisor.recover(executionId, history))) {
        mine.delete(executionId);
        return;
      }
      const by = asked.get(executionId);
      if (by !== undefined) supervisor.cancel(executionId, by);
    } catch (error) {
      mine.delete(executionId);
      logger.warn({ executionId, err: error }, 'an execution of this worker could not be taken yet');
      setTimeout(() => void take(executionId), heartbeatMs).unref();
    }
  }

  function remember(event: LifecycleEvent): void {
    const id = event.executionId;
    const history = heard.get(id);
    if (event.type === 'execution.completed' || event.type === 'execution.abandoned') heard.delete(id);
    else if (history) history.push(event);
    else if (
      event.type === 'execution.requested' &&
      heard.size < HEARD_KEPT &&
      eventBytes(event) < HEARD_BYTES
    )
      heard.set(id, [event]);
    // Whose is somebody else's is no longer waited for.
    if (event.type === 'execution.scheduled' && event.worker !== self.worker) heard.delete(id);
  }

  function note(event: LifecycleEvent): void {
    const id = event.executionId;
    if (event.type === 'execution.scheduled') {
      const set = given.get(event.worker) ?? new Set();
      given.set(event.worker, set.add(id));
      if (event.worker === self.worker) void take(id);
    } else if (event.type === 'execution.completed' || event.type === 'execution.abandoned') {
      for (const set of given.values()) set.delete(id);
      asked.delete(id);
      if (event.type === 'execution.abandoned' && mine.has(id)) {
        logger.warn(
          { executionId: id, by: event.by },
          'another worker has abandoned an execution of this one',
        );
        void supervisor.fence([id]);
      }
      mine.delete(id);
    }
  }

  /** The live worker with the most room that fits. */
  function choose(labels: Record<string, string> | undefined): string | undefined {
    let best: { name: string; fill: number } | undefined;
    const consider = (name: string, has: Record<string, string>, busy: number, limit: number) => {
      const load = Math.max(busy, given.get(name)?.size ?? 0);
      if (load >= limit || !labelsFit(labels, has)) return;
      const fill = load / limit;
      if (!best || fill < best.fill) best = { name, fill };
    };
    if (beating && lease.valid()) {
      consider(self.worker, self.labels, supervisor.load().running, options.limit);
    }
    for (const worker of fleet.workers()) {
      if (worker.worker === self.worker || worker.silentMs > leaseMs / 2) continue;
      consider(worker.worker, worker.labels, worker.running, worker.limit);
    }
    return best?.name;
  }

  /** Requests come partition by partition; who asked first goes first whichever partition it is in. */
  function putInOrder(): void {
    if (inOrder) return;
    const sorted = [...pending].sort(([, a], [, b]) => a.at - b.at);
    pending.clear();
    for (const [id, entry] of sorted) pending.set(id, entry);
    inOrder = true;
  }

  let handing = false;
  async function handOut(): Promise<void> {
    if (handing || !onDuty) return;
    handing = true;
    try {
      const events: ExecutionEvent[] = [];
      putInOrder();
      for (const entry of pending.values()) {
        if (entry.sent) continue;
        const { executionId, labels } = entry;
        const by = asked.get(executionId);
        if (by !== undefined) {
          void cancelPending(entry, by);
          continue;
        }
        const worker = choose(labels);
        if (worker === undefined) continue;
        entry.sent = true;
        given.set(worker, (given.get(worker) ?? new Set()).add(executionId));
        events.push({ type: 'execution.scheduled', executionId, position: 1, at: Date.now(), worker });
      }
      try {
        await log.append(events);
      } catch (error) {
        logger.warn({ err: error }, 'requests could not be handed out; they wait');
        for (const { executionId } of events) {
          const entry = pending.get(executionId);
          if (entry) entry.sent = false;
          for (const set of given.values()) set.delete(executionId);
        }
      }
    } finally {
      handing = false;
    }
  }

  /** It stays pending until its end has come by; when that could not be written, the next handing out tries again. */
  async function cancelPending(entry: Pending, by: string): Promise<void> {
    if (entry.sent) return; // its worker hears of it, too
    entry.sent = true;
    const { executionId } = entry;
    const streams = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
    const at = Date.now();
    const ended = { status: 'canceled', exitCode: null, signal: null, elapsedMs: 0, streams, by } as const;
    try {
      await log.append([
        { type: 'execution.cancel_requested', executionId, position: 1, at, by },
        { type: 'execution.completed', executionId, position: 2, at, ...ended },
      ]);
    } catch (error) {
      entry.sent = false;
      logger.warn({ executionId, err: error }, 'a request could not be canceled yet');
    }
  }

  async function duty(): Promise<void> {
    for await (const session of feed.sessions(signal)) {
      pending.clear();
      const keeping = setInterval(() => void session.keep(pending.values()), KEEP_EVERY_MS);
      try {
        for await (const { events, present } of session.events) {
          for (const { event, partition, offset } of events) {
            if (event.type === 'execution.requested') {
              const { executionId, at, labels } = event;
              pending.set(executionId, { executionId, at, labels, partition, offset, sent: false });
              if (at < newest) inOrder = false;
              newest = Math.max(newest, at);
            } else {
              pending.delete(event.executionId);
              if (event.type === 'execution.scheduled' && event.worker === self.worker && !present) {
                void take(event.executionId);
              }
            }
          }
          onDuty = present;
          void handOut();
        }
      } finally {
        onDuty = false;
        clearInterval(keeping);
      }
    }
  }

  /** A broker that is away must not end it: this worker would still be the one who has the duty. */
  async function keepDuty(): Promise<void> {
    while (!signal.aborted) {
      try {
        await duty();
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ err: error }, 'the duty to hand out requests was interrupted; it is taken up again');
      }
      await delay(heartbeatMs, undefined, { signal }).catch(() => {});
    }
  }

  const standing = await feed.watch(signal);
  async function watch(): Promise<void> {
    for await (const events of standing) {
      for (const event of events) {
        remember(event);
        note(event);
      }
      void handOut();
    }
  }

  /** What the others decided while this worker was silent. */
  async function catchUp(): Promise<void> {
    for (const executionId of [...mine]) {
      for (const event of await lifecycleOf(log, executionId)) {
        if (event.type === 'execution.abandoned') note(event);
      }
    }
  }

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const { running } = supervisor.load();
    await fleet.beat({
      ...self,
      running,
      queued: pending.size,
      limit: beating ? options.limit : 0,
    });
    const now = performance.now();
    if (now - heardAt > leaseMs / 2) heardSince = now;
    heardAt = now;
    if (!lease.valid()) await catchUp();
    lease.renew(sentAt);
  }

  async function giveUpTheSilent(): Promise<void> {
    const patienceMs = leaseMs * 1.2;
    const now = performance.now();
    // Whose heartbeats do not come through cannot tell whose else's should have.
    if (!lease.valid() || now - heardSince < patienceMs || now - heardAt > leaseMs / 2) return;
    const others = fleet.workers().filter(({ worker }) => worker !== self.worker);
    const silent = others.filter(({ silentMs }) => silentMs > patienceMs);
    // One of the living is enough.
    const first = others.every(({ worker, silentMs }) => silentMs > leaseMs / 2 || self.worker < worker);
    if (silent.length === 0 || !first) return;
    await abandonExecutions({
      log,
      unfinished: options.unfinished,
      workers: new Map(silent.map(({ worker, silentMs }) => [worker, silentMs])),
      by: self.worker,
      logger,
    });
  }

  /** What the index knows to be this worker's and this process does not: it was handed over in the moment of a start. */
  async function lookForMine(): Promise<void> {
    for await (const page of options.unfinished()) {
      for (const { id, worker } of page) {
        if (worker === self.worker && !mine.has(id)) await take(id);
      }
    }
  }

  async function live(): Promise<void> {
    let lookedAt = performance.now();
    let isSilent = false;
    while (!signal.aborted) {
      const nextAt = performance.now() + heartbeatMs;
      try {
        await beat();
        isSilent = false;
        await giveUpTheSilent().catch((err: unknown) =>
          logger.warn({ err }, 'executions of workers that are gone could not be given up yet'),
        );
        await handOut();
        if (performance.now() - lookedAt > leaseMs) {
          lookedAt = performance.now();
          void lookForMine().catch((err: unknown) => logger.debug({ err }, 'the index could not be asked'));
        }
      } catch (error) {
        if (lease.valid() || isSilent) logger.debug({ err: error }, 'a heartbeat did not come through');
        else
          logger.warn(
            { err: error },
            'heartbeats do not come through; this worker writes nothing until they do',
          );
        isSilent = !lease.valid();
      }
      const waitMs = Math.max(10, nextAt - performance.now());
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  fleet.onCancel(({ executionId, by }) => {
    if (supervisor.cancel(executionId, by)) return;
    asked.set(executionId, by);
    if (asked.size > COMMANDS_KEPT) asked.delete(asked.keys().next().value as string);
    const waiting = pending.get(executionId);
    if (waiting && onDuty) void cancelPending(waiting, by);
  }, signal);

  const report = (what: string) => (error: unknown) => {
    if (!signal.aborted) logger.error({ err: error }, `${what} has failed`);
  };
  const loops = [
    live().catch(report('the heartbeat')),
    watch().catch(report('the watch over the log')),
    keepDuty(),
  ];

  return {
    async recover(executionIds) {
      const left = [...executionIds];
      const next = async () => {
        for (let id = left.shift(); id !== undefined; id = left.shift()) await take(id);
      };
      await Promise.all(Array.from({ length: RECOVER_AT_ONCE }, next));
    },
    queued: () => pending.size,
    async stop() {
      beating = false;
      await fleet.beat({ ...self, running: supervisor.load().running, queued: 0, limit: 0 }).catch(() => {});
      stopping.abort();
      await feed.leave();
      await Promise.all(loops);
    },
  };
}
