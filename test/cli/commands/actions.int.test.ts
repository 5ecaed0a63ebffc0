import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { served } from '../../support/cli-server.ts';

const test = suite('linefeed actions');

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

test.run();
