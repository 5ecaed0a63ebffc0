/**
 * Measures the embedded log and index by themselves: appends, catch-up of the index, searches, replay, disk.
 * `node tools/bench/store.ts [lines] [--json]`; a folder for the data is made under the system's and removed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionEvent } from '../../events/event.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../events/sqlite/stored-runs.ts';
import { startProjector } from '../../projections/projector.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';

const total = Number(process.argv[2] ?? 1_000_000);
const EXECUTIONS = 10;
const LINES_PER_CHUNK = 650;
const WORDS =
  'connection request timeout error warning failed started stopped worker thread pool cache index shard replica node cluster user session token api gateway handler database query transaction commit rollback lock retry backoff queue message consumer producer topic partition offset leader follower election heartbeat network socket buffer memory disk write read latency'.split(
    ' ',
  );

let seed = 1;
function random(): number {
  seed = (seed * 1664525 + 1013904223) >>> 0;
  return seed / 2 ** 32;
}
const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
const two = (n: number) => String(n).padStart(2, '0');

/** 100 bytes like those of a service's log: a time, a level, a request id, some words. */
function line(n: number): string {
  const time = `2026-11-23T12:${two(Math.floor(n / 60_000) % 60)}:${two(Math.floor(n / 1000) % 60)}.${String(n % 1000).padStart(3, '0')}Z`;
  let text = `${time} ${random() < 0.9 ? 'INFO' : 'WARN'} req=${Math.floor(random() * 2 ** 32).toString(16)} `;
  if (n % 100_000 === 77_777) text += 'zebra crossing ';
  while (text.length < 99) text += `${pick(WORDS)} `;
  return `${text.slice(0, 99)}\n`;
}

const results: Record<string, number | string> = {};
function report(name: string, value: number | string, unit = ''): void {
  results[`${name}${unit ? ` (${unit})` : ''}`] =
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
  console.log(`${name.padEnd(52)} ${typeof value === 'number' ? value.toFixed(3) : value} ${unit}`);
}

const folder = mkdtempSync(join(tmpdir(), 'linefeed-bench-'));
const id = (execution: number) => `01934f00-0000-7000-8000-${String(execution).padStart(12, '0')}`;
try {
  const log = await sqliteEventLog({ folder });
  const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
  await index.ensure();
  const projector = startProjector({ log, index, onDeadLetter: (letter) => console.error(letter) });
  let raw = 0;
  let appendMs = 0;
  const began = performance.now();
  let pending: Promise<void>[] = [];
  const append = async (event: ExecutionEvent) => {
    pending.push(log.append([event]));
    if (pending.length < 16) return;
    const from = performance.now();
    await Promise.all(pending);
    appendMs += performance.now() - from;
    pending = [];
  };
  const at = Date.now();
  for (let execution = 0; execution < EXECUTIONS; execution++) {
    const executionId = id(execution);
    const action = { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' };
    await append({
      type: 'execution.requested',
      executionId,
      position: 0,
      at,
      action,
      parameters: {},
      user: 'bench',
    });
    let position = 1;
    let offset = 0;
    let seq = 1;
    const lines = total / EXECUTIONS;
    for (let n = 0; n < lines; ) {
      let text = '';
      const count = Math.min(LINES_PER_CHUNK, lines - n);
      for (let k = 0; k < count; k++) text += line(execution * lines + n++);
      const data = Buffer.from(text);
      const bytes = data.byteLength;
      await append({
        type: 'output.appended',
        executionId,
        position: position++,
        at,
        stream: 'stdout',
        seq,
        lines: count,
        offset,
        bytes,
        data,
      });
      seq += count;
      offset += bytes;
      raw += bytes;
    }
    const streams = { stdout: { bytes: offset, lines }, stderr: { bytes: 0, lines: 0 } };
    await append({
      type: 'execution.completed',
      executionId,
      position,
      at,
      status: 'succeeded',
      exitCode: 0,
      signal: null,
      elapsedMs: 1,
      streams,
    });
  }
  await Promise.all(pending);
  report('append, while 16 chunks are under way', raw / 1e6 / (appendMs / 1000), 'MB/s');
  const end = await log.end();
  await projector.caughtUp(end);
  report(
    'until all is readable, making the lines included',
    total / ((performance.now() - began) / 1000),
    'lines/s',
  );
  while ((await index.stats()).unindexedBytes > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  report('until the search index has all', total / ((performance.now() - began) / 1000), 'lines/s');

  const queries: [string, string, string?][] = [
    ['rare word', 'zebra'],
    ['common word', 'timeout'],
    ['phrase', '"zebra crossing"'],
    ['common phrase', '"leader follower"'],
    ['substring', '*ebra cros*'],
    ['common substring', '*eplic*'],
    ['regex with a literal', '/zebra c[a-z]+ing/'],
    ['regex, common', '/req=[0-9a-f]*beef/'],
    ['no hit', 'xylophone'],
    ['no hit, common letters', 'requesttimeout'],
    ['words that rarely meet', 'zebra rollback'],
  ];
  for (const executionId of [undefined, id(3)]) {
    const where = executionId ? 'one execution' : 'all';
    const times: number[] = [];
    for (const [name, query] of queries) {
      const own: number[] = [];
      let hits = 0;
      let scanned = 0;
      for (let k = 0; k < 9; k++) {
        const from = performance.now();
        const page = await index.search({ query, ...(executionId ? { executionId } : {}) });
        own.push(performance.now() - from);
        hits = page.hits.length;
        scanned = page.scannedBytes;
      }
      own.sort((a, b) => a - b);
      times.push(...own);
      report(
        `search ${where}: ${name}`,
        own[4] as number,
        `ms median, ${(own[8] as number).toFixed(1)} worst, ${hits} hits, ${(scanned / 1e6).toFixed(1)} MB`,
      );
    }
    times.sort((a, b) => a - b);
    report(`search ${where}: all kinds, median`, times[Math.floor(times.length / 2)] as number, 'ms');
    report(`search ${where}: all kinds, p95`, times[Math.floor(times.length * 0.95)] as number, 'ms');
  }
  const from = performance.now();
  let read = 0;
  for (let execution = 0; execution < EXECUTIONS; execution++) {
    for await (const chunks of index.chunks(id(execution), {}))
      for (const { data } of chunks) read += data.byteLength;
  }
  report('replay out of the index', read / 1e6 / ((performance.now() - from) / 1000), 'MB/s');
  const diskBytes = (await index.stats()).diskBytes ?? 0;
  report('disk, index', diskBytes / raw, 'per raw byte');
  report('disk, log', ((await log.size()) ?? 0) / raw, 'per raw byte');
  report('memory of this process', process.memoryUsage.rss() / 1e6, 'MB');
  await projector.stop();
  await index.close();
  await log.close();
  if (process.argv.includes('--json')) console.log(JSON.stringify(results));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
