/**
 * Purges what is older than the two TTLs: the output of executions, and whole executions. Age counts from an execution's
 * end, so a running execution loses nothing. The log is purged first: the next sweep finds what a crash leaves in the index.
 */
import type { EventLog } from '../../events/event-log.ts';
import type { PurgeableIndex } from '../output-index.ts';
import { type SteadyClock, steadyClock } from './steady-clock.ts';

export interface RetentionOptions {
  log: EventLog;
  index: PurgeableIndex;
  /** Milliseconds after an execution's end; 0 is no limit. */
  outputTtlMs: number;
  executionsTtlMs: number;
  /** Pause between sweeps; 0 sweeps only on request. */
  intervalMs: number;
  clock?: SteadyClock;
  onSwept?(report: PurgeReport): void;
  onError?(error: unknown): void;
}

export interface PurgeReport {
  /** Executions purged whole, and executions of which only the output was purged. */
  executions: number;
  outputs: number;
  /** Bytes of output in them, as it was written by the command. */
  rawBytes: number;
  /** Bytes that they took on disk in log and index; an estimate for a dry run. */
  freedBytes: number;
}

export interface Retention {
  /** Sweeps now; a dry run only counts. Two sweeps never run at once. */
  sweep(options: { dryRun: boolean; signal?: AbortSignal }): Promise<PurgeReport>;
  stop(): Promise<void>;
}

/** Executions purged at a time. */
const PAGE = 200;
/** A dry run counts no more. */
const MAX_COUNTED = 10_000;

export function startRetention({
  log,
  index,
  outputTtlMs,
  executionsTtlMs,
  intervalMs,
  clock = steadyClock(),
  onSwept,
  onError,
}: RetentionOptions): Retention {
  const stopping = new AbortController();
  let turn: Promise<unknown> = Promise.resolve();

  const candidates = (limit: number) => {
    const now = clock();
    return index.purgeCandidates({
      limit,
      ...(outputTtlMs > 0 ? { output: now - outputTtlMs } : {}),
      ...(executionsTtlMs > 0 ? { executions: now - executionsTtlMs } : {}),
    });
  };

  async function rawBytes(ids: readonly string[]): Promise<number> {
    let bytes = 0;
    for (const id of ids) {
      const document = await index.execution(id);
      if (document && document.outputPurgedThrough === undefined) {
        bytes += document.output.stdout.bytes + document.output.stderr.bytes;
      }
    }
    return bytes;
  }

  async function count(): Promise<PurgeReport> {
    const { output, executions } = await candidates(MAX_COUNTED);
    const raw = await rawBytes([...output, ...executions]);
    const { rawBytes: keptBytes, diskBytes = 0 } = await index.stats();
    const onDisk = diskBytes + ((await log.size()) ?? 0);
    const share = keptBytes > 0 ? Math.min(1, raw / keptBytes) : 0;
    // A nearly empty database is mostly overhead, which a purge does not free.
    return {
      executions: executions.length,
      outputs: output.length,
      rawBytes: raw,
      freedBytes: Math.min(raw, Math.round(onDisk * share)),
    };
  }

  async function purge(signal: AbortSignal | undefined): Promise<PurgeReport> {
    const report: PurgeReport = { executions: 0, outputs: 0, rawBytes: 0, freedBytes: 0 };
    const done = new Set<string>();
    for (;;) {
      const found = await candidates(PAGE);
      // An index with its own retention may still name what it has not purged yet.
      const output = found.output.filter((id) => !done.has(`output ${id}`));
      const executions = found.executions.filter((id) => !done.has(id));
      if (output.length + executions.length === 0) return report;
      for (const id of output) done.add(`output ${id}`);
      for (const id of executions) done.add(id);
      report.rawBytes += await rawBytes([...output, ...executions]);
      report.freedBytes += (await log.purge({ output, executions })).freedBytes;
      report.freedBytes += (await index.purge({ output, executions })).freedBytes;
      report.outputs += output.length;
      report.executions += executions.length;
      if (signal?.aborted || stopping.signal.aborted) return report;
    }
  }

  const sweep: Retention['sweep'] = ({ dryRun, signal }) => {
    const result = turn.then(async () => {
      if (outputTtlMs === 0 && executionsTtlMs === 0) {
        return { executions: 0, outputs: 0, rawBytes: 0, freedBytes: 0 };
      }
      return dryRun ? count() : purge(signal);
    });
    turn = result.catch(() => {});
    return result;
  };

  const timer =
    intervalMs > 0
      ? setInterval(() => {
          sweep({ dryRun: false }).then(
            (report) => {
              if (report.executions + report.outputs > 0) onSwept?.(report);
            },
            (error) => onError?.(error),
          );
        }, intervalMs)
      : undefined;
  timer?.unref();

  return {
    sweep,
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await turn;
    },
  };
}
