/**
 * Rows F1, F2, F4–F7, F9, L1, L2 and issue checks 4 and 5, on a real server.
 *
 * @needs python
 * @alone it measures memory and time
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { constants, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { enginesName, runsOnStack } from '../support/engines.ts';
import { sized } from '../support/faults.ts';
import { withFolder } from '../support/folder.ts';
import { type Follower, follow } from '../support/follower.ts';
import { makeGate } from '../support/gate.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite(`Load (${enginesName()})`);

/**
 * How much of each row: less in `npm test`. On the stack every join and every event takes several round trips to two more
 * servers on the same machine, so there the faults lane runs less too; `LINEFEED_LOAD=full` runs all of it (docs/benchmarks.md).
 */
const full = {
  cuts: 100,
  ends: 15,
  stalledMs: 60_000,
  quietSeconds: 45,
  flood: { lines: 30, followers: 50 },
  leavers: 10_000,
  running: 300,
  waiting: 5000,
};
const less = {
  cuts: 30,
  ends: 3,
  stalledMs: 15_000,
  quietSeconds: 10,
  flood: { lines: 8, followers: 10 },
  leavers: 1000,
  running: 50,
  waiting: 300,
};
const size = process.env.LINEFEED_LOAD === 'full' ? full : runsOnStack() ? less : sized(less, full);
const MAX_RSS_BYTES = 300e6;
/** What clients that left may have left behind in memory: for 10,000 of them, 6 KB each. */
const MAX_LEFT_BYTES = 60e6;

const server = (body: (server: ServerProcess) => Promise<void>, settings: string[] = []) =>
  withFolder((folder) =>
    withServer(folder, body, { args: settings.flatMap((setting) => ['--set', setting]) }),
  );
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('');

async function exactAll(followers: Follower[], expected: string): Promise<void> {
  for (const [index, follower] of followers.entries()) {
    await within(20_000, follower.ended, `the end of follower ${index}`);
    assert.ok(
      follower.bytes('stdout').toString() === expected,
      `follower ${index} of ${followers.length} is not exact`,
    );
  }
}

test('followers that join at random moments of a flow at full speed are exact, and so are reconnecting ones', () =>
  server(async (server) => {
    const id = await server.run('seq 1 20000; sleep 0.4; seq 20001 40000; sleep 0.4; seq 40001 60000');
    const followers: Follower[] = [];
    for (let index = 0; index < 40; index++) {
      await sleep(Math.random() * 40);
      followers.push(follow(server, id));
    }
    await server.ended(id);
    followers.push(follow(server, id));
    await exactAll(followers, numbered(60_000));
  }));

test(`a follower that is cut ${size.cuts} times gets every line once`, () =>
  withFolder((folder) =>
    withServer(join(folder, 'data'), async (server) => {
      const enough = join(folder, 'enough');
      const id = await server.run(
        `i=0; until [ -e ${enough} ]; do i=$((i+1)); echo $i; [ $((i % 20)) != 0 ] || sleep 0.02; done`,
      );
      const follower = follow(server, id, { retryMs: 1 });
      for (let cut = 0; cut < size.cuts; cut++) {
        const before = follower.chunks.length;
        await until(20_000, () => follower.chunks.length > before, 'more lines');
        await sleep(Math.random() * 20);
        follower.cut();
      }
      writeFileSync(enough, '');
      const { output } = await server.ended(id);
      await exactAll([follower], numbered((output as { stdout: { lines: number } }).stdout.lines));
      assert.ok(follower.connections > size.cuts, `${follower.connections} connections`);
    }),
  ));

test('followers that join around the end of an execution are exact and end soon after it', () =>
  server(async (server) => {
    const lagsMs: number[] = [];
    for (let round = 0; round < size.ends; round++) {
      const id = await server.run('seq 1 200; sleep 0.15; echo 201');
      const followers: Follower[] = [];
      await sleep(60 + Math.random() * 80);
      for (let index = 0; index < 8; index++) {
        followers.push(follow(server, id));
        await sleep(20);
      }
      await server.ended(id);
      const since = performance.now();
      await within(20_000, Promise.all(followers.map(({ ended }) => ended)), 'the end of the followers');
      lagsMs.push(performance.now() - since);
      await exactAll(followers, numbered(201));
    }
    // The median, for a busy machine may stop any one of them for a while.
    const median = lagsMs.toSorted((a, b) => a - b)[size.ends >> 1] as number;
    assert.ok(median < 5000, `the followers end ${median} ms after the execution`);
  }));

test('a thousand followers, a hundred of which read nothing for long, all get every byte in bounded memory; a line after quiet comes at once', () =>
  server(async (server) => {
    const quiet = afterQuiet(server, size.quietSeconds);
    const seconds = 12;
    // What comes late is to come late while all follow, not because they are still joining.
    const begin = join(server.folder, 'all-follow');
    const script = `import os,time\nprint(time.time(), "x" * 300, flush=True)\nwhile not os.path.exists("${begin}"): time.sleep(0.05)\nfor i in range(${seconds * 50}):\n  print(time.time(), "x" * 300, flush=True)\n  time.sleep(0.02)`;
    const id = await server.run(`python3 -c '${script}'`);
    const lines = seconds * 50 + 1;
    let rss = 0;
    const watching = setInterval(() => {
      rss = Math.max(rss, server.rssBytes());
    }, 200);
    const live = promisify(execFile)(process.execPath, [
      new URL('../../tools/bench/followers.ts', import.meta.url).pathname,
      ...[String(server.port), server.token, id, '900', '150', begin],
    ]);
    const stalled = Array.from({ length: 100 }, () => stalledFollower(server, id, size.stalledMs));
    const result = JSON.parse((await live).stdout) as {
      ended: number;
      lines: { least: number; most: number };
      p99Ms: number;
    };
    const got = await within(120_000, Promise.all(stalled), 'the stalled followers');
    await quiet;
    clearInterval(watching);
    assert.is(result.ended, 900);
    assert.equal(result.lines, { least: lines, most: lines });
    assert.ok(result.p99Ms < 5000, `p99 of the live ones is ${result.p99Ms} ms`);
    const whole = await (await server.fetch(`/v1/executions/${id}/stdout`)).text();
    assert.match(whole, new RegExp(`^(\\d+\\.\\d+ x{300}\\n){${lines}}$`));
    const expected = { bytes: whole.length, sha: createHash('sha256').update(whole).digest('hex') };
    for (const each of got) assert.equal(each, expected);
    assert.ok(rss < MAX_RSS_BYTES, `RSS was ${Math.round(rss / 1e6)} MB`);
  }));

/** A line that is printed after a long silence reaches its follower as fast as any other. */
async function afterQuiet(server: ServerProcess, seconds: number): Promise<void> {
  const id = await server.run(
    `python3 -c 'import time; print(time.time()); time.sleep(${seconds}); print(time.time())'`,
  );
  const follower = follow(server, id);
  await until((seconds + 30) * 1000, () => follower.chunks.length === 2);
  const lag = Date.now() - Number(follower.chunks[1]?.text) * 1000;
  // What polls ever slower, as in twice the time each turn, would come half of the quiet late.
  assert.ok(lag < (seconds * 1000) / 2, `${lag} ms after ${seconds} s of quiet`);
  await within(20_000, follower.ended);
  assert.is(follower.connections, 1, 'the connection was kept through the quiet');
}

test('followers that stop reading in the middle of a flood cost no memory and are exact when they read on', () =>
  server(async (server) => {
    const id = await server.run(
      `i=0; while [ $i -lt ${size.flood.lines} ]; do i=$((i+1)); head -c 1000000 /dev/zero | tr '\\0' x; echo; sleep 0.1; done`,
    );
    const stalled = Array.from({ length: size.flood.followers }, () => stalledFollower(server, id, 5000));
    await server.ended(id);
    const rss = server.rssBytes();
    const expected = createHash('sha256');
    for (let line = 0; line < size.flood.lines; line++) expected.update(`${'x'.repeat(1_000_000)}\n`);
    const sha = expected.digest('hex');
    for (const got of await within(60_000, Promise.all(stalled), 'the stalled followers')) {
      assert.equal(got, { bytes: size.flood.lines * 1_000_001, sha });
    }
    // Each may hold one piece of a megabyte beside what the server needs; all of the output would be 1.5 GB.
    assert.ok(rss < MAX_RSS_BYTES + 100e6, `RSS was ${Math.round(rss / 1e6)} MB`);
  }));

/**
 * Follows as plain text on a bare socket and reads nothing for a while. Resolves with what came in all after the head;
 * to HTTP/1.0 it comes as it is, without chunks around it.
 */
async function stalledFollower(
  { port, token }: ServerProcess,
  id: string,
  ms: number,
): Promise<{ bytes: number; sha: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /v1/executions/${id}/stdout HTTP/1.0\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
  await sleep(ms);
  const sha = createHash('sha256');
  let bytes = 0;
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const data of socket) {
    let body = data as Buffer;
    if (head) {
      head = Buffer.concat([head, body]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      assert.match(head.toString('latin1', 0, end), /^HTTP\/1\.1 200 (?![\s\S]*transfer-encoding)/i);
      body = head.subarray(end + 4);
      head = undefined;
    }
    bytes += body.length;
    sha.update(body);
  }
  return { bytes, sha: sha.digest('hex') };
}

test(`clients that connect and leave, ${size.leavers} of them, leave nothing behind`, () =>
  server(async (server) => {
    const id = await server.run('echo hi; sleep 300');
    const come = async (clients: number) => {
      for (let round = 0; round < clients / 50; round++) {
        await Promise.all(Array.from({ length: 50 }, () => connectAndLeave(server, id)));
      }
    };
    // What the first ones make is there for all: code, pools, buffers.
    await come(500);
    await sleep(500);
    const [files, rss] = [await server.openFiles(), server.rssBytes()];
    await come(size.leavers);
    await until(60_000, async () => (await server.openFiles()) <= files + 3, 'the closing of the sockets');
    await until(60_000, () => server.rssBytes() < rss + MAX_LEFT_BYTES, `RSS to be at ${rss} again`);
    const { followers } = await server.json<{ followers: { followers: number; open_streams: number } }>(
      '/v1/operations',
    );
    assert.equal([followers.followers, followers.open_streams], [0, 0]);
  }));

/** Waits for the first output and drops the connection; on a bare socket, for a pool would keep some open. */
async function connectAndLeave({ port, token }: ServerProcess, id: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /v1/executions/${id}/output HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\naccept: text/event-stream\r\n\r\n`,
  );
  for await (const data of socket) if (String(data).includes('event: output')) break;
  socket.destroy();
}

test(`${size.running} executions run at once and ${size.waiting} more wait: all end, none is lost, the order is kept`, () =>
  withFolder(async (folder) => {
    const gate = join(folder, 'gate');
    execFileSync('mkfifo', [gate]);
    const args = ['--set', `worker.concurrency=${size.running}`];
    await withServer(join(folder, 'data'), (server) => queued(server, gate), { args });
  }));

/** The first executions wait for the gate, so that all the others have to wait for them. */
async function queued(server: ServerProcess, gate: string): Promise<void> {
  const { running, waiting } = size;
  const ids: string[] = [];
  for (let at = 0; at < running + waiting; at += 50) {
    const cmd = at < running ? `cat ${gate}; echo` : 'echo';
    const batch = Array.from({ length: 50 }, (_, index) => server.run(`${cmd} ${at + index}`));
    ids.push(...(await Promise.all(batch)));
  }
  const count = async (statuses: string) => {
    const listed = await server.fetch(`/v1/executions?limit=1&status=${statuses}`);
    return Number(listed.headers.get('x-total-count'));
  };
  await until(30_000, async () => (await count('running')) === running);
  await until(60_000, async () => (await count('requested')) === waiting, 'the others to wait');
  const opened = Date.now();
  await until(300_000, async () => {
    // Lets go whoever has come to the gate by now; without waiting when nobody has.
    const writer = await open(gate, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
    await writer?.close();
    return (await count('requested,scheduled,running')) === 0;
  });
  const times: { requested: number; scheduled: number }[] = [];
  for (const id of ids) {
    const execution = await server.json<{ status: string; log: { status: string; timestamp: string }[] }>(
      `/v1/executions/${id}`,
    );
    assert.is(execution.status, 'succeeded');
    const at = (status: string) =>
      Date.parse(execution.log.find((entry) => entry.status === status)?.timestamp ?? '');
    times.push({ requested: at('requested'), scheduled: at('scheduled') });
  }
  // Over Kafka the first ones start as their requests come by, partition by partition; the order is that of who waits.
  const ordered = runsOnStack() ? times.filter(({ scheduled }) => scheduled >= opened) : times;
  assert.ok(ordered.length >= waiting, `${ordered.length} waited`);
  ordered.sort((a, b) => a.requested - b.requested || a.scheduled - b.scheduled);
  let latest = 0;
  for (const { scheduled } of ordered) {
    // A millisecond of difference between clock readings of one turn says nothing about the order.
    assert.ok(scheduled >= latest - 5, 'one started before another that was asked for earlier');
    latest = Math.max(latest, scheduled);
  }
}

test('a command that prints without pause neither slows others down nor fills the disk', () =>
  server(
    async (server) => {
      const loud = await server.run('yes "a line that never ends to come"');
      await sleep(2000);
      const begin = makeGate(server.folder);
      const id = await server.run(
        `${begin.wait}; python3 -c 'import time\nfor i in range(100):\n  print(time.time(), flush=True)\n  time.sleep(0.02)'`,
      );
      const follower = follow(server, id);
      await until(30_000, () => follower.connections === 1, 'the follower to be there');
      begin.open();
      const lags: number[] = [];
      let seen = 0;
      const reading = setInterval(() => {
        for (; seen < follower.chunks.length; seen++)
          lags.push(Date.now() - Number(follower.chunks[seen]?.text.split('\n')[0]) * 1000);
      }, 5);
      await within(30_000, follower.ended);
      clearInterval(reading);
      const p95 = lags.toSorted((a, b) => a - b)[Math.floor(lags.length * 0.95)] ?? Number.NaN;
      assert.ok(p95 < 5000, `p95 of the other's lines is ${p95} ms`);
      await server.fetch(`/v1/executions/${loud}`, { method: 'DELETE' });
      await server.ended(loud);
      const tail = await (await server.fetch(`/v1/executions/${loud}/stdout?follow=false&tail=5`)).text();
      // What ends `yes` may cut its last write in the middle of a line.
      assert.match(tail, /^(a line that never ends to come\n){4}/);
      await until(
        60_000,
        async () => {
          const marked = await server.json<{ hits: unknown[] }>(
            `/v1/search?q=${encodeURIComponent('"omitted here"')}&execution=${loud}`,
          );
          return marked.hits.length === 1;
        },
        'the mark to be found',
      );
    },
    ['worker.maxOutputBytes=50MB'],
  ));

test.run();
