import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServiceError } from '../../lib/errors.ts';
import {
  checkRegularFile,
  openRegularSync,
  readRegularFile,
  readRegularFileSync,
  readRegularHead,
} from '../../lib/regular-file.ts';
import { withFolder } from '../support/folder.ts';
import { until, within } from '../support/within.ts';

const test = suite('Regular files');

const LIMIT_BYTES = 10_000;

/** Each way to read a file whole, with the limit. */
const READERS = {
  async: (path: string) => readRegularFile(path, LIMIT_BYTES),
  sync: async (path: string) => readRegularFileSync(path, LIMIT_BYTES),
};

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const error = await within(5_000, work(), 'the refusal').then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.instance(error, ServiceError);
  assert.is((error as ServiceError).code, 'unusable-file');
  return (error as ServiceError).message;
}

test('devices, FIFOs, sockets and folders are refused by their path, also behind a link', () =>
  withFolder(async (folder) => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const socket = join(folder, 'socket');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    const link = join(folder, 'link');
    symlinkSync('/dev/zero', link);
    const paths = { '/dev/zero': 'a device', [link]: 'a device', [fifo]: 'a FIFO', [socket]: 'a socket' };
    for (const [path, kind] of Object.entries({ ...paths, [folder]: 'a folder' })) {
      const message = `${path} is ${kind}; give the path of a regular file instead`;
      for (const read of Object.values(READERS)) assert.is(await refusal(() => read(path)), message);
      assert.is(await refusal(() => readRegularHead(path, 16)), message);
      assert.is(await refusal(() => checkRegularFile(path, LIMIT_BYTES)), message);
      assert.is(await refusal(async () => openRegularSync(path)), message);
    }
    server.close();
  }));

test('a file of the limit is read, one byte more is refused with the limit, a sparse gigabyte at once', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'file');
    for (const bytes of [0, 1, 4096, 4097, LIMIT_BYTES]) {
      const content = Buffer.alloc(bytes, 'content');
      writeFileSync(path, content);
      for (const read of Object.values(READERS)) assert.equal(await read(path), content);
      assert.equal(await readRegularHead(path, 100), content.subarray(0, 100));
    }
    for (const bytes of [LIMIT_BYTES + 1, 1_000_000_000]) {
      truncateSync(path, bytes);
      const message = `${path} is larger than 10000 bytes, the most that is read of it; make it smaller`;
      for (const read of Object.values(READERS)) assert.is(await refusal(() => read(path)), message);
      assert.is(await refusal(() => checkRegularFile(path, LIMIT_BYTES)), message);
    }
  }));

test('a file of /proc, which says that it is empty, is read whole or refused', async () => {
  const short = '/proc/sys/kernel/random/boot_id';
  for (const read of Object.values(READERS)) {
    assert.is((await read(short)).toString(), readFileSync(short, 'utf8'));
    assert.match(await refusal(() => read('/proc/kallsyms')), /is larger than 10000 bytes/);
  }
});

test('a file that grows while it is read is bounded', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'grows');
    writeFileSync(path, '');
    const writer = spawn('sh', ['-c', `ulimit -f 200000; exec yes > ${path}`]);
    try {
      await until(10_000, () => readFileSync(path).length > 0, 'the first bytes');
      for (const read of Object.values(READERS)) await refusal(() => read(path));
    } finally {
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    }
  }));

test('a file that is not there is the error of the system', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'none');
    for (const read of Object.values(READERS)) {
      const error = await read(path).catch((caught: NodeJS.ErrnoException) => caught);
      assert.is((error as NodeJS.ErrnoException).code, 'ENOENT');
    }
  }));

test.run();
