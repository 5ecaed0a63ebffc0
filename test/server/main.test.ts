import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../config/config.ts';
import { startServer } from '../../server/main.ts';
import { withFolder } from '../support/folder.ts';

const test = suite('composition of a server');

const start = (data: string, port: number) =>
  startServer(loadConfig({ LINEFEED_DATA: data }, { port }), pino({ level: 'silent' }));

test('a failed start and a closed server give the data folder back', () =>
  withFolder(async (folder) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const failed = await start(folder, port).catch((error: Error) => error);
    assert.instance(failed, Error);
    other.close();

    const server = await start(folder, 0);
    const second = await start(folder, 0).catch((error: Error) => error);
    assert.match((second as Error).message, 'Another server');
    assert.is((await fetch(`${server.url}/healthz`)).status, 200, 'the first one still serves');
    await server.close();
    await server.close();
    await (await start(folder, 0)).close();
  }));

test.run();
