/** What a node knows of the workers, including its own, and how it reaches them. */
import type { Dispatch } from '../../actors/executions.ts';
import { type Candidate, waitReason } from '../../actors/scheduling/worker-choice.ts';
import type { Fleet } from '../../events/fleet/fleet.ts';
import type { WorkerRole } from './worker.ts';

/** @param own the worker of this process, whose counts are newer than its heartbeats. */
export function createDispatch(fleet: Fleet, leaseMs: number, own?: WorkerRole): Dispatch {
  function workers(): (Candidate & { queued: number })[] {
    const others = fleet
      .workers()
      .filter(({ worker, silentMs }) => silentMs < leaseMs && worker !== own?.name);
    return own ? [{ worker: own.name, labels: own.labels, ...own.load() }, ...others] : others;
  }

  return {
    async cancel(executionId, by) {
      if (!own?.cancelOwn(executionId, by)) await fleet.cancel(executionId, by);
    },
    load() {
      const sum = { running: 0, queued: 0, limit: 0 };
      for (const { running, queued, limit } of workers()) {
        sum.running += running;
        sum.queued += queued;
        sum.limit += limit;
      }
      return sum;
    },
    waitReason: (labels) => waitReason(workers(), labels),
  };
}
