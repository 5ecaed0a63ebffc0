/** Issue 5, check 2: fifty hosts at once, and what becomes of the rest when some of them are bad. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withRemoteServer } from '../../../support/remote-server.ts';
import { makeKey } from '../../../support/sshd.ts';
import { within } from '../../../support/within.ts';

const HOSTS = 50;
const LINES = 10_000;

const test = suite('many hosts');

interface HostResult {
  return_code: number;
  succeeded: boolean;
  error?: string;
  signal?: string;
}

interface Outcome {
  error: string;
  result: Record<string, HostResult>;
}

/** Each host says its own address in each line, so that a wrong label would show. */
const COMMAND = `h=$(echo $SSH_CONNECTION | cut -d" " -f3); seq -f "$h %g" 1 ${LINES}`;
const wanted = (host: string): string =>
  Array.from({ length: LINES }, (_, index) => `${host} ${index + 1}\n`).join('');

test('all lines of 50 hosts come labelled and in order; a host that hangs, one that refuses and one with another key fail alone', async () => {
  const sockets = new Set<{ destroy(): void }>();
  const hanging = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.99', resolve));
  const hangs = `127.0.0.99:${(hanging.address() as { port: number }).port}`;
  try {
    await withRemoteServer(
      async ({ server, sshd }) => {
        const good = Array.from({ length: HOSTS }, (_, index) => `127.0.0.${index + 1}`);
        const stranger = readFileSync(`${makeKey(join(sshd.folder, 'other'))}.pub`, 'utf8')
          .split(' ')
          .slice(0, 2)
          .join(' ');
        writeFileSync(sshd.knownHosts, `[127.0.0.98]:${sshd.port} ${stranger}\n`, { flag: 'a' });
        const bad = [hangs, '127.0.0.97:1', '127.0.0.98'];
        const started = performance.now();
        const { id } = await server.post<{ id: string }>('/v1/executions', {
          action: 'core.remote',
          parameters: { hosts: [...good, ...bad].join(), port: sshd.port, cmd: COMMAND, timeout: 120 },
        });
        const response = await server.fetch(`/v1/executions/${id}/output?stream=stdout`, {
          headers: { accept: 'application/x-ndjson' },
        });
        const byHost = new Map<string, string[]>();
        const decoder = new TextDecoder();
        let rest = '';
        await within(
          120_000,
          (async () => {
            for await (const bytes of response.body ?? []) {
              const rows = (rest + decoder.decode(bytes, { stream: true })).split('\n');
              rest = rows.pop() as string;
              for (const row of rows) {
                const { host, text, end } = JSON.parse(row) as { host?: string; text: string; end?: unknown };
                if (end) continue;
                const lines = byHost.get(host ?? 'none') ?? [];
                lines.push(`${text}\n`);
                byHost.set(host ?? 'none', lines);
              }
            }
          })(),
          'following',
        );
        const seconds = (performance.now() - started) / 1000;
        const execution = await server.ended(id);
        console.log(`${HOSTS} hosts, ${HOSTS * LINES} lines: followed to the end in ${seconds.toFixed(1)} s`);
        assert.equal([...byHost.keys()].sort(), [...good].sort());
        for (const host of good) {
          assert.ok((byHost.get(host) as string[]).join('') === wanted(host), `${host}: followed`);
        }
        for (const host of [good[0], good[24], good[49]] as string[]) {
          const stored = await (await server.fetch(`/v1/executions/${id}/stdout?host=${host}`)).text();
          assert.ok(stored === wanted(host), `${host}: stored`);
        }
        const outcome = execution.result as unknown as Outcome;
        const results = outcome.result;
        assert.ok(good.every((host) => results[host]?.succeeded));
        assert.match(results[hangs]?.error as string, 'no answer on port');
        assert.match(results['127.0.0.97:1']?.error as string, 'connection refused');
        assert.match(results['127.0.0.98']?.error as string, 'the host key has CHANGED');
        assert.is(execution.status, 'failed');
        assert.match(outcome.error, /^3 of 53 hosts failed: /);
      },
      { hosts: HOSTS, ssh: { connectTimeout: '3s' } },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  }
});

test('a cancellation reaches every host', () =>
  withRemoteServer(
    async ({ server, sshd }) => {
      const good = Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 1}`);
      const { id } = await server.post<{ id: string }>('/v1/executions', {
        action: 'core.remote',
        parameters: { hosts: good.join(), port: sshd.port, cmd: 'echo up; exec sleep 299', timeout: 120 },
      });
      await within(
        30_000,
        (async () => {
          const response = await server.fetch(`/v1/executions/${id}/output`);
          let text = '';
          for await (const bytes of response.body ?? []) {
            text += new TextDecoder().decode(bytes);
            if (text.split('\n').length > good.length) break;
          }
        })(),
      );
      await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
      const execution = await server.ended(id);
      assert.is(execution.status, 'canceled');
      const results = (execution.result as unknown as Outcome).result;
      assert.ok(
        good.every((host) => results[host]?.signal === 'SIGTERM'),
        JSON.stringify(results),
      );
    },
    { hosts: 20 },
  ));

test.run();
