import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandEnvironment, pathForCommands } from '../../../actors/execution/command-environment.ts';

const test = suite('environment of commands');

test('PATH is that of the person, without what npm and the bundled Node put there', () => {
  const rows: [path: string, node: string, expected: string][] = [
    [
      '/srv/lf/node_modules/.bin:/srv/node_modules/.bin:/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/home/me/bin:/usr/bin',
      '/usr/bin/node',
      '/home/me/bin:/usr/bin',
    ],
    ['/srv/lf/node_modules/node/bin:/usr/bin:/bin', '/srv/lf/node_modules/node/bin/node', '/usr/bin:/bin'],
    ['/srv/lf/node_modules/node/bin/:/usr/bin', '/srv/lf/node_modules/node/bin/node', '/usr/bin'],
    ['/opt/node/bin:/usr/bin', '/opt/node/bin/node', '/opt/node/bin:/usr/bin'],
    ['/opt/node-gyp-bin:/home/me/.bin:/usr/bin', '/usr/bin/node', '/opt/node-gyp-bin:/home/me/.bin:/usr/bin'],
  ];
  for (const [path, node, expected] of rows) assert.is(pathForCommands(path, node), expected);
});

test('TERM is dumb unless it is configured', () => {
  const own = { TERM: 'xterm', PATH: '/usr/bin', SECRET: 's' };
  assert.equal(commandEnvironment({ passEnv: ['PATH'], env: {} }, own), {
    TERM: 'dumb',
    PATH: '/usr/bin',
    PYTHONUNBUFFERED: '1',
  });
  assert.is(commandEnvironment({ passEnv: ['TERM'], env: {} }, own).TERM, 'xterm');
  assert.is(commandEnvironment({ passEnv: ['TERM'], env: { TERM: 'vt100' } }, own).TERM, 'vt100');
});

test.run();
