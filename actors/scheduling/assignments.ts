/** Which worker has which executions, as far as it was seen here: assigned, and not ended. */
export interface Assignments {
  /** The log gives the execution to the worker. It has one: an earlier one loses it. */
  add(worker: string, executionId: string): void;
  /** The same, for an assignment that is being appended. */
  expect(worker: string, executionId: string): void;
  /** It could not be appended. Changes nothing when the log has it all the same. */
  retract(executionId: string): void;
  end(executionId: string): void;
  count(worker: string): number;
}

export function createAssignments(): Assignments {
  const workers = new Map<string, string>();
  const expected = new Set<string>();
  const counts = new Map<string, number>();
  const change = (worker: string, by: number) => counts.set(worker, (counts.get(worker) ?? 0) + by);

  function end(executionId: string): void {
    const worker = workers.get(executionId);
    if (worker === undefined) return;
    workers.delete(executionId);
    expected.delete(executionId);
    change(worker, -1);
  }

  function add(worker: string, executionId: string): void {
    end(executionId);
    workers.set(executionId, worker);
    change(worker, 1);
  }

  return {
    add,
    expect(worker, executionId) {
      add(worker, executionId);
      expected.add(executionId);
    },
    retract(executionId) {
      if (expected.has(executionId)) end(executionId);
    },
    end,
    count: (worker) => counts.get(worker) ?? 0,
  };
}
