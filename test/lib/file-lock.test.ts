import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockFile } from '../../lib/file-lock.ts';
import { withFolder } from '../support/folder.ts';
import { until, within } from '../support/within.ts';

const test = suite('file lock');
const HOLDER = new URL('../fixtures/locks-a-file.ts', import.meta.url).pathname;

test('one holder at a time; released, the file can be locked again', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'lock');
    const lock = lockFile(path);
    assert.ok(lock);
    assert.is(lockFile(path), undefined);
    lock.release();
    lock.release();
    const next = lockFile(path);
    assert.ok(next);
    next.release();
  }));

test('a file in a folder that is absent is an error, not a lock that is held', () =>
  withFolder(async (folder) => {
    assert.throws(() => lockFile(join(folder, 'absent', 'lock')), /unable to open/);
  }));

test('another process is refused while the holder lives, and gets the file when the holder is a zombie', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'lock');
    // The shell starts the holder and then becomes a sleep that never waits for its child.
    const parent = spawn(
      'sh',
      ['-c', '"$0" "$1" "$2" & echo $!; exec sleep 600', process.execPath, HOLDER, path],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      let said = '';
      parent.stdout.on('data', (data: Buffer) => {
        said += data;
      });
      await until(20_000, () => said.includes('locked'), 'the holder');
      assert.is(lockFile(path), undefined);
      const pid = Number(/^\d+$/m.exec(said)?.[0]);
      process.kill(pid, 'SIGKILL');
      await until(20_000, () => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), 'the zombie');
      // Its other threads may still be ending.
      const lock = await until(20_000, () => lockFile(path), 'the lock');
      assert.match(readFileSync(`/proc/${pid}/stat`, 'utf8'), / Z /);
      lock.release();
    } finally {
      parent.kill('SIGKILL');
      await within(10_000, once(parent, 'close'));
    }
  }));

test.run();
