/** Takes back the executions that were unfinished when this worker stopped. */
import type { OwnedExecutions } from './owned-executions.ts';

export interface Recovery {
  /** Takes those of these executions that are this worker's, and removes the remains of the others. */
  recover(executionIds: readonly string[]): Promise<void>;
  /** Takes those that the index knows to be this worker's. */
  recoverIndexed(): Promise<void>;
}

const AT_ONCE = 8;

/** @param unfinished executions without an end, in pages. */
export function createRecovery(
  owned: OwnedExecutions,
  isOwn: (worker: string) => boolean,
  unfinished: () => AsyncIterable<{ id: string; worker?: string }[]>,
): Recovery {
  async function recover(executionIds: readonly string[]): Promise<void> {
    const left = [...executionIds].reverse();
    const next = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) await owned.take(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  return {
    recover,
    async recoverIndexed() {
      for await (const page of unfinished()) {
        const own = page.filter(({ id, worker }) => worker !== undefined && isOwn(worker) && !owned.has(id));
        await recover(own.map(({ id }) => id));
      }
    },
  };
}
