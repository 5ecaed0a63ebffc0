/**
 * `npm run bench`: the figures of docs/benchmarks.md, on a real server in a process of its own. Every figure stands
 * beside a limit or a peer of the same run, for machines differ and drift.
 *
 *   npm run bench -- [--only capture,follow,…] [--large] [--json FILE]
 */
import { execFile } from 'node:child_process';
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { withFolder } from '../../test/support/folder.ts';
import { type ServerProcess, withServer } from '../../test/support/server.ts';
import { until } from '../../test/support/within.ts';
import { LINE_BYTES, writeLines } from './data.ts';
import { bareHttp, download, pipeAndSplit } from './limits.ts';
import { median, percentile, type Row, table } from './report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    large: { type: 'boolean', default: false },
    json: { type: 'string' },
    lines: { type: 'string', default: '1000000' },
  },
});
const LINES = Number(values.lines);
const FOLLOWERS = 1000;
const rows: Row[] = [];

interface Bench {
  server: ServerProcess;
  folder: string;
  input: string;
  /** An execution that printed the whole input. */
  id: string;
}

interface Hits {
  hits: { text: string }[];
  took_ms: number;
}

function add(row: Row): void {
  rows.push(row);
  console.error(table([row]).split('\n').at(-1));
}

const search = (server: ServerProcess, query: string, more = '') =>
  server.json<Hits>(`/v1/search?q=${encodeURIComponent(query)}${more}`);

/** Commands print the file; a follower has read the last byte when the clock stops. */
async function capture(bench: Bench): Promise<void> {
  const { server, input } = bench;
  const limit = await pipeAndSplit(input);
  const rates: number[] = [];
  const searchable: number[] = [];
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    bench.id = await server.run(`cat ${input}`);
    const { bytes } = await download(`${server.url}/v1/executions/${bench.id}/stdout`, headers(server));
    if (bytes !== LINES * LINE_BYTES) throw new Error(`${bytes} bytes were read`);
    rates.push((LINES / (performance.now() - started)) * 1000);
    const page = await search(server, `n${LINES - 1}`, `&execution=${bench.id}`);
    if (page.hits.length !== 1) throw new Error('the last line was not found at once');
    searchable.push((LINES / (performance.now() - started)) * 1000);
  }
  add({
    measure: 'one command prints 1,000,000 lines: until the last is read over HTTP',
    value: median(rates),
    unit: 'lines/s',
    goal: 400_000,
    atLeast: true,
    against: { name: 'bare Node pipe and split', value: limit },
  });
  add({
    measure: 'until all are searchable',
    value: median(searchable),
    unit: 'lines/s',
    goal: 400_000,
    atLeast: true,
    against: { name: 'readable', value: median(rates) },
  });
}

/** What is not in the search index yet is scanned; a figure of the index waits for it. */
async function indexed(server: ServerProcess): Promise<void> {
  const unindexed = async () =>
    (await server.json<{ storage: { unindexed_bytes: number } }>('/v1/operations')).storage.unindexed_bytes;
  await until(300_000, async () => (await unindexed()) === 0, 'an empty search queue');
}

async function catchUp({ server, input }: Bench): Promise<void> {
  await indexed(server);
  const id = await server.run(`cat ${input}`);
  const started = performance.now();
  await server.ended(id);
  await sleep(200);
  await indexed(server);
  add({
    measure: 'the search index catches up',
    value: (LINES / (performance.now() - started)) * 1000,
    unit: 'lines/s',
    goal: 150_000,
    atLeast: true,
  });
}

async function latency({ server }: Bench): Promise<void> {
  const script = 'import time\nfor i in range(1000):\n  print(time.time(), flush=True)\n  time.sleep(0.01)';
  const id = await server.run(`python3 -c '${script}'`);
  const response = await server.fetch(`/v1/executions/${id}/output`, {
    headers: { accept: 'text/event-stream' },
  });
  const lags: number[] = [];
  let rest = '';
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    const now = performance.timeOrigin + performance.now();
    const parts = (rest + Buffer.from(bytes).toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (!part.startsWith('data: ') || !part.includes('"text"')) continue;
      const { text } = JSON.parse(part.slice(6)) as { text: string };
      for (const line of text.trim().split('\n')) lags.push(now - Number(line) * 1000);
    }
  }
  add({
    measure: 'print to a follower’s receipt, 100 lines/s, median',
    value: median(lags),
    unit: 'ms',
    goal: 2,
  });
  add({
    measure: 'print to a follower’s receipt, 100 lines/s, p99',
    value: percentile(lags, 0.99),
    unit: 'ms',
    goal: 10,
  });
}

async function replay({ server, input, id }: Bench): Promise<void> {
  const limit = await bareHttp(input);
  const runs = [];
  for (let round = 0; round < 5; round++) {
    runs.push(await download(`${server.url}/v1/executions/${id}/stdout?follow=false`, headers(server)));
  }
  add({
    measure: 'replay of 100 MB as text/plain',
    value: median(runs.map(({ bytes, totalMs }) => bytes / 1e6 / (totalMs / 1000))),
    unit: 'MB/s',
    goal: 200,
    atLeast: true,
    against: { name: 'bare Node HTTP', value: limit },
  });
  add({
    measure: 'replay: first byte',
    value: median(runs.map(({ firstByteMs }) => firstByteMs)),
    unit: 'ms',
    goal: 20,
  });
}

async function searching(
  { server, id }: Bench,
  size: string,
  goals: [number, number],
  within?: string,
): Promise<void> {
  const everywhere = within ? `&execution=${within}` : '';
  const kinds: [string, (round: number) => string, scope?: string][] = [
    ['rare word', (round) => `n${(round * 7919) % LINES}`],
    ['common word', () => 'timeout'],
    ['phrase', (round) => `"user=${round * 31} "`],
    ['substring', (round) => `*${(4096 + round * 37).toString(16)}*`],
    ['regex', (round) => `/n\\d*${round % 7}77 \\w+ \\w+ id=[0-9a-f]*${round % 10}\\b/`],
    ['in one execution', (round) => `timeout "took=${(round * 37) % 900}ms"`, `&execution=${id}`],
  ];
  // What is measured is a server that searches, not its first steps: other words, asked without the clock.
  for (const [, query, scope = everywhere] of kinds)
    for (let round = 101; round <= 105; round++) await search(server, query(round), scope);
  const all: number[] = [];
  for (const [kind, query, scope = everywhere] of kinds) {
    const times: number[] = [];
    for (let round = 1; round <= 20; round++) {
      const started = performance.now();
      const page = await search(server, query(round), scope);
      times.push(performance.now() - started);
      if (kind === 'rare word' && page.hits.length === 0) throw new Error(`${query(round)} was not found`);
    }
    all.push(...times);
    add({
      measure: `search ${size}: ${kind}, median (p95 ${percentile(times, 0.95).toFixed(1)} ms)`,
      value: median(times),
      unit: 'ms',
    });
  }
  add({ measure: `search ${size}: all kinds, median`, value: median(all), unit: 'ms', goal: goals[0] });
  add({
    measure: `search ${size}: all kinds, p95`,
    value: percentile(all, 0.95),
    unit: 'ms',
    goal: goals[1],
  });
}

/** On a server of its own, so that its memory is that of the followers. */
async function fanOut(server: ServerProcess): Promise<void> {
  const script =
    'import time\ntime.sleep(3)\nfor i in range(1500):\n  print(time.time(), "x" * 80, flush=True)\n  time.sleep(0.01)';
  const id = await server.run(`python3 -c '${script}'`);
  const followers = new URL('./followers.ts', import.meta.url).pathname;
  const done = promisify(execFile)(process.execPath, [
    followers,
    String(server.port),
    server.token,
    id,
    String(FOLLOWERS),
    '60',
  ]);
  let rss = 0;
  const watching = setInterval(() => {
    rss = Math.max(rss, server.rssBytes());
  }, 200);
  const result = JSON.parse((await done).stdout) as {
    ended: number;
    lines: { least: number; most: number };
    p99Ms: number;
  };
  clearInterval(watching);
  if (result.ended !== FOLLOWERS || result.lines.least !== 1500 || result.lines.most !== 1500)
    throw new Error(JSON.stringify(result));
  add({
    measure: '1,000 SSE followers at 100 lines/s, p99',
    value: result.p99Ms,
    unit: 'ms',
    goal: 250,
    note: 'all had every line once',
  });
  add({ measure: '1,000 SSE followers: RSS of the server', value: rss / 1e6, unit: 'MB', goal: 300 });
}

async function disk({ server, folder }: Bench): Promise<void> {
  const { storage } = await server.json<{ storage: { raw_bytes: number; unindexed_bytes: number } }>(
    '/v1/operations',
  );
  await server.kill('SIGTERM');
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => /\.(db|db-wal|sqlite|sqlite-wal)$/.test(path))
    .reduce((sum, path) => sum + statSync(path).size, 0);
  add({
    measure: 'disk for a raw byte, log and index included',
    value: bytes / storage.raw_bytes,
    unit: '',
    goal: 0.4,
  });
  await server.start();
}

async function idle(): Promise<void> {
  await withFolder((folder) =>
    withServer(folder, async (server) => {
      // The first start of a checkout strips types and keeps the result; it is the later ones that are measured.
      await server.kill('SIGTERM');
      await server.start();
      await sleep(3000);
      const ticks = () => {
        const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        return Number(fields[11]) + Number(fields[12]);
      };
      const before = ticks();
      await sleep(20_000);
      add({
        measure: 'idle server: CPU',
        value: ((ticks() - before) / 100 / 20) * 100,
        unit: '%',
        goal: 0.5,
      });
      add({ measure: 'idle server: RSS', value: server.rssBytes() / 1e6, unit: 'MB', goal: 120 });
    }),
  );
}

function headers(server: ServerProcess): Record<string, string> {
  return { authorization: `Bearer ${server.token}`, accept: 'text/plain' };
}

const wanted = values.only?.split(',');
const on = (name: string) => wanted === undefined || wanted.includes(name);

if (on('idle')) await idle();
if (on('followers')) await withFolder((folder) => withServer(folder, fanOut));
await withFolder((folder) =>
  withServer(folder, async (server) => {
    const input = join(folder, 'input.txt');
    await writeLines(input, LINES);
    const bench: Bench = { server, folder, input, id: '' };
    if (wanted === undefined || wanted.some((name) => !['idle', 'followers'].includes(name)))
      await capture(bench);
    if (on('index')) await catchUp(bench);
    if (on('latency')) await latency(bench);
    if (on('replay')) await replay(bench);
    if (on('search')) {
      await indexed(server);
      await searching(bench, '1,000,000 lines', [25, 100], bench.id);
    }
    if (on('disk')) await disk(bench);
    if (values.large) {
      for (let part = 1; part < 10; part++) {
        await writeLines(input, LINES, part * LINES, part + 1);
        await server.ended(await server.run(`cat ${input}`), 120_000);
      }
      await indexed(server);
      await searching(bench, '10,000,000 lines', [60, 300]);
      if (on('disk')) await disk(bench);
    }
  }),
);

const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
console.log(`\n${machine}\n\n${table(rows)}`);
if (values.json)
  writeFileSync(values.json, `${JSON.stringify({ machine, at: new Date().toISOString(), rows }, null, 2)}\n`);
