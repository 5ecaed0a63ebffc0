import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSpool, type Spool } from '../../../actors/capture/spool.ts';
import { createAttempts } from '../../../actors/execution/attempts.ts';
import { withFolder } from '../../support/folder.ts';
import { within } from '../../support/within.ts';

const test = suite('Attempts');

/** A spool folder of an execution during whose preparation the server died so many times. */
function spoolOf(folder: string, id: string, deaths = 0): Spool {
  const spool = openSpool(folder, id);
  spool.create();
  spool.saveAttempts(deaths);
  return spool;
}

/** A preparation that lasts until the test ends it, and notes when it begins. */
function preparation(begun: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const prepare = () => {
    begun.push(name);
    return promise;
  };
  return { prepare, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the count is in the spool during the preparation, and reset when that has ended or failed', () =>
  withFolder(async (folder) => {
    const attempts = createAttempts();
    for (const how of ['end', 'fail'] as const) {
      const spool = spoolOf(folder, how);
      const work = preparation([], how);
      const done = attempts.run(spool, work.prepare).catch((error: Error) => error.message);
      await settled();
      assert.is(openSpool(folder, how).attempts(), 1);
      work[how]();
      assert.is(await done, how);
      assert.is(spool.attempts(), 0);
    }
  }));

test('a suspect waits until it is alone, others wait for it, and a second death has one suspect', () =>
  withFolder(async (folder) => {
    const attempts = createAttempts();
    const begun: string[] = [];
    const names = ['fresh', 'suspect 1', 'suspect 2', 'late'];
    const works = names.map((name) => preparation(begun, name));
    const spools = names.map((name) => spoolOf(folder, name, name.startsWith('suspect') ? 1 : 0));
    const runs = works.map(({ prepare }, index) => attempts.run(spools[index] as Spool, prepare));
    const marks = [
      [1, 1, 1, 0],
      [0, 2, 1, 0],
      [0, 0, 2, 0],
      [0, 0, 0, 1],
    ];
    for (const [index, work] of works.entries()) {
      await settled();
      assert.equal(begun, names.slice(0, index + 1));
      assert.equal(
        spools.map((spool) => spool.attempts()),
        marks[index],
      );
      work.end();
      await runs[index];
    }
  }));

test('after the second death it fails without being prepared', () =>
  withFolder(async (folder) => {
    const begun: string[] = [];
    const error = await createAttempts()
      .run(spoolOf(folder, 'guilty', 2), preparation(begun, 'guilty').prepare)
      .catch((caught: Error) => caught);
    assert.match((error as Error).message, /died twice while it prepared this execution/);
    assert.equal(begun, []);
  }));

test('a preparation that hangs delays the others for a bounded time', () =>
  withFolder(async (folder) => {
    const attempts = createAttempts(50);
    const begun: string[] = [];
    const names = ['hangs', 'suspect hangs', 'suspect', 'fresh'];
    const works = names.map((name) => preparation(begun, name));
    const runs = names.map((name, index) =>
      attempts.run(spoolOf(folder, name, name.startsWith('suspect') ? 1 : 0), works[index]?.prepare as never),
    );
    works[2]?.end();
    works[3]?.end();
    assert.equal(await within(10_000, Promise.all(runs.slice(2))), ['suspect', 'fresh']);
    assert.equal(begun, names);
  }));

test('after a clean stop nothing is prepared, and what was being prepared counts as not tried', () =>
  withFolder(async (folder) => {
    const attempts = createAttempts();
    const spool = spoolOf(folder, 'under way');
    void attempts.run(spool, preparation([], 'under way').prepare);
    await settled();
    attempts.close();
    assert.is(spool.attempts(), 0);
    const begun: string[] = [];
    const refused = attempts.run(spoolOf(folder, 'next'), preparation(begun, 'next').prepare);
    assert.match((await refused.catch((error: Error) => error.message)) as string, /server is stopping/);
    assert.equal(begun, []);
  }));

test.run();
