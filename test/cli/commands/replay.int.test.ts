import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../../support/cli.ts';
import { followed, objects, served } from '../../support/cli-server.ts';
import { within } from '../../support/within.ts';

const test = suite('linefeed replay and events');

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

test.run();
