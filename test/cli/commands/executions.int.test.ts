import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { isLast, objects, served } from '../../support/cli-server.ts';

const test = suite('linefeed ls, show and cancel');

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

test.run();
