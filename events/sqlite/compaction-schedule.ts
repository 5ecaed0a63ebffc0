/** Compacts the small chunks of ended executions in the background, in steps with pauses. */
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import type { Thread } from '../../lib/thread.ts';

/** Between two steps of compaction, so that it takes no more than about half of the thread's time. */
const PAUSE_MS = 5;

interface CompactionSchedule {
  /** Compacts after a delay, unless that is scheduled already. */
  schedule(): void;
  stop(): void;
}

/** @param someBehind whether subscribers still have to read these events: then nothing is compacted. */
export function compactionSchedule(
  thread: Pick<Thread, 'call'>,
  afterMs: number,
  someBehind: () => boolean,
): CompactionSchedule {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function compact(): Promise<void> {
    let more = true;
    try {
      while (more && !stopped && !someBehind()) {
        more = await thread.call<boolean>('compact');
        await abortableSleep(PAUSE_MS);
      }
      for (let free = !more; free && !stopped; ) {
        free = await thread.call<boolean>('vacuum');
        await abortableSleep(PAUSE_MS);
      }
    } catch {
      // A full disk, for example: what is not compacted stays readable.
      more = false;
    }
    timer = undefined;
    if (more) schedule();
  }
  function schedule(): void {
    if (timer || stopped) return;
    timer = setTimeout(compact, afterMs);
    timer.unref();
  }
  return {
    schedule,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
