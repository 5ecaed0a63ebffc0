/**
 * Hands items to several receivers. The sender never waits: each receiver has a buffer of bounded size, and one that is
 * too slow falls behind. Then its buffer is emptied, and it has to read elsewhere what it missed.
 */
import { createWakeSignal } from './wake-signal.ts';

export interface Receiver<T> {
  /**
   * Resolves with everything that waits, at least one item; undefined once the receiver has fallen behind or left, or the
   * fan-out has closed. One call at a time.
   * @throws what the fan-out was closed with, after the items sent before.
   */
  take(): Promise<T[] | undefined>;
  /** Receives no more; a second call does nothing. */
  leave(): void;
}

/** What the buffers are bounded by. */
interface Sized {
  readonly bytes: number;
}

export interface FanOut<T extends Sized> {
  /**
   * The receiver gets every item that is sent from now on.
   * @param select narrows an item; undefined leaves it out.
   */
  join(select?: (item: T) => T | undefined): Receiver<T>;
  send(item: T): void;
  /** Ends all receivers, with an error if there is one. Later ones may join. */
  close(failure?: { error: unknown }): void;
  /** Receivers that neither left nor fell behind. */
  readonly size: number;
}

interface Member<T> {
  offer(item: T): void;
  close(failure: { error: unknown } | undefined): void;
}

/** @param bufferBytes what may wait for one receiver. A single item waits whatever its size. */
export function createFanOut<T extends Sized>(bufferBytes: number): FanOut<T> {
  const members = new Set<Member<T>>();

  function join(select?: (item: T) => T | undefined): Receiver<T> {
    const news = createWakeSignal();
    let waiting: T[] = [];
    let waitingBytes = 0;
    let failure: { error: unknown } | undefined;

    function stop(): void {
      members.delete(member);
      news.wake();
    }

    function add(item: T): void {
      waiting.push(item);
      waitingBytes += item.bytes;
      if (waitingBytes > bufferBytes && waiting.length > 1) {
        waiting = [];
        stop();
      } else news.wake();
    }

    const member: Member<T> = {
      offer(item) {
        const selected = select ? select(item) : item;
        if (selected) add(selected);
      },
      close(reason) {
        failure = reason;
        stop();
      },
    };
    members.add(member);

    return {
      async take() {
        while (waiting.length === 0) {
          if (failure) throw failure.error;
          if (!members.has(member)) return undefined;
          await news.wait();
        }
        const taken = waiting;
        waiting = [];
        waitingBytes = 0;
        return taken;
      },
      leave() {
        waiting = [];
        stop();
      },
    };
  }

  return {
    join,
    send(item) {
      for (const member of members) member.offer(item);
    },
    close(failure) {
      for (const member of members) member.close(failure);
    },
    get size() {
      return members.size;
    },
  };
}
