/** Collects appends into group commits: what is appended during a commit shares the next one. */
import type { Thread } from '../../lib/thread.ts';
import type { ExecutionEvent } from '../event.ts';
import { eventBytes } from '../event-size.ts';
import type { Appended } from './appending.ts';
import { packEvents } from './rows.ts';

/** One commit takes no more than this, so that the appends behind it do not wait long. */
const COMMIT_BYTES = 8_000_000;
/** The buffer that goes back and forth with large commits; smaller and still larger ones are made as they are needed. */
const SPARE_BYTES = 1_200_000;
const SMALL_BYTES = 65_536;
interface Waiting {
  events: readonly ExecutionEvent[];
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

interface Committed {
  /** Without events that the log had already. */
  events: readonly ExecutionEvent[];
  /** Id of the last event in the log. */
  lastId: number;
}

interface GroupCommit {
  /** Resolves when the events are durable. */
  append(events: readonly ExecutionEvent[]): Promise<void>;
  /** Resolves when no commit is running. */
  idle(): Promise<void>;
}

export function createGroupCommit(
  thread: Pick<Thread, 'call'>,
  onCommitted: (committed: Committed) => void,
): GroupCommit {
  /** The thread sends it back: a new buffer for each commit would cost more than filling it. */
  let spare: ArrayBuffer | undefined;
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;

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

  /** One commit at a time: with two, the second could succeed after the first failed, and leave a gap. */
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
        onCommitted({ events: fresh, lastId });
        for (const entry of group) entry.resolve();
      } catch (error) {
        for (const entry of group) entry.reject(error);
      }
    }
    committing = undefined;
  }

  return {
    append(events) {
      const bytes = events.reduce((sum, event) => sum + eventBytes(event), 0);
      return new Promise<void>((resolve, reject) => {
        waiting.push({ events, bytes, resolve, reject });
        // Not at once: appends made in the same turn share a commit.
        committing ??= Promise.resolve().then(commit);
      });
    },
    async idle() {
      await committing;
    },
  };
}
