import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { withServer } from '../../support/server.ts';

const test = suite('linefeed server');

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

test.run();
