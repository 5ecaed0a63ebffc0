import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { freePort, withServer } from '../../support/server.ts';

const test = suite('linefeed doctor and connection errors');

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

test.run();
