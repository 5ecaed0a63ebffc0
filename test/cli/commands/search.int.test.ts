import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../../support/cli.ts';
import { followed, objects, searchable, served } from '../../support/cli-server.ts';
import { within } from '../../support/within.ts';

const test = suite('linefeed search');

test(
  'search finds, highlights nothing in a pipe, counts, follows, and exits 1 without a hit',
  served(async (server) => {
    const id = await server.run(`printf 'one\\nan error here\\nthree\\n'; echo 'error on stderr' >&2`);
    await server.ended(id);
    await searchable(server, 'error', 2);
    const hits = await cli(server, ['search', 'error', '--stream', 'stdout']);
    assert.equal([hits.code, hits.text], [0, `${id}:2: an error here\n`]);
    const context = await cli(server, ['search', '"error here"', '-C', '1', '-x', 'last']);
    assert.is(context.text, `${id}-1- one\n${id}:2: an error here\n${id}-3- three\n`);
    const none = await cli(server, ['search', 'error', '--stream', 'stdout', '-here']);
    assert.equal([none.code, none.text], [125, '']);
    const without = await cli(server, ['search', '--stream', 'stdout', '--', 'error', '-here']);
    assert.equal([without.code, without.text], [1, '']);
    assert.is((await cli(server, ['search', '-c', 'error'])).text, '2\n');
    assert.is((await cli(server, ['search', 'nowhere', '-c'])).code, 1);
    const [json] = objects((await cli(server, ['search', 'error', '-o', 'json', '-n', '1'])).text);
    assert.equal([json?.execution_id, json?.highlights], [id, [[3, 8]]]);

    const follow = startCli(server, ['search', 'comet', '--follow']);
    await followed(server, 1);
    const next = await server.run('echo a comet passes; echo nothing; sleep 0.1; echo the comet is gone');
    await follow.says(/the comet is gone/);
    follow.child.kill('SIGINT');
    const { text } = await within(20_000, follow.ended);
    assert.is(text, `${next}:1: a comet passes\n${next}:3: the comet is gone\n`);
  }),
);

test(
  'a followed search and followed events go on through kill -9 and restart of the server',
  served(async (server) => {
    const search = startCli(server, ['search', 'comet*', '--follow']);
    const events = startCli(server, ['events', '--type', 'output.appended', '-o', 'json']);
    await followed(server, 2);
    await server.run('for i in $(seq 1 25); do echo comet$i; sleep 0.2; done');
    await search.says(/comet5\n/);
    await server.kill('SIGKILL');
    await sleep(500);
    await server.start();
    await search.says(/comet25\n/, 30_000);
    await events.says(/comet25\\n/, 30_000);
    search.child.kill('SIGINT');
    events.child.kill('SIGINT');
    const expected = Array.from({ length: 25 }, (_, index) => `comet${index + 1}`);
    const hits = (await within(20_000, search.ended)).text.trimEnd().split('\n');
    assert.equal(
      hits.map((line) => line.split(': ')[1]),
      expected,
    );
    const seen = objects((await within(20_000, events.ended)).text);
    assert.is(seen.map(({ text }) => text).join(''), `${expected.join('\n')}\n`);
  }),
);

test(
  'search takes more hits than a page holds',
  served(async (server) => {
    const id = await server.run('seq 1 1000 | sed "s/^/needle /"');
    await server.ended(id);
    await searchable(server, 'needle', 1000);
    const all = await cli(server, ['search', 'needle', '-n', '0']);
    const expected = Array.from(
      { length: 1000 },
      (_, index) => `${id}:${index + 1}: needle ${index + 1}\n`,
    ).join('');
    assert.ok(all.text === expected);
    assert.is((await cli(server, ['search', 'needle', '-n', '350'])).text.split('\n').length, 351);
  }),
);

test.run();
