/** Issue 5, check 1: one live-streaming suite over all five runners, through a real server and a real sshd. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { follow } from '../../support/follower.ts';
import { type RemoteServer, withRemoteServer } from '../../support/remote-server.ts';
import { until, within } from '../../support/within.ts';

const HOST = '127.0.0.1';
const LIVE_LINES = 5;
const TIMED_LINES = 50;

interface Work {
  /** For the shell runners, and the same for Python. */
  shell: string;
  python: string;
}

const LIVE: Work = {
  shell: `i=0; while [ $i -lt ${LIVE_LINES} ]; do i=$((i+1)); echo "line $i"; echo "err $i" >&2; until [ -e "$DIR/ack.$i" ]; do sleep 0.01; done; done
i=0; while [ $i -lt ${TIMED_LINES} ]; do i=$((i+1)); echo "t $(date +%s%N)"; sleep 0.02; done
cat "$DIR/bytes"; cat "$DIR/bytes" >&2; exit 7`,
  python: `import os, sys, time
d = os.environ["DIR"]
for i in range(1, ${LIVE_LINES + 1}):
    print("line %d" % i)
    print("err %d" % i, file=sys.stderr)
    while not os.path.exists("%s/ack.%d" % (d, i)):
        time.sleep(0.01)
for i in range(${TIMED_LINES}):
    print("t %d" % time.time_ns())
    time.sleep(0.02)
data = open(d + "/bytes", "rb").read()
sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
sys.stderr.buffer.write(data); sys.stderr.buffer.flush()
sys.exit(7)`,
};
const ENDLESS: Work = {
  shell: 'echo $$; sleep 300',
  python: 'import os, time\nprint(os.getpid())\ntime.sleep(300)',
};

interface Row {
  runner: string;
  remote: boolean;
  request(work: Work): { action: string; parameters: Record<string, unknown>; script?: string };
}

const ROWS: Row[] = [
  {
    runner: 'local-shell-cmd',
    remote: false,
    request: ({ shell }) => ({ action: 'core.local', parameters: { cmd: shell } }),
  },
  {
    runner: 'local-shell-script',
    remote: false,
    request: ({ shell }) => ({
      action: 'core.local_script',
      parameters: {},
      script: `#!/bin/sh\n${shell}\n`,
    }),
  },
  {
    runner: 'remote-shell-cmd',
    remote: true,
    request: ({ shell }) => ({ action: 'core.remote', parameters: { cmd: shell } }),
  },
  {
    runner: 'remote-shell-script',
    remote: true,
    request: ({ shell }) => ({
      action: 'core.remote_script',
      parameters: {},
      script: `#!/bin/sh\n${shell}\n`,
    }),
  },
  {
    runner: 'python-script',
    remote: false,
    request: ({ python }) => ({ action: 'core.python', parameters: {}, script: python }),
  },
];

async function start(
  { server, sshd }: RemoteServer,
  row: Row,
  work: Work,
  parameters: Record<string, unknown> = {},
): Promise<string> {
  const request = row.request(work);
  const where = row.remote ? { hosts: HOST, port: sshd.port } : {};
  const { id } = await server.post<{ id: string }>('/v1/executions', {
    ...request,
    parameters: { timeout: 120, ...where, ...request.parameters, ...parameters },
  });
  return id;
}

interface Seen {
  text: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Reads lines as they come, as `linefeed tail --json` does. */
async function watch({ server }: RemoteServer, id: string, onLine: (line: Seen) => void): Promise<void> {
  const response = await server.fetch(`/v1/executions/${id}/output`, {
    headers: { accept: 'application/x-ndjson' },
  });
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body ?? []) {
    const at = performance.timeOrigin + performance.now();
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) onLine({ text: (JSON.parse(line) as { text?: string }).text ?? '', at });
  }
}

const alive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

async function bytesOf({ server }: RemoteServer, path: string): Promise<Buffer> {
  return Buffer.from(await (await server.fetch(path)).arrayBuffer());
}

for (const row of ROWS) {
  const test = suite(row.runner);

  test('a follower sees each line while the command runs, byte for byte, and how it ended', () =>
    withRemoteServer(async (remote) => {
      const { server, folder } = remote;
      const bytes = Buffer.from(
        Array.from({ length: 300_000 }, (_, index) => (index * 13 + (index >> 7)) & 0xff),
      );
      writeFileSync(join(folder, 'bytes'), bytes);
      const id = await start(remote, row, LIVE, { env: { DIR: folder } });
      const latencies: number[] = [];
      await within(
        60_000,
        watch(remote, id, ({ text, at }) => {
          const [word, value] = text.split(' ');
          // The command waits for this file: had the line not been seen, it would never go on.
          if (word === 'line') writeFileSync(join(folder, `ack.${value}`), '');
          if (word === 't') latencies.push(at - Number(value) / 1e6);
        }),
        'following',
      );
      const execution = await server.ended(id);
      assert.is(execution.status, 'failed');
      assert.is(execution.result?.return_code, 7);
      const stdout = await bytesOf(remote, `/v1/executions/${id}/stdout`);
      const stderr = await bytesOf(remote, `/v1/executions/${id}/stderr`);
      const errors = Array.from({ length: LIVE_LINES }, (_, index) => `err ${index + 1}\n`).join('');
      assert.ok(stderr.equals(Buffer.concat([Buffer.from(errors), bytes])), 'stderr is exact');
      assert.ok(stdout.subarray(-bytes.length).equals(bytes), 'stdout is exact');
      assert.match(
        stdout.subarray(0, -bytes.length).toString(),
        new RegExp(`^(line \\d\n){${LIVE_LINES}}(t \\d+\n){${TIMED_LINES}}$`),
      );
      if (row.remote) {
        const ofHost = await bytesOf(remote, `/v1/executions/${id}/stderr?host=${HOST}`);
        assert.ok(ofHost.equals(stderr), 'labelled with its host');
      }
      assert.is(latencies.length, TIMED_LINES);
      latencies.sort((a, b) => a - b);
      const at = (share: number) =>
        (latencies[Math.floor(share * (latencies.length - 1))] as number).toFixed(1);
      console.log(
        `${row.runner}: printed to seen: median ${at(0.5)} ms, p90 ${at(0.9)} ms, slowest ${at(1)} ms`,
      );
    }));

  test('the time limit and a cancellation end the process, and keep what it had printed', () =>
    withRemoteServer(async (remote) => {
      const { server } = remote;
      const timed = await start(remote, row, ENDLESS, { timeout: 2 });
      const ended = await server.ended(timed);
      assert.is(ended.status, 'timeout');
      const pid = Number((await bytesOf(remote, `/v1/executions/${timed}/stdout`)).toString());
      assert.ok(pid > 1);
      await until(20_000, () => !alive(pid), 'the end of the process after the time limit');

      const id = await start(remote, row, ENDLESS);
      const follower = follow(server, id);
      const other = Number(
        await until(
          20_000,
          () => /^(\d+)\n/.exec(follower.bytes('stdout').toString())?.[1],
          'the first line',
        ),
      );
      assert.ok(alive(other));
      await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
      assert.is((await within(30_000, follower.ended)).status, 'canceled');
      assert.is((await server.ended(id)).status, 'canceled');
      await until(20_000, () => !alive(other), 'the end of the process after the cancellation');
    }));

  test('an execution survives a killed server with all its output, once', () =>
    withRemoteServer(async (remote) => {
      const { server } = remote;
      const work: Work = {
        shell: 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "n $i"; sleep 0.05; done',
        python: 'import time\nfor i in range(1, 61):\n    print("n %d" % i)\n    time.sleep(0.05)',
      };
      const id = await start(remote, row, work);
      const follower = follow(server, id);
      await until(20_000, () => follower.bytes().toString().includes('n 5\n'));
      await server.kill('SIGKILL');
      await server.start();
      assert.is((await within(60_000, follower.ended, 'the follower')).status, 'succeeded');
      const wanted = Array.from({ length: 60 }, (_, index) => `n ${index + 1}\n`).join('');
      assert.is(follower.bytes('stdout').toString(), wanted);
      assert.is((await bytesOf(remote, `/v1/executions/${id}/stdout`)).toString(), wanted);
    }));

  test.run();
}
