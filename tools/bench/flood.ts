/**
 * `npm run soak:flood [-- --minutes N] [--limit 2GB]`: `yes` prints without pause for ten minutes while another command
 * prints fifty lines a second. Says how late the paced lines reach a follower without and beside the flood, and the
 * server's highest RSS. Ends with 1 when a paced line is missing, or the flood is not marked as cut.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { withFolder } from '../../test/support/folder.ts';
import { follow } from '../../test/support/follower.ts';
import { type ServerProcess, withServer } from '../../test/support/server.ts';
import { percentile } from './report.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, limit: { type: 'string', default: '2GB' } },
});
const LINES_PER_SECOND = 50;
const QUIET_SECONDS = 30;
/** As long as an execution may take by default. */
const TIMEOUT_SECONDS = 86_400;

/** Numbered lines with the time they were printed at; answers how late each came, in ms. */
async function paced(server: ServerProcess, seconds: number): Promise<number[]> {
  const count = seconds * LINES_PER_SECOND;
  const script = `import time\\nfor i in range(${count}):\\n  print(i, time.time(), flush=True)\\n  time.sleep(${1 / LINES_PER_SECOND})`;
  const id = await server.run(`python3 -c '${script.replaceAll('\\n', '\n')}'`, { timeout: TIMEOUT_SECONDS });
  const follower = follow(server, id);
  const lags: number[] = [];
  let expected = 0;
  const look = () => {
    const now = Date.now();
    for (const { text } of follower.chunks.splice(0)) {
      for (const line of text.split('\n').filter(Boolean)) {
        const [number, at] = line.split(' ').map(Number) as [number, number];
        if (number !== expected++) throw new Error(`line ${number} came where ${expected - 1} should have`);
        lags.push(now - at * 1000);
      }
    }
  };
  let running = true;
  void follower.ended.then(() => {
    running = false;
  });
  while (running) {
    look();
    await sleep(1);
  }
  look();
  if (expected !== count) throw new Error(`${expected} of ${count} paced lines came`);
  return lags;
}

const figures = (lags: number[]) =>
  `median ${percentile(lags, 0.5).toFixed(1)} ms, p99 ${percentile(lags, 0.99).toFixed(1)} ms, longest ${Math.max(...lags).toFixed(0)} ms of ${lags.length} lines`;

await withFolder((folder) =>
  withServer(
    folder,
    async (server) => {
      const alone = await paced(server, QUIET_SECONDS);
      console.log(`without the flood: ${figures(alone)}`);
      let rss = 0;
      const watching = setInterval(() => {
        rss = Math.max(rss, server.rssBytes());
      }, 200);
      const loud = await server.run('yes "a line that never ends to come"', { timeout: TIMEOUT_SECONDS });
      const beside = await paced(server, Number(values.minutes) * 60);
      clearInterval(watching);
      console.log(`beside the flood: ${figures(beside)}; RSS ${Math.round(rss / 1e6)} MB at most`);
      const { status, output } = await server.json<{
        status: string;
        output: { stdout: { bytes: number } };
      }>(`/v1/executions/${loud}`);
      if (status !== 'running') throw new Error(`the flood is ${status}`);
      await server.fetch(`/v1/executions/${loud}`, { method: 'DELETE' });
      const ended = await server.ended(loud, 120_000);
      const { hits } = await server.json<{ hits: { text: string }[] }>(
        `/v1/search?q=${encodeURIComponent('"omitted here"')}&execution=${loud}`,
      );
      if (hits.length !== 1)
        throw new Error(`${hits.length} marks of a cut, ${output.stdout.bytes} bytes kept`);
      console.log(`the flood: ${output.stdout.bytes} bytes kept, ${ended.status}; ${hits[0]?.text}`);
    },
    { args: ['--set', `worker.maxOutputBytes=${values.limit}`] },
  ),
);
