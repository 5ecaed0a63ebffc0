/**
 * The event log on SQLite. The database lives on a worker thread (event-log.thread.ts); this side gathers appends into
 * group commits and hands committed events to subscribers from memory. Only one server may use a folder.
 */
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { ServiceError } from '../../lib/errors.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';
import { startThread } from '../../lib/thread.ts';
import { type ExecutionEvent, isLast } from '../event.ts';
import type { Checkpoint, EventLog, StreamHead, SubscribeOptions } from '../event-log.ts';
import { eventBytes } from '../event-size.ts';
import { purgeInSteps } from '../purge-steps.ts';
import type { Appended } from './appending.ts';
import type { LogThreadData } from './event-log.thread.ts';
import type { ReadPage } from './reading.ts';
import { packEvents, unpackEvents } from './rows.ts';
import { createSubscriptions } from './subscriptions.ts';

interface SqliteEventLogOptions {
  /** Holds `events.sqlite`; made when absent. */
  folder: string;
  /** The database never grows beyond this; appends then fail as on a full disk. No limit by default. */
  maxBytes?: number;
  /** How long after an execution's end its small chunks are compacted. */
  compactAfterMs?: number;
  /** Hears that the log is gone for this process: only a new start helps. */
  onFatal?: (error: Error) => void;
}

/** One commit takes no more than this, so that the appends behind it do not wait long. */
const COMMIT_BYTES = 8_000_000;
/** The buffer that goes back and forth with large commits; smaller and still larger ones are made as they are needed. */
const SPARE_BYTES = 1_200_000;
const SMALL_BYTES = 65_536;
/** Between two steps of compaction, so that it takes no more than about half of the thread's time. */
const PACK_PAUSE_MS = 5;

interface Waiting {
  events: readonly ExecutionEvent[];
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** @throws ServiceError `event-log-unavailable` when the database cannot be opened. */
export async function sqliteEventLog({
  folder,
  maxBytes,
  compactAfterMs = 2000,
  onFatal,
}: SqliteEventLogOptions): Promise<EventLog> {
  const thread = startThread(
    siblingModuleUrl(import.meta.url, './event-log.thread'),
    { folder, maxBytes } satisfies LogThreadData,
    { unavailable: 'event-log-unavailable' },
  );
  let committed: number;
  try {
    committed = await thread.call<number>('open');
  } catch (error) {
    await thread.close();
    throw error;
  }
  void thread.died.then(onFatal);
  const subscriptions = createSubscriptions({
    committed: () => committed,
    readPage: (executionId, afterId, afterPosition) =>
      executionId === undefined
        ? thread.call<ReadPage>('readAll', [afterId])
        : thread.call<ReadPage>('readOne', [executionId, afterId, afterPosition, false]),
  });
  /** Comes back from the thread: a new one for each commit would cost more than what is put into it. */
  let spare: ArrayBuffer | undefined;
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;
  let closed = false;

  let compaction: NodeJS.Timeout | undefined;
  /** Compacts, step by step with pauses, once executions have ended; never while someone still has to read these events. */
  function compactLater(): void {
    if (compaction || closed) return;
    compaction = setTimeout(async () => {
      let more = true;
      try {
        while (more && !closed && !subscriptions.someBehind()) {
          more = await thread.call<boolean>('compact');
          await abortableSleep(PACK_PAUSE_MS);
        }
        for (let free = !more; free && !closed; ) {
          free = await thread.call<boolean>('vacuum');
          await abortableSleep(PACK_PAUSE_MS);
        }
      } catch {
        // A full disk, for example: what is not packed stays readable as it is.
        more = false;
      }
      compaction = undefined;
      if (more) compactLater();
    }, compactAfterMs);
    compaction.unref();
  }

  function room(bytes: number): ArrayBuffer {
    if (bytes < SMALL_BYTES || bytes > SPARE_BYTES) return new ArrayBuffer(bytes);
    const buffer = spare ?? new ArrayBuffer(SPARE_BYTES);
    spare = undefined;
    return buffer;
  }

  function takeGroup(): Waiting[] {
    let bytes = 0;
    const size = waiting.findIndex((entry, index) => {
      bytes += entry.bytes;
      return bytes > COMMIT_BYTES && index > 0;
    });
    const group = size < 0 ? waiting : waiting.slice(0, size);
    waiting = size < 0 ? [] : waiting.slice(size);
    return group;
  }

  /** One commit at a time: were two under way, the second could succeed after the first failed, and leave a hole. */
  async function commit(): Promise<void> {
    while (waiting.length > 0) {
      const group = takeGroup();
      const events =
        group.length === 1 && group[0] ? group[0].events : group.flatMap((entry) => entry.events);
      try {
        const packed = packEvents(events, room);
        const { lastId, repeated, buffer } = await thread.call<Appended>('append', [packed], {
          transfer: [packed.buffer],
        });
        if (buffer.byteLength === SPARE_BYTES) spare = buffer;
        const again = new Set(repeated);
        const fresh = again.size === 0 ? events : events.filter((_, index) => !again.has(index));
        subscriptions.deliver(fresh, committed + 1);
        committed = lastId;
        for (const entry of group) entry.resolve();
        if (fresh.some(isLast)) compactLater();
      } catch (error) {
        for (const entry of group) entry.reject(error);
      }
    }
    committing = undefined;
  }

  function place(checkpoint: Checkpoint): number {
    const id = Number(checkpoint);
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new ServiceError('invalid-checkpoint', `"${checkpoint}" is not a checkpoint of this event log`);
    }
    if (id > committed) {
      throw new ServiceError(
        'invalid-checkpoint',
        `Checkpoint ${id} is beyond the end of the event log (${committed}): the log was replaced by an older or empty one. Run \`linefeed rebuild\`.`,
      );
    }
    return id;
  }

  compactLater();
  return {
    append(events) {
      if (closed) return Promise.reject(new ServiceError('event-log-unavailable', 'The event log is closed'));
      if (events.length === 0) return Promise.resolve();
      const bytes = events.reduce((sum, event) => sum + eventBytes(event), 0);
      return new Promise<void>((resolve, reject) => {
        waiting.push({ events, bytes, resolve, reject });
        // Not at once: appends made in the same turn share a commit.
        committing ??= Promise.resolve().then(commit);
      });
    },

    async *read(executionId, { after = -1, lifecycleOnly = false, signal } = {}) {
      let position = after;
      while (!signal?.aborted) {
        const { rows, buffer, full } = await thread.call<ReadPage>('readOne', [
          executionId,
          0,
          position,
          lifecycleOnly,
        ]);
        const last = rows.at(-1);
        if (!last || signal?.aborted) return;
        yield unpackEvents({ rows, buffer });
        if (!full) return;
        position = last.position;
      }
    },

    head: (executionId) => thread.call<StreamHead | undefined>('head', [executionId]),

    async subscribe({ from, executionId, signal }: SubscribeOptions) {
      const cursor = from === 'end' ? committed : from === 'beginning' ? 0 : place(from);
      return subscriptions.subscribe(cursor, executionId, signal);
    },

    end: () => Promise.resolve(String(committed) as Checkpoint),
    covers: (reached, wanted) => Number(reached) >= Number(wanted),

    purge: (request) => purgeInSteps(thread, request),

    ping: () => thread.call('ping'),
    size: () => thread.call<number>('size'),

    async close() {
      if (closed) return;
      closed = true;
      clearTimeout(compaction);
      await committing;
      subscriptions.close();
      await thread.close();
    },
  };
}
