/** Shares the serving thread: work of all requests together takes a slice of each turn of the event loop. */

const SLICE_MS = 5;

/** In the present turn, by everybody. */
let workedMs = 0;
let queue: Promise<void> = Promise.resolve();

/** Resolves in a turn of one's own, in the order of asking. */
function nextTurn(): Promise<void> {
  queue = queue.then(() => new Promise((resolve) => setImmediate(resolve)));
  return queue;
}

/** A function of the same meaning that waits for a turn when the slice of the present one is used up. */
export function inSlices<A, T>(work: (argument: A) => T): (argument: A) => T | Promise<T> {
  const timed = (argument: A): T => {
    const began = performance.now();
    try {
      return work(argument);
    } finally {
      workedMs += performance.now() - began;
    }
  };
  return (argument) => {
    if (workedMs < SLICE_MS) return timed(argument);
    return nextTurn().then(() => {
      workedMs = 0;
      return timed(argument);
    });
  };
}
