/** Which worker has which executions, as far as it was seen here: assigned, and not ended. */
export interface Assignments {
  /** An execution has one worker: an earlier one loses it. */
  add(worker: string, executionId: string): void;
  end(executionId: string): void;
  count(worker: string): number;
}

export function createAssignments(): Assignments {
  const workers = new Map<string, string>();
  const counts = new Map<string, number>();
  const change = (worker: string, by: number) => counts.set(worker, (counts.get(worker) ?? 0) + by);

  function end(executionId: string): void {
    const worker = workers.get(executionId);
    if (worker === undefined) return;
    workers.delete(executionId);
    change(worker, -1);
  }

  return {
    add(worker, executionId) {
      end(executionId);
      workers.set(executionId, worker);
      change(worker, 1);
    },
    end,
    count: (worker) => counts.get(worker) ?? 0,
  };
}
