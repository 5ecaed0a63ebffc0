import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli, startOnTerminal } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { freePort, type ServerProcess, withServer } from '../../support/server.ts';
import { until, within } from '../../support/within.ts';

const test = suite('the other commands');

const served =
  (body: (server: ServerProcess, folder: string) => Promise<void>, options?: { args: string[] }) => () =>
    withFolder((folder) => withServer(join(folder, 'data'), (server) => body(server, folder), options ?? {}));

/** Resolves when the server sends to so many who follow something from now on. */
async function followed(server: ServerProcess, streams: number): Promise<void> {
  await until(20_000, async () => {
    const operations = await server.json<{ followers: { open_streams: number } }>('/v1/operations');
    return operations.followers.open_streams >= streams;
  });
  await sleep(200);
}

/** Resolves when the index has what is asked for: on a busy machine and over the network later than a request waits for it. */
async function indexed(server: ServerProcess, path: string, fits: (answer: never) => boolean): Promise<void> {
  await until(60_000, async () => {
    const answer = await server.fetch(path);
    return answer.ok && fits((await answer.json()) as never);
  });
}
const isLast = (server: ServerProcess, id: string) =>
  indexed(server, '/v1/executions/last', (last: { id: string }) => last.id === id);
const searchable = (server: ServerProcess, word: string, lines: number) =>
  indexed(
    server,
    `/v1/search?limit=1000&q=${word}`,
    ({ hits }: { hits: unknown[] }) => hits.length === lines,
  );

const objects = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test(
  'ls filters, pages and gives ids for xargs; show knows everything',
  served(async (server) => {
    const none = await cli(server, ['ls']);
    assert.equal([none.code, none.text], [0, '']);
    assert.match(none.stderr, 'linefeed run -- echo hello');
    const ids: string[] = [];
    for (let index = 0; index < 5; index++)
      ids.push(await server.run(`echo number ${index}; exit ${index % 2}`));
    for (const id of ids) await server.ended(id);
    const newestFirst = [...ids].reverse();
    assert.equal((await cli(server, ['ls', '-q'])).text.trimEnd().split('\n'), newestFirst);
    assert.equal(
      (await cli(server, ['ls', '-q', '-n', '2'])).text.trimEnd().split('\n'),
      newestFirst.slice(0, 2),
    );
    assert.equal((await cli(server, ['ls', '-q', '-s', 'failed'])).text.trimEnd().split('\n'), [
      ids[3],
      ids[1],
    ]);
    assert.equal((await cli(server, ['ls', '-q', 'number 4'])).text.trimEnd(), ids[4]);
    assert.is(
      (await cli(server, ['ls', '-q', '--since', new Date(Date.now() + 60_000).toISOString()])).text,
      '',
    );
    const table = (await cli(server, ['ls'])).text.trimEnd().split('\n');
    assert.match(table[0] as string, /^ID +STATUS +RESULT +STARTED +TIME +LINES +COMMAND$/);
    assert.match(table[2] as string, `${ids[3]}  failed     exit 1`);
    assert.equal(
      objects((await cli(server, ['ls', '-o', 'json'])).text).map(({ id }) => id),
      newestFirst,
    );
    const wrong = await cli(server, ['ls', '-s', 'broken']);
    assert.is(wrong.code, 125);
    assert.match(wrong.stderr, 'Statuses: requested');
    const shown = await cli(server, ['show', 'last']);
    for (const fact of [ids[4], 'exit 0', 'echo number 4; exit 0', '1 line, 9 B', `/executions/${ids[4]}`]) {
      assert.match(shown.text, fact as string);
    }
    assert.is(
      (JSON.parse((await cli(server, ['show', 'last', '-o', 'json'])).text) as { id: string }).id,
      ids[4],
    );
  }),
);

test(
  'cancel ends executions and says when there is nothing to end',
  served(async (server) => {
    const id = await server.run('sleep 60');
    await isLast(server, id);
    const done = await cli(server, ['cancel', '--wait', 'last']);
    assert.equal([done.code, done.text], [0, `canceled ${id}\n`]);
    assert.is((await server.ended(id)).status, 'canceled');
  }),
);

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

test(
  'replay keeps the original pauses, or shortens them',
  served(async (server) => {
    const id = await server.run('echo a; sleep 1.5; echo b >&2; echo c');
    await server.ended(id);
    const took = async (...args: string[]) => {
      const start = performance.now();
      const run = await cli(server, ['replay', 'last', ...args]);
      assert.equal([run.code, run.text, run.stderr], [0, 'a\nc\n', 'b\n']);
      return performance.now() - start;
    };
    const original = await took();
    assert.ok(original >= 1_500);
    assert.ok((await took('--speed', 'max')) < original);
    assert.is((await cli(server, ['replay', 'last', '--speed', '0'])).code, 125);
  }),
);

test(
  'events shows the log of one execution, and of all as they happen',
  served(async (server) => {
    const all = startCli(server, ['events', '-o', 'json', '--type', 'execution.completed']);
    await followed(server, 1);
    const id = await server.run('echo x; sleep 0.3; exit 2');
    await all.says(/execution\.completed/);
    all.child.kill('SIGTERM');
    const [seen] = objects((await within(20_000, all.ended)).text);
    assert.equal([seen?.execution_id, seen?.type, seen?.exit_code], [id, 'execution.completed', 2]);
    const own = objects((await cli(server, ['events', id, '-o', 'json'])).text);
    assert.equal(
      own.map(({ type }) => type),
      ['requested', 'scheduled', 'started']
        .map((name) => `execution.${name}`)
        .concat('output.appended', 'execution.completed'),
    );
    assert.equal(
      own.map(({ position }) => position),
      [0, 1, 2, 3, 4],
    );
    assert.match((await cli(server, ['events', id])).text, /execution\.completed failed · exit 2/);
    const follow = startCli(server, ['events', await server.run('sleep 0.5'), '--follow']);
    assert.match((await within(20_000, follow.ended)).text, /execution\.completed succeeded/);
  }),
);

test(
  'rebuild makes the index again, purge says what it freed',
  served(
    async (server) => {
      const id = await server.run('seq 1 20000');
      await server.ended(id);
      const rebuilt = await cli(server, ['rebuild']);
      assert.equal([rebuilt.code, rebuilt.stderr], [0, '']);
      assert.match(rebuilt.text, /^rebuilt the index from [\d,]+ events? in [\d.]+s\n$/);
      assert.is((await cli(server, ['tail', '-q', id])).text.split('\n').length, 20_001);
      const bar = await startOnTerminal(server, 'linefeed rebuild').ended;
      assert.match(bar.text, /100% [\d,]+\/[\d,]+ events · [\d,]+\/s/);
      const plan = await cli(server, ['retention']);
      assert.match(
        plan.text,
        /^Output expires 1\.0s after .*, all other data never expires\. Linefeed deletes expired data every /,
      );
      const rows = plan.text.split('\n');
      assert.ok(
        rows.some((row) => /^output +\d{4}-\d\d-\d\d .* [\d.]+ [kM]B +in /.test(row)),
        plan.text,
      );
      assert.ok(
        rows.some((row) => /^executions .* 1 execution .* never/.test(row)),
        plan.text,
      );
      const { spans } = JSON.parse((await cli(server, ['retention', '-o', 'json'])).text);
      assert.equal(
        spans.map(({ kind, goes_at }: { kind: string; goes_at: string | null }) => [kind, goes_at !== null]),
        [
          ['output', true],
          ['executions', false],
        ],
      );
      await sleep(1_200);
      const dry = await cli(server, ['purge', '--dry-run']);
      assert.match(dry.text, /^Would delete the output of 1 execution: [\d.]+ [kM]?B\n$/);
      assert.is((await cli(server, ['tail', '-q', id])).text.split('\n').length, 20_001);
      assert.match(
        (await cli(server, ['purge'])).text,
        /^Deleted the output of 1 execution: [\d.]+ [kM]?B freed\n$/,
      );
      assert.is((await cli(server, ['purge'])).text, 'Nothing to purge.\n');
      const tail = await cli(server, ['tail', id]);
      assert.is(tail.text, '');
      assert.match(tail.stderr, /retention/);
    },
    { args: ['--set', 'retention.outputTtl=1s'] },
  ),
);

test(
  'keys are made with scopes, used, listed and revoked',
  served(async (server) => {
    const made = await cli(server, ['keys', 'create', 'dashboard', '--scope', 'read']);
    assert.is(made.code, 0);
    const key = made.text.trim();
    const reader = { url: server.url, token: key };
    assert.is((await cli(reader, ['ls'])).code, 0);
    const refused = await cli(reader, ['run', '--', 'echo', 'no']);
    assert.is(refused.code, 125);
    assert.match(refused.stderr, /linefeed keys create/);
    const [listed] = objects((await cli(server, ['keys', 'ls', '-o', 'json'])).text);
    assert.equal([listed?.name, listed?.scopes, listed?.key], ['dashboard', ['read'], undefined]);
    assert.not.match((await cli(server, ['keys', 'ls'])).text, key);
    assert.is((await cli(server, ['keys', 'revoke', String(listed?.id)])).code, 0);
    const after = await cli(reader, ['ls']);
    assert.is(after.code, 125);
    assert.match(after.stderr, /does not accept the token from LINEFEED_TOKEN/);
    assert.is((await cli(server, ['keys', 'create', 'x', '--scope', 'root'])).code, 125);
  }),
);

test(
  'actions lists the catalogue, and parameters get their types from it',
  served(async (server) => {
    assert.match((await cli(server, ['actions'])).text, /^core\.local +local-shell-cmd/m);
    assert.match((await cli(server, ['actions', 'core.local'])).text, /^cmd +string +\(required\)/m);
    const run = await cli(server, [
      'run',
      '--action',
      'core.local',
      '-p',
      'cmd=echo $A',
      '-p',
      'env=A=5',
      '-p',
      'timeout=7',
    ]);
    assert.equal([run.code, run.text], [0, '5\n']);
    const { parameters } = JSON.parse((await cli(server, ['show', 'last', '-o', 'json'])).text) as {
      parameters: Record<string, unknown>;
    };
    assert.equal([parameters.timeout, parameters.env], [7, { A: '5' }]);
    for (const words of [['cmd=echo hi'], ['echo', 'hi'], ['cmd=echo $W', 'env=W=hi']]) {
      const habit = await cli(server, ['run', 'core.local', ...words]);
      assert.equal([habit.code, habit.text], [0, 'hi\n'], words.join(' '));
    }
    const literal = await cli(server, ['run', '--', 'core.local', 'x']);
    assert.is(literal.code, 127);
    assert.match((await cli(server, ['run', 'core.noop', 'stray'])).stderr, /not a parameter of core.noop/);
    const unknown = await cli(server, ['run', '--action', 'core.nothing']);
    assert.is(unknown.code, 125);
    assert.match(unknown.stderr, 'core.nothing');
  }),
);

test(
  'completion comes from the tree of commands, and ids and actions from the server',
  served(async (server, folder) => {
    const id = await server.run('echo one');
    const complete = async (...words: string[]) => (await cli(server, ['__complete', '--', ...words])).text;
    assert.match(await complete('ta'), /^tail\t/);
    assert.match(await complete(''), /^run\t[\s\S]*^doctor\t/m);
    assert.not.match(await complete(''), '__complete');
    assert.is(await complete('tail', '--stream', ''), 'stdout\nstderr\n');
    assert.is(await complete('tail', '--stream=std'), '--stream=stdout\n--stream=stderr\n');
    assert.match(await complete('tail', '--time'), /^--timestamps\t/);
    assert.match(await complete('keys', 'c'), /^create\t/);
    assert.match(await complete('tail', ''), new RegExp(`^last\t.*\n${id}\t.*echo one`));
    assert.match(await complete('tail', id.slice(0, 14)), id);
    assert.match(await complete('search', '-x', ''), id);
    assert.match(await complete('run', '--action', 'core.lo'), /^core\.local\t/m);
    assert.is(await complete('run', '--script', ''), ':files\n');
    assert.is(await complete('completion', 'z'), 'zsh\n');

    const { text: script } = await cli(server, ['completion', 'bash']);
    await writeFile(join(folder, 'completion.bash'), script);
    const launcher = new URL('../../../bin/linefeed.js', import.meta.url).pathname;
    await writeFile(join(folder, 'linefeed'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
    await chmod(join(folder, 'linefeed'), 0o755);
    const asked = `source ${folder}/completion.bash; COMP_WORDS=(${folder}/linefeed tail --str); COMP_CWORD=2; _linefeed; echo "<\${COMPREPLY[*]}>"; COMP_WORDS=(${folder}/linefeed show ''); COMP_CWORD=2; _linefeed; echo "<\${COMPREPLY[1]}>"`;
    const shell = await startOnTerminal(server, asked).ended;
    assert.match(shell.text, '<--stream>');
    assert.match(shell.text, `<${id}>`);
    for (const name of ['zsh', 'fish'])
      assert.match((await cli(server, ['completion', name])).text, '__complete --');
  }),
);

test('without a server, or with a wrong token or address, it says what to do', () =>
  withFolder(async (folder) => {
    const port = await freePort();
    const nobody = { url: `http://127.0.0.1:${port}`, token: 'x' };
    for (const args of [['ls'], ['run', '--', 'true'], ['tail', 'last'], ['search', 'x']]) {
      const { code, stderr, text } = await cli(nobody, args);
      assert.equal([code, text], [125, ''], args.join(' '));
      assert.match(
        stderr,
        /^linefeed: no Linefeed server at http.* nothing listens at this address\nStart one with `npm start`/,
      );
    }
    const other = createServer((_request, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('no'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port: otherPort } = other.address() as { port: number };
    const foreign = await cli({ url: `http://127.0.0.1:${otherPort}`, token: 'x' }, ['ls']);
    other.close();
    assert.is(foreign.code, 125);
    assert.match(foreign.stderr, 'not a Linefeed server');
    await withServer(join(folder, 'data'), async (server) => {
      const wrong = await cli({ url: server.url, token: 'wrong' }, ['ls']);
      assert.is(wrong.code, 125);
      assert.match(wrong.stderr, /does not accept the token from LINEFEED_TOKEN/);
      const local = {
        LINEFEED_URL: undefined,
        LINEFEED_TOKEN: undefined,
        LINEFEED_PORT: String(server.port),
      };
      const none = await cli(undefined, ['ls'], { env: { ...local, LINEFEED_DATA: join(folder, 'other') } });
      assert.match(none.stderr, join(folder, 'other', 'token'));
      const found = await cli(undefined, ['ls'], { env: { ...local, LINEFEED_DATA: join(folder, 'data') } });
      assert.is(found.code, 0);
      const flags = ['ls', '--url', server.url, '--token', server.token];
      assert.is((await cli({ url: 'http://127.0.0.1:9', token: 'x' }, flags)).code, 0);
      const yaml = `port: ${server.port}\ndata: ${join(folder, 'data')}\n`;
      await writeFile(join(folder, 'linefeed.yaml'), yaml);
      const configured = await cli(undefined, ['ls', '--config', join(folder, 'linefeed.yaml')], {
        env: {
          LINEFEED_URL: undefined,
          LINEFEED_TOKEN: undefined,
          LINEFEED_DATA: undefined,
          LINEFEED_PORT: undefined,
        },
      });
      assert.equal(
        [configured.code, configured.stderr.split('\n')[0]],
        [0, none.code === 125 ? 'No executions yet. Start one: linefeed run -- echo hello' : ''],
      );
      const healthy = await cli(server, ['doctor', '--data', join(folder, 'data')]);
      assert.is(healthy.code, 0, healthy.text);
      await chmod(join(folder, 'data', 'token'), 0o644);
      const careless = await cli(server, ['doctor', '--data', join(folder, 'data')]);
      assert.is(careless.code, 1);
      assert.match(careless.text, /FAIL +token file[\s\S]*chmod 600/);
    });
    const doctor = await cli(nobody, ['doctor']);
    assert.is(doctor.code, 1);
    assert.match(doctor.text, /FAIL +server[\s\S]*npm start/);
  }));

test('the server says why it cannot start', () =>
  withFolder((folder) =>
    withServer(join(folder, 'data'), async (server) => {
      const taken = await cli(undefined, [
        'server',
        '--port',
        String(server.port),
        '--data',
        join(folder, 'b'),
      ]);
      assert.is(taken.code, 125);
      assert.match(taken.stderr, new RegExp(`${server.port}.*in use`));
      const same = await cli(undefined, ['server', '--port', '0', '--data', join(folder, 'data')]);
      assert.is(same.code, 125);
      const open = await cli(undefined, [
        'server',
        '--host',
        '0.0.0.0',
        '--port',
        '0',
        '--data',
        join(folder, 'c'),
      ]);
      assert.is(open.code, 125);
      assert.match(open.stderr, /insecure/);
      const bad = await cli(undefined, [
        'server',
        '--port',
        '0',
        '--set',
        'worker.grace=soon',
        '--data',
        join(folder, 'd'),
      ]);
      assert.is(bad.code, 125);
      assert.match(bad.stderr, /worker\.grace.*not a duration.*command line/);
    }),
  ));

test('config print names the source of each setting', () =>
  withFolder(async (folder) => {
    await writeFile(
      join(folder, 'linefeed.yaml'),
      'garbagecollector:\n  action_executions_ttl: 30\nelasticsearch:\n  password: secret\n',
    );
    const env = { LINEFEED_PORT: '9555', LINEFEED_DATA: join(folder, 'data') };
    const named = ['config', 'print', '--config', 'linefeed.yaml'];
    const { text } = await cli(undefined, [...named, '-o', 'json'], { cwd: folder, env });
    const rows = new Map(objects(text).map(({ path, value, source }) => [path, [value, source]]));
    assert.equal(rows.get('port'), [9555, 'LINEFEED_PORT']);
    assert.equal(rows.get('retention.executionsTtl'), [2_592_000_000, join(folder, 'linefeed.yaml')]);
    assert.equal(rows.get('worker.concurrency'), [300, 'default']);
    assert.equal(rows.get('elasticsearch.password')?.[0], '********');
    assert.not.match((await cli(undefined, named, { cwd: folder, env })).text, 'secret');
  }));

test('help teaches: every command has a description and an example, and wrong usage a hint', async () => {
  const help = await cli(undefined, ['--help']);
  assert.is(help.code, 0);
  const names = [...help.text.matchAll(/^ {2}(\w+)(?:\|\w+)? /gm)].map(([, name]) => name as string);
  assert.ok(names.length >= 16, names.join(' '));
  for (const name of names.filter((one) => !['doctor', 'help', 'keys', 'config'].includes(one))) {
    const { code, text } = await cli(undefined, [name, '--help']);
    assert.is(code, 0, name);
    assert.match(text, /Examples:\n {2}\$ /, name);
  }
  const typo = await cli(undefined, ['tial', 'last']);
  assert.equal([typo.code, typo.text], [125, '']);
  assert.match(typo.stderr, 'Did you mean tail?');
  const version = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.is((await cli(undefined, ['-V'])).text.trim(), version.version);
});

test.run();
