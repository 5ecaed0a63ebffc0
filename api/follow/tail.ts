/** One followed execution as a follower sees it. */
import type { ExecutionEvent } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';

export interface Tail {
  /** Changes when the subscription was renewed: events appended in between are in history only. */
  readonly epoch: number;
  /** True when everything after the position is in the ring or still to be added. */
  covers(position: number): boolean;
  /** The events after the position, without holes; undefined when the ring no longer has them. */
  after(position: number): readonly ExecutionEvent[] | undefined;
  /**
   * If others follow too, fetches into the ring what lies between the position, through which the index is complete, and
   * the ring. Followers that ask meanwhile share one read. Leaves the ring as it is when that is too much for it.
   * @param from see `ReadOptions.from`
   */
  bridge(position: number, from: Checkpoint | undefined, signal: AbortSignal): Promise<void>;
  /** Resolves when there is news for the position, or when the signal aborts. */
  wait(position: number, epoch: number, signal: AbortSignal): Promise<void>;
  /** To be called once; the last follower that leaves ends the subscription. */
  leave(): void;
}
