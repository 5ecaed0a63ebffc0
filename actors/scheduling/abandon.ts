/** Ends the executions of workers that are silent for too long, with the output that is in the log. */
import type { Logger } from 'pino';
import { isLast } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Fleet } from '../../events/fleet/fleet.ts';
import { loggedTotals } from '../execution/conclusion.ts';
import { lifecycleOf } from '../execution/lifecycle.ts';
import type { Hearing } from './heartbeat.ts';
import type { Lease } from './lease.ts';

interface AbandonOptions {
  /** Name of this worker. */
  worker: string;
  fleet: Fleet;
  lease: Lease;
  leaseMs: number;
  log: EventLog;
  /** Executions without an end, as the index knows them, in pages. */
  unfinished(): AsyncIterable<{ id: string; worker?: string }[]>;
  logger: Logger;
}

/** Longer than the lease, so that a worker stops writing before the others act. */
const PATIENCE = 1.2;

/** Abandons the executions of workers that are silent for longer than the lease. The first live worker does this for all. */
export async function abandonSilent(options: AbandonOptions, heard: Hearing): Promise<void> {
  const { fleet, lease, leaseMs } = options;
  const patienceMs = leaseMs * PATIENCE;
  const now = performance.now();
  // If our own heartbeats are not heard, we cannot judge other workers.
  if (!lease.valid() || now - heard.since < patienceMs || now - heard.at > leaseMs / 2) return;
  const others = fleet.workers().filter(({ worker }) => worker !== options.worker);
  const silent = others.filter(({ silentMs }) => silentMs > patienceMs);
  const isFirst = others.every(({ worker, silentMs }) => silentMs > leaseMs / 2 || options.worker < worker);
  if (silent.length === 0 || !isFirst) return;
  const silences = new Map(silent.map(({ worker, silentMs }) => [worker, silentMs]));
  for await (const page of options.unfinished()) {
    for (const { id, worker } of page) {
      const silentMs = worker === undefined ? undefined : silences.get(worker);
      if (worker !== undefined && silentMs !== undefined) await abandon(options, id, worker, silentMs);
    }
  }
}

async function abandon(
  { log, logger, worker: by }: AbandonOptions,
  executionId: string,
  worker: string,
  silentMs: number,
): Promise<void> {
  // In this order: an event that its worker appends after the head takes the position of ours, which then does not count.
  const head = await log.head(executionId);
  if (!head || (await lifecycleOf(log, executionId)).some(isLast)) return;
  const reason = `No heartbeat of its worker ${worker} for ${Math.round(silentMs / 1000)} s`;
  logger.warn({ executionId, worker }, 'abandoned: its worker is silent');
  await log.append([
    {
      type: 'execution.abandoned',
      executionId,
      position: head.position + 1,
      at: Date.now(),
      reason,
      by,
      streams: loggedTotals(head.outputs),
    },
  ]);
}
