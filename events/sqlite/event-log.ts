/**
 * The event log on SQLite. The database is on a thread (event-log.thread.ts); this side collects appends into group
 * commits and gives committed events to subscribers from memory. Only one server may use a folder.
 */
import { ServiceError } from '../../lib/errors.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';
import { startThread, type Thread } from '../../lib/thread.ts';
import { isLast } from '../event.ts';
import type { Checkpoint, EventLog, StreamHead, SubscribeOptions } from '../event-log.ts';
import { purgeInSteps } from '../purge-steps.ts';
import { compactionSchedule } from './compaction-schedule.ts';
import type { LogThreadData } from './event-log.thread.ts';
import { createGroupCommit } from './group-commit.ts';
import type { ReadPage } from './reading.ts';
import { unpackEvents } from './rows.ts';
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

/** @throws ServiceError `invalid-checkpoint`. */
function toEventId(checkpoint: Checkpoint, committed: number): number {
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

async function openThread(data: LogThreadData): Promise<{ thread: Thread; lastId: number }> {
  const thread = startThread(siblingModuleUrl(import.meta.url, './event-log.thread'), data, {
    unavailable: 'event-log-unavailable',
  });
  try {
    return { thread, lastId: await thread.call<number>('open') };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

/** @throws ServiceError `event-log-unavailable` when the database cannot be opened. */
export async function sqliteEventLog({
  folder,
  maxBytes,
  compactAfterMs = 2000,
  onFatal,
}: SqliteEventLogOptions): Promise<EventLog> {
  const { thread, lastId } = await openThread({ folder, maxBytes });
  let committed = lastId;
  void thread.died.then(onFatal);
  const subscriptions = createSubscriptions({
    committed: () => committed,
    readPage: (executionId, afterId, afterPosition) =>
      executionId === undefined
        ? thread.call<ReadPage>('readAll', [afterId])
        : thread.call<ReadPage>('readOne', [executionId, afterId, afterPosition, false]),
  });
  const compaction = compactionSchedule(thread, compactAfterMs, subscriptions.someBehind);
  const commits = createGroupCommit(thread, ({ events, lastId }) => {
    subscriptions.deliver(events, committed + 1);
    committed = lastId;
    if (events.some(isLast)) compaction.schedule();
  });
  let closed = false;

  compaction.schedule();
  return {
    append(events) {
      if (closed) return Promise.reject(new ServiceError('event-log-unavailable', 'The event log is closed'));
      if (events.length === 0) return Promise.resolve();
      return commits.append(events);
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
      const cursor = from === 'end' ? committed : from === 'beginning' ? 0 : toEventId(from, committed);
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
      compaction.stop();
      await commits.idle();
      subscriptions.close();
      await thread.close();
    },
  };
}
