/** One followed execution as a follower sees it. */
import type { ExecutionEvent } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';

export interface Tail {
  /** Changes when the subscription had to be made anew: what came in between is in history only. */
  readonly epoch: number;
  /** True when everything after the position is in the ring or still to come. */
  covers(position: number): boolean;
  /** The events after the position, without holes; undefined when the ring has them no longer. */
  after(position: number): readonly ExecutionEvent[] | undefined;
  /**
   * Where others follow too: fetches into the ring what lies between the position, through which the index is complete,
   * and the ring; once for all who ask meanwhile. Leaves the ring as it is when that is too much for it.
   * @param from see `ReadOptions.from`
   */
  bridge(position: number, from: Checkpoint | undefined, signal: AbortSignal): Promise<void>;
  /** Resolves when there is news for the position, or when the signal aborts. */
  wait(position: number, epoch: number, signal: AbortSignal): Promise<void>;
  /** To be called once; the last one that leaves ends the subscription. */
  leave(): void;
}
