/**
 * Reports executions that have changed. The event stream says which ones; they are then requested, many at once, until
 * the index has caught up with the event.
 */
import { connection } from '../../app/state.ts';
import { query, request } from '../../client/requests.ts';
import { subscribe } from '../../client/subscription.ts';
import type { Execution } from '../../types.ts';

/** Executions in one request. */
const BATCH = 60;
const FIRST_MS = 60;
const AGAIN_MS = 250;
/** Output grows without an event in the stream: executions that run are requested this often. */
const ROUND_MS = 2500;

interface ExecutionUpdates {
  /** The executions as they are now. */
  changed(executions: readonly Execution[]): void;
  /** A connection has opened. Earlier changes are not reported. */
  opened(): void;
  /** Ids of the shown executions that have not ended. */
  running(): readonly string[];
}

/** Returns how to stop. */
export function watchExecutions(on: ExecutionUpdates): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The position that an execution must have reached, by id. */
  const wanted = new Map<string, number>();

  async function load() {
    const batch = new Map([...wanted].slice(0, BATCH));
    for (const id of batch.keys()) wanted.delete(id);
    try {
      const response = await request(`/v1/executions${query({ id: [...batch.keys()].join(',') })}`);
      const executions = (await response.json()) as Execution[];
      for (const { id, last_position: position = 0 } of executions) {
        if (position >= (batch.get(id) ?? 0)) batch.delete(id);
      }
      on.changed(executions);
      for (const [id, position] of batch) if (!wanted.has(id)) wanted.set(id, position);
    } catch {
      // the connection badge says so; the next event or the next round requests again
    }
    timer = wanted.size && !stopped ? setTimeout(load, AGAIN_MS) : undefined;
  }

  const subscription = subscribe({
    url: () => `/v1/stream${query({ type: 'execution.*' })}`,
    onState: (state) => connection.set(state),
    onFresh: on.opened,
    onEvent({ data }) {
      const { execution_id: id, position = 0 } = JSON.parse(data) as {
        execution_id?: string;
        position?: number;
      };
      if (!id) return;
      wanted.set(id, Math.max(position, wanted.get(id) ?? 0));
      timer ??= setTimeout(load, FIRST_MS);
    },
  });
  const rounds = setInterval(() => {
    if (document.hidden || timer) return;
    for (const id of on.running().slice(0, BATCH)) wanted.set(id, 0);
    if (wanted.size) timer = setTimeout(load, 0);
  }, ROUND_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
    clearInterval(rounds);
    subscription.close();
    connection.set(undefined);
  };
}
