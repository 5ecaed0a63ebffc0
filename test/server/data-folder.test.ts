import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServiceError } from '../../lib/errors.ts';
import { takeDataFolder, workerName } from '../../server/data-folder.ts';
import { withFolder } from '../support/folder.ts';

const test = suite('data folder');

function errorOf(body: () => unknown): ServiceError {
  try {
    body();
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}

test('one server at a time; the message names the process that holds the folder', () =>
  withFolder(async (folder) => {
    const data = join(folder, 'new', 'data');
    const giveBack = takeDataFolder(data);
    const error = errorOf(() => takeDataFolder(data));
    assert.is(error.code, 'data-folder-in-use');
    assert.match(error.message, `Another server (pid ${process.pid}) uses the data folder ${data}`);
    giveBack();
    assert.not.ok(existsSync(join(data, 'server.pid')));
    takeDataFolder(data)();
  }));

test('what a killed server leaves behind holds nothing', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'server.lock'), '');
    writeFileSync(join(folder, 'server.pid'), `${process.pid}\n`);
    takeDataFolder(folder)();
  }));

test('a folder without a version gets the present one', () =>
  withFolder(async (folder) => {
    takeDataFolder(folder)();
    assert.is(readFileSync(join(folder, 'format'), 'utf8'), '1\n');
    takeDataFolder(folder)();
  }));

test('a folder of a newer version is refused with that reason, and is not held', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'format'), '2\n');
    for (let times = 0; times < 2; times++) {
      const error = errorOf(() => takeDataFolder(folder));
      assert.is(error.code, 'newer-data');
      assert.match(
        error.message,
        /was written by a newer version of Linefeed \(format 2; this version reads formats up to 1\)/,
      );
    }
    assert.is(readFileSync(join(folder, 'format'), 'utf8'), '2\n');
  }));

test('a version that is no number is refused', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'format'), 'x');
    assert.match(errorOf(() => takeDataFolder(folder)).message, 'does not hold a format version');
  }));

test('a folder that cannot be made is refused with the reason', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '');
    assert.match(
      errorOf(() => takeDataFolder(join(folder, 'file', 'data'))).message,
      /cannot be written: ENOTDIR/,
    );
  }));

test('a worker keeps the name that it was given first', () =>
  withFolder(async (folder) => {
    const name = workerName(folder, undefined);
    assert.is(workerName(folder, undefined), name);
    assert.is(workerName(folder, 'w1'), 'w1');
  }));

test.run();
