/**
 * `npm run soak [-- --minutes N]`: random commands, followers, cancels and kills of the server, for an hour by default.
 * For every execution the stored output and each follower's are compared with what the command must have printed.
 * The last third runs without kills: the memory of one server process must be flat in it. Ends with 1 at the first difference.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { withFolder } from '../../test/support/folder.ts';
import { type Follower, follow } from '../../test/support/follower.ts';
import { type ServerProcess, withServer } from '../../test/support/server.ts';
import { within } from '../../test/support/within.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } });
const soakMs = Number(values.minutes) * 60_000;
const until = Date.now() + soakMs;
const PARALLEL = 12;
/** Only what hangs takes longer, on however busy a machine. */
const PATIENCE_MS = 600_000;
/** Of the highest RSS in the calm third's first half, what that in its second half may be. */
const FLAT = 1.15;

const pick = (max: number) => Math.floor(Math.random() * max);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const counts = { executions: 0, canceled: 0, followers: 0, cuts: 0, kills: 0, bytes: 0 };
/** The server must not be asked for new work while it is down. */
let up = Promise.resolve();

/** Commands whose output is known: numbered lines at some pace. */
function command(): { cmd: string; expected: string } {
  const lines = [0, 1, 50, 2000, 30_000][pick(5)] as number;
  const every = Math.max(1, Math.floor(lines / (1 + pick(20))));
  const cmd = `awk 'BEGIN { for (i = 1; i <= ${lines}; i++) { print "line " i; if (i % ${every} == 0) { fflush(); system("sleep 0.${1 + pick(4)}") } } }'`;
  return { cmd, expected: Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join('') };
}

/** Asks again while the server is away. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    await up;
    try {
      return await ask();
    } catch (error) {
      if (tries > 200) throw error;
      await sleep(100);
    }
  }
}

async function one(server: ServerProcess): Promise<void> {
  const { cmd, expected } = command();
  const id = await patiently(() => server.run(cmd));
  counts.executions++;
  const followers: Follower[] = [];
  const cancel = pick(8) === 0;
  for (let index = pick(4); index > 0; index--) {
    await sleep(pick(300));
    followers.push(follow(server, id));
    counts.followers++;
  }
  if (cancel) {
    await sleep(pick(1000));
    await patiently(() => server.fetch(`/v1/executions/${id}`, { method: 'DELETE' }));
    counts.canceled++;
  }
  const cutting = setInterval(() => {
    followers[pick(followers.length)]?.cut();
    counts.cuts++;
  }, 700);
  const execution = await patiently(() => server.ended(id, PATIENCE_MS));
  // A follower that is cut faster than it can come back would never see the end.
  clearInterval(cutting);
  for (const follower of followers)
    await within(PATIENCE_MS, follower.ended, `${id}: the end of a follower`).catch((error) => {
      throw new Error(`${follower.state}; ${JSON.stringify(execution)}`, { cause: error });
    });
  const stored = Buffer.from(
    await patiently(async () => (await server.fetch(`/v1/executions/${id}/stdout`)).arrayBuffer()),
  );
  counts.bytes += stored.length;
  if (
    execution.status === 'succeeded'
      ? stored.toString() !== expected
      : !expected.startsWith(stored.toString())
  ) {
    throw new Error(
      `${id} (${execution.status}): ${stored.length} of ${expected.length} bytes are stored, or not the same`,
    );
  }
  if (execution.status === 'succeeded' || cancel) {
    for (const follower of followers) {
      if (sha(follower.bytes('stdout')) !== sha(stored)) throw new Error(`${id}: a follower is not exact`);
    }
  } else {
    throw new Error(`ended as ${execution.status}: ${JSON.stringify(execution)}`);
  }
}

const mb = (bytes: number) => Math.round(bytes / 1e6);
const report = (server: ServerProcess) =>
  console.log(`${new Date().toISOString()} ${JSON.stringify(counts)} rss ${mb(server.rssBytes())} MB`);

/** The highest RSS in each half of what is left of the time, in bytes. */
async function highestRss(server: ServerProcess): Promise<[number, number]> {
  const from = Date.now();
  const highest: [number, number] = [0, 0];
  for (let round = 0; Date.now() < until; round++) {
    await sleep(1000);
    const half = Date.now() < (from + until) / 2 ? 0 : 1;
    highest[half] = Math.max(highest[half], server.rssBytes());
    if (round % 30 === 0) report(server);
  }
  return highest;
}

await withFolder((folder) =>
  withServer(folder, async (server) => {
    const workers = Array.from({ length: PARALLEL }, async () => {
      while (Date.now() < until) await one(server);
    });
    const killing = (async () => {
      while (Date.now() < until - soakMs / 3) {
        await sleep(5000 + pick(20_000));
        up = (async () => {
          await server.kill(pick(2) === 0 ? 'SIGKILL' : 'SIGTERM');
          await sleep(pick(1500));
          await server.start();
        })();
        await up;
        counts.kills++;
        report(server);
      }
      return highestRss(server);
    })();
    const [[first, second]] = await Promise.all([killing, ...workers]);
    console.log(
      `all exact: ${JSON.stringify(counts)}; RSS without kills ${mb(first)} MB, then ${mb(second)} MB at most`,
    );
    if (second > first * FLAT) throw new Error('memory is not flat');
  }),
);
