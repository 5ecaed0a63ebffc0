/**
 * The scale run: workers, projectors and API nodes, each a process of its own, over one real Kafka and Elasticsearch, take
 * many executions; afterwards every line is looked for in the log, in the index and at the followers.
 * `node tools/bench/scale.ts [--executions 1000] [--lines 2000000] [--workers 3] [--projectors 2] [--apis 2]`
 */
import { createHash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ExecutionEvent } from '../../events/event.ts';
import { kafkaEventLog } from '../../events/kafka/event-log.ts';
import { withFolder } from '../../test/support/folder.ts';
import { type Follower, follow } from '../../test/support/follower.ts';
import { type Nodes, withNodes } from '../../test/support/nodes.ts';
import type { ServerProcess } from '../../test/support/server.ts';
import { until, within } from '../../test/support/within.ts';
import { type Stack, startStack } from '../stack/stack.ts';

export interface ScaleOptions {
  executions: number;
  /** Of all executions together. */
  lines: number;
  workers: number;
  projectors: number;
  apis: number;
  /** Executions that are followed while they run, spread over the API nodes. */
  followed: number;
  /** Executions that run at once on one worker. */
  concurrency: number;
  say?: (text: string) => void;
}

export interface ScaleReport {
  /** What is not as it was printed, one sentence each; empty when nothing was lost. */
  wrong: string[];
  lines: number;
  /** Executions that each worker ran. */
  byWorker: Record<string, number>;
  /** From the first request until all had ended, and until the index had the last line. */
  ranS: number;
  projectedS: number;
  /** CPU seconds of the server processes of each role; their children are not counted. */
  cpuS: { api: number; worker: number; projector: number };
  indexBytes: number;
}

const REQUESTS_AT_ONCE = 8;
const PATIENCE_MS = 30 * 60_000;
const PARTITIONS = 4;
/** So that a line has about 100 bytes. */
const FILLER = 'status=200 path=/v1/orders took=17ms user=4711 retry=no build=1187 zone=north';

const lineOf = (execution: number, line: number) =>
  `${String(execution).padStart(6, '0')} ${String(line).padStart(9, '0')} ${FILLER}\n`;

function expectedOf(execution: number, lines: number): string {
  const hash = createHash('sha256');
  for (let line = 1; line <= lines; line++) hash.update(lineOf(execution, line));
  return hash.digest('hex');
}

const command = (execution: number, lines: number) =>
  `seq -f '${String(execution).padStart(6, '0')} %09.0f ${FILLER}' 1 ${lines}`;

/** CPU seconds that a process has used; the kernel counts in hundredths. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const names = (role: string, count: number) => Array.from({ length: count }, (_, n) => `${role}-${n + 1}`);

interface Seen {
  next: number;
  hash: Hash;
  last?: ExecutionEvent;
  gaps: number;
}

/** The whole log once, from its beginning to its end now: for each execution its positions and a hash of its stdout. */
async function readLog(brokers: string, prefix: string, ids: ReadonlySet<string>) {
  const log = await kafkaEventLog({
    brokers: [brokers],
    topicPrefix: prefix,
    partitions: PARTITIONS,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 7 * 86_400_000,
  });
  const seen = new Map<string, Seen>();
  const stop = new AbortController();
  try {
    const end = await log.end();
    for await (const { events, checkpoint } of await log.subscribe({
      from: 'beginning',
      signal: stop.signal,
    })) {
      for (const event of events) {
        if (!ids.has(event.executionId)) continue;
        const state: Seen = seen.get(event.executionId) ?? { next: 0, hash: createHash('sha256'), gaps: 0 };
        seen.set(event.executionId, state);
        if (event.position !== state.next) state.gaps++;
        state.next = event.position + 1;
        state.last = event;
        if (event.type === 'output.appended') state.hash.update(event.data);
      }
      if (log.covers(checkpoint, end)) break;
    }
  } finally {
    stop.abort();
    await log.close();
  }
  return seen;
}

export async function scaleRun(stack: Stack, options: ScaleOptions): Promise<ScaleReport> {
  const { executions, workers, projectors, apis, say = () => {} } = options;
  const each = Math.floor(options.lines / executions);
  // A machine that carries all of them may leave one without a turn for a while.
  const env = { LINEFEED_LEASE: '60s' };
  let report: ScaleReport | undefined;
  await withFolder(async (folder) => {
    const config = join(folder, 'worker.yaml');
    await writeFile(config, `worker:\n  concurrency: ${options.concurrency}\n`);
    const specs = [
      ...names('projector', projectors).map((name) => ({ name, roles: 'projector', env })),
      ...names('worker', workers).map((name) => ({
        name,
        roles: 'worker',
        env: { ...env, LINEFEED_CONFIG: config },
      })),
      ...names('api', apis).map((name) => ({ name, roles: 'api', env })),
    ];
    const all = specs.map(({ name }) => name);
    await withNodes(stack, specs, async (nodes) => {
      report = await measured(nodes, all);
    });
  });
  return report as ScaleReport;

  async function measured(nodes: Nodes, all: string[]): Promise<ScaleReport> {
    const wrong: string[] = [];
    const api = (n: number): ServerProcess => nodes.node(`api-${(n % apis) + 1}`);
    const cpu = (role: string) =>
      all
        .filter((name) => name.startsWith(role))
        .reduce((sum, name) => sum + cpuSeconds(nodes.node(name).pid), 0);
    const before = { api: cpu('api'), worker: cpu('worker'), projector: cpu('projector') };
    const began = performance.now();
    const ids: string[] = [];
    const followers = new Map<number, Follower>();
    const followEvery = Math.max(1, Math.floor(executions / Math.max(1, options.followed)));
    let next = 0;
    async function request(): Promise<void> {
      for (let n = next++; n < executions; n = next++) {
        const id = await api(n).run(command(n, each));
        ids[n] = id;
        if (n % followEvery === 0 && followers.size < options.followed)
          followers.set(n, follow(api(n + 1), id));
      }
    }
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, request));
    say(`${executions} executions requested after ${elapsed(began)} s`);
    const byWorker: Record<string, number> = {};
    for (const [n, id] of ids.entries()) {
      const done = await api(n).ended(id, PATIENCE_MS);
      if (done.status !== 'succeeded') wrong.push(`${id} ended as ${done.status}`);
      byWorker[String(done.worker)] = (byWorker[String(done.worker)] ?? 0) + 1;
      if (n % 100 === 99) say(`${n + 1} have ended after ${elapsed(began)} s`);
    }
    const ranS = elapsed(began);
    for (const [n, id] of ids.entries()) {
      const want = expectedOf(n, each);
      // The next node than the one that took it.
      const read = async () => {
        const response = await api(n + 1).fetch(`/v1/executions/${id}/stdout?follow=false`);
        const hash = createHash('sha256');
        for await (const data of response.body ?? []) hash.update(data);
        return hash.digest('hex') === want;
      };
      await until(60_000, read, `${id} in the index`).catch(() =>
        wrong.push(`${id} is not whole in the index`),
      );
    }
    const projectedS = elapsed(began);
    const after = { api: cpu('api'), worker: cpu('worker'), projector: cpu('projector') };
    for (const [n, follower] of followers) {
      await within(60_000, follower.ended, 'a follower').catch(() =>
        wrong.push(`follower of ${n} has no end`),
      );
      const got = createHash('sha256').update(follower.bytes('stdout')).digest('hex');
      if (got !== expectedOf(n, each))
        wrong.push(`the follower of ${ids[n]} has not every line once, in order`);
    }
    const log = await readLog(stack.kafka.address, nodes.prefix, new Set(ids));
    for (const [n, id] of ids.entries()) {
      const state = log.get(id);
      if (!state || state.gaps > 0) wrong.push(`${id} has gaps in the log`);
      else if (state.last?.type !== 'execution.completed') wrong.push(`${id} has no end in the log`);
      if (state?.hash.digest('hex') !== expectedOf(n, each)) wrong.push(`${id} is not whole in the log`);
    }
    const { storage } = await api(0).json<{ storage: { index_bytes: number } }>('/v1/operations');
    const used = (role: keyof typeof before) => after[role] - before[role];
    return {
      wrong,
      lines: each * executions,
      byWorker,
      ranS,
      projectedS,
      cpuS: { api: used('api'), worker: used('worker'), projector: used('projector') },
      indexBytes: storage.index_bytes,
    };
  }
}

const elapsed = (began: number) => Math.round((performance.now() - began) / 100) / 10;

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      executions: { type: 'string', default: '1000' },
      lines: { type: 'string', default: '2000000' },
      workers: { type: 'string', default: '3' },
      projectors: { type: 'string', default: '2' },
      apis: { type: 'string', default: '2' },
      followed: { type: 'string', default: '50' },
      concurrency: { type: 'string', default: '10' },
    },
  });
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const numbers = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  const stack = await startStack({ say });
  try {
    const report = await scaleRun(stack, { ...(numbers as unknown as ScaleOptions), say });
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.wrong.length === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}
