/**
 * The process of a remote execution. It works on all hosts at once and outlives the server, so commands and their output
 * survive a restart of the server. SIGTERM ends the work on every host.
 */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnector } from './connect.ts';
import type { HostOutcome, RemoteJob } from './job.ts';
import { openKnownHosts } from './known-hosts.ts';
import { runHost } from './run-host.ts';

/** Timers may be this late; it tells an end at the time limit from a cancellation. */
const TIMER_SLACK_MS = 50;

async function main(): Promise<number> {
  const path = process.argv[2] as string;
  const job = JSON.parse(readFileSync(path, 'utf8')) as RemoteJob;
  // The file holds secrets.
  unlinkSync(path);

  const startedAt = performance.now();
  const stop = new AbortController();
  let timedOut = false;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const elapsed = performance.now() - startedAt;
      timedOut = timedOut || (job.timeoutMs > 0 && elapsed >= job.timeoutMs - TIMER_SLACK_MS - STARTUP_MS);
      stop.abort();
    });
  }

  const connector = createConnector(job, openKnownHosts(job.knownHosts));
  const outcomes = new Map<string, HostOutcome>();
  const queue = [...job.hosts];
  async function work(): Promise<void> {
    for (let host = queue.shift(); host; host = queue.shift()) {
      const outcome = await runHost({ job, host, connector, stop: stop.signal });
      if (timedOut && !outcome.succeeded) Object.assign(outcome, { timeout: true, return_code: -9 });
      outcomes.set(host.label, outcome);
      if (outcome.error !== undefined && !stop.signal.aborted) {
        process.stderr.write(`linefeed: ${host.label}: ${outcome.error}\n`);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(job.parallel, job.hosts.length) }, work));
  connector.close();

  const inOrder = Object.fromEntries(job.hosts.map(({ label }) => [label, outcomes.get(label)]));
  const result = join(job.folder, 'result.json');
  writeFileSync(`${result}.new`, JSON.stringify(inOrder), { mode: 0o600 });
  renameSync(`${result}.new`, result);
  const all = [...outcomes.values()];
  if (all.every((outcome) => outcome.succeeded)) return 0;
  const code = all.length === 1 ? (all[0]?.return_code ?? 1) : 1;
  return code > 0 && code < 256 ? code : 1;
}

/** The time limit counts from the start of the process; its first line of code runs this much later at most. */
const STARTUP_MS = 1000;

process.exit(await main());
