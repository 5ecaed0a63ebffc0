/**
 * Rows B1–B9 and issue checks 1 and 3: whatever a command writes comes back byte for byte, in bounded memory.
 *
 * @needs python compiler
 * @alone it measures memory and time
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { enginesName, runsOnStack } from '../support/engines.ts';
import { withFolder } from '../support/folder.ts';
import { follow } from '../support/follower.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite(`Bytes (${enginesName()})`);
/** The clients of Kafka and Elasticsearch have buffers of their own. */
const MAX_RSS_BYTES = runsOnStack() ? 500e6 : 300e6;

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname;

async function download(server: ServerProcess, path: string): Promise<Buffer> {
  return Buffer.from(await (await server.fetch(path)).arrayBuffer());
}

/** Runs the file's bytes through a command and compares what every way of reading gives. */
async function exact(
  server: ServerProcess,
  folder: string,
  name: string,
  bytes: Buffer,
  ending = '',
): Promise<void> {
  const file = join(folder, `${name}.bin`);
  writeFileSync(file, bytes);
  const id = await server.run(`cat ${file}${ending}`);
  const follower = follow(server, id);
  const execution = await server.ended(id, 60_000);
  await within(30_000, follower.ended, `${name}: the end of the follower`);
  assert.is(sha(await download(server, `/v1/executions/${id}/stdout`)), sha(bytes), `${name}: stored`);
  assert.is(sha(follower.bytes('stdout')), sha(bytes), `${name}: followed`);
  assert.is(execution.result?.totals.stdout.bytes, bytes.length, `${name}: total`);
}

const line = (text: string, count: number) => Buffer.from(`${text}\n`.repeat(count));

test('bytes of every kind are exact when stored and when followed', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const cases: Record<string, Buffer> = {
        'nothing at all': Buffer.alloc(0),
        'one byte': Buffer.from('x'),
        'no newline at the end': Buffer.from('one\ntwo'),
        'only newlines': Buffer.alloc(100_000, '\n'),
        'random binary': randomBytes(10_000_000),
        'invalid UTF-8, then 10 MB of text': Buffer.concat([
          Buffer.from([0xff, 0xfe, 0x0a, 0xc3, 0x0a]),
          line('text', 2_000_000),
        ]),
        'NUL bytes': Buffer.from('a\0b\n\0\0\nend\0'),
        'line separators, BOM and CRLF': Buffer.from(
          '\ufeffbom\r\n\u2028 and \u2029\n\u0085\r\nlone \r return\n',
        ),
        'surrogates as CESU-8': Buffer.from([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0x0a]),
        'a progress bar of carriage returns': Buffer.from(
          Array.from({ length: 100_000 }, (_, i) => `\r${i}%`).join(''),
        ),
        'long lines among short ones': Buffer.from(
          Array.from({ length: 8 }, (_, i) => `short\n${'x'.repeat(i * 150_000)}é😀\n`).join(''),
        ),
        'our own framing': Buffer.from(
          'event: end\ndata: {}\n\nid: 7\n{"end":{}}\n::set-output name=x::y\n%%%\n: ping\n',
        ),
        'characters across the chunk border': Buffer.from('😀'.repeat(100_000)),
      };
      for (const [name, bytes] of Object.entries(cases))
        await exact(server, folder, name.replaceAll(/\W+/g, '-'), bytes);
      assert.ok(server.rssBytes() < MAX_RSS_BYTES, `RSS is ${server.rssBytes() / 1e6} MB`);
    }),
  ));

test('a line of 100 MB without end is exact and takes no more memory than a short one', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      let rss = 0;
      const watching = setInterval(() => {
        rss = Math.max(rss, server.rssBytes());
      }, 50);
      try {
        const id = await server.run(`head -c 100000000 /dev/zero | tr '\\0' x`);
        const hash = createHash('sha256');
        let bytes = 0;
        const response = await server.fetch(`/v1/executions/${id}/stdout`);
        for await (const chunk of response.body as ReadableStream<Uint8Array>) {
          hash.update(chunk);
          bytes += chunk.length;
        }
        assert.is(bytes, 100_000_000);
        assert.is(hash.digest('hex'), sha(Buffer.alloc(100_000_000, 'x')));
        const execution = await server.ended(id);
        assert.is(execution.result?.totals.stdout.lines, 1);
      } finally {
        clearInterval(watching);
      }
      assert.ok(rss < MAX_RSS_BYTES, `RSS was ${rss / 1e6} MB`);
    }),
  ));

test('each stream has its own bytes when both are written', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const id = await server.run(
        'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo out $i; echo err $i >&2; done',
      );
      await server.ended(id);
      for (const [stream, word] of [
        ['stdout', 'out'],
        ['stderr', 'err'],
      ] as const) {
        const expected = Array.from({ length: 2000 }, (_, index) => `${word} ${index + 1}\n`).join('');
        assert.is((await download(server, `/v1/executions/${id}/${stream}`)).toString(), expected);
      }
      const both = (await download(server, `/v1/executions/${id}/output`)).toString().trim().split('\n');
      assert.is(both.length, 4000);
      assert.equal(both.filter((text) => text.startsWith('err')).length, 2000);
    }),
  ));

test('lines written in turns to both streams, each after the one before was seen, keep their order', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const seen = (name: string) => `until [ -e ${folder}/${name}$i ]; do sleep 0.02; done`;
      const id = await server.run(
        `for i in 1 2 3 4 5 6 7 8; do echo out $i; ${seen('out')}; echo err $i >&2; ${seen('err')}; done`,
      );
      const follower = follow(server, id);
      for (const i of [1, 2, 3, 4, 5, 6, 7, 8]) {
        for (const stream of ['out', 'err']) {
          const line = `${stream} ${i}\n`;
          await until(20_000, () => follower.bytes().toString().endsWith(line), line);
          writeFileSync(join(folder, `${stream}${i}`), '');
        }
      }
      await server.ended(id);
      const expected = Array.from({ length: 8 }, (_, index) => `out ${index + 1}\nerr ${index + 1}\n`).join(
        '',
      );
      assert.is((await download(server, `/v1/executions/${id}/output`)).toString(), expected);
    }),
  ));

test('a prompt and a progress bar are seen while the command waits', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const answer = join(folder, 'answer');
      const id = await server.run(
        `printf "Continue? "; until [ -e ${answer} ]; do sleep 0.05; done; for i in 1 2 3 4 5 6 7 8 9 10; do printf "\\r$i%%"; [ $i -ne 5 ] || until [ -e ${answer}.2 ]; do sleep 0.05; done; done; echo`,
      );
      const follower = follow(server, id);
      await until(20_000, () => follower.bytes().toString() === 'Continue? ', 'the prompt');
      writeFileSync(answer, '');
      await until(20_000, () => follower.bytes().toString().endsWith('\r5%'), 'the progress bar');
      writeFileSync(`${answer}.2`, '');
      await within(20_000, follower.ended);
      assert.is(
        follower.bytes().toString(),
        `Continue? ${Array.from({ length: 10 }, (_, i) => `\r${i + 1}%`).join('')}\n`,
      );
      assert.is(new Set(follower.chunks.map(({ seq }) => seq)).size, 1, 'it is one line');
    }),
  ));

test('the outputs of real tools are what the tools wrote, with their colours and progress bars', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const root = new URL('../..', import.meta.url).pathname;
      const { execPath } = process;
      const terminal = (cmd: string) => `TERM=xterm-256color script -qefc ${JSON.stringify(cmd)} /dev/null`;
      const tools: Record<string, string> = {
        'a package install with its progress bar': terminal(
          `cd ${folder} && mkdir -p install && cd install && npm init -y && npm install --prefer-offline --no-audit uvu zod`,
        ),
        'a compiler that says how it finds each file, and what is wrong': `${root}/node_modules/.bin/tsc --traceResolution -p ${root}; ${root}/node_modules/.bin/tsc --pretty -p ${fixture('project')}`,
        'a test runner with colours': terminal(`cd ${root} && ${execPath} test/actors/capture/mask.test.ts`),
        'an archiver that prints every name and a progress bar': terminal(
          `cd ${root} && tar --checkpoint=20 --checkpoint-action='ttyout=%u\\r' -cvf /dev/null node_modules`,
        ),
      };
      for (const [what, cmd] of Object.entries(tools)) {
        const copies = { stdout: join(folder, 'stdout.copy'), stderr: join(folder, 'stderr.copy') };
        const script = `{ ${cmd}\n} > >(tee ${copies.stdout}) 2> >(tee ${copies.stderr} >&2); wait`;
        const id = await server.run(`exec bash -c ${quoted(script)}`);
        await server.ended(id, 120_000);
        for (const stream of ['stdout', 'stderr'] as const) {
          const written = readFileSync(copies[stream]);
          assert.is(
            sha(await download(server, `/v1/executions/${id}/${stream}`)),
            sha(written),
            `${what}: ${stream}`,
          );
          if (stream === 'stdout') {
            const coloured = written.includes('\x1b[') || /\r[^\n]/.test(written.toString('latin1'));
            assert.ok(coloured, `${what}: ${written.length} bytes, nothing special`);
          }
        }
      }
    }),
  ));

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

test('a Python and a C program that print a line at a time without flushing are seen line by line', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const source = join(folder, 'slow.c');
      writeFileSync(source, readFileSync(fixture('slow.c')));
      const compiled = spawnSync('cc', ['-o', join(folder, 'slow'), source]);
      assert.is(compiled.status, 0, String(compiled.stderr));
      const python = `python3 -c 'import time\nfor i in range(4):\n  print(time.time())\n  time.sleep(1)'`;
      for (const cmd of [python, join(folder, 'slow')]) {
        const id = await server.run(cmd);
        const follower = follow(server, id);
        const lags: number[] = [];
        for (let count = 1; count <= 4; count++) {
          await until(20_000, () => follower.chunks.length >= count, `line ${count} of ${cmd}`);
          lags.push(Date.now() - Number(follower.chunks.at(-1)?.text) * 1000);
        }
        await within(20_000, follower.ended);
        // Half of them at least, for a busy machine may stop any for a while; kept back to its end, a program shows 3 s.
        assert.ok(lags.filter((lag) => lag < 1000).length >= 2, `${cmd}: lags of ${lags.map(Math.round)} ms`);
      }
    }),
  ));

test.run();
