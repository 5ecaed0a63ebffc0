import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../config/config.ts';
import { withFolder } from '../support/folder.ts';

const test = suite('configuration');

/** Loads a `linefeed.yaml` in a data folder of its own. */
const load = (yaml: string, overrides: Record<string, unknown> = {}, environment = {}) =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'linefeed.yaml'), yaml);
    return Promise.resolve(loadConfig({ LINEFEED_DATA: folder, ...environment }, overrides));
  });

const failure = async (...args: Parameters<typeof load>): Promise<string> =>
  load(...args).then(
    () => 'no error',
    (error: Error) => error.message,
  );

test('flags win over variables, variables over the file, the file over defaults', async () => {
  const yaml = 'worker:\n  lease: 1m\n  grace: 2s\n  concurrency: 5\n';
  const config = await load(yaml, { 'worker.concurrency': '7' }, { LINEFEED_LEASE: '90s' });
  assert.equal(
    [config.worker.lease, config.worker.grace, config.worker.concurrency, config.worker.drain],
    [90_000, 2_000, 7, 2_000],
  );
  assert.is(config.sources['worker.lease'], 'LINEFEED_LEASE');
  assert.match(config.sources['worker.grace'] as string, 'linefeed.yaml');
  assert.is(config.sources['worker.concurrency'], 'command line');
  assert.is(config.sources['worker.drain'], undefined);
  assert.equal(config.notes, []);
});

test("StackStorm's names are accepted, with StackStorm's units", async () => {
  const config = await load(
    'garbagecollector:\n  action_executions_ttl: 30\n  action_executions_output_ttl: 36h\nactionrunner:\n  stream_output: false\n',
    { 'garbagecollector.collection_interval': '600' },
  );
  assert.equal(
    [config.retention.executionsTtl, config.retention.outputTtl, config.retention.interval],
    [30 * 86_400_000, 36 * 3_600_000, 600_000],
  );
  assert.is(config.worker.streamOutput, false);
  assert.match(config.sources['retention.executionsTtl'] as string, 'linefeed.yaml');
  assert.equal(config.notes, []);
});

test('an old name works, and a note gives the new name', async () => {
  const config = await load('actionrunner:\n  worker: blue\n  env: {A: b}\n', { 'actionrunner.grace': '3s' });
  assert.equal([config.worker.name, config.worker.env, config.worker.grace], ['blue', { A: 'b' }, 3_000]);
  const text = config.notes.join('\n');
  assert.match(text, /actionrunner\.worker is now called worker\.name \(from .*linefeed\.yaml\)/);
  assert.match(text, 'actionrunner.grace is now called worker.grace (from command line)');
});

test('a setting under two names in one file is an error', async () => {
  assert.match(
    await failure('worker:\n  grace: 1s\nactionrunner:\n  grace: 2s\n'),
    'actionrunner.grace and worker.grace are the same setting',
  );
});

test('a duration without a unit is an error that names its source', async () => {
  assert.match(
    await failure('', {}, { LINEFEED_LEASE: '30' }),
    /worker\.lease: "30" has no unit.*LINEFEED_LEASE/,
  );
  assert.match(
    await failure('retention: {outputTtl: 7}'),
    /retention\.outputTtl: "7" has no unit.*linefeed\.yaml/,
  );
  assert.match(await failure('worker: {grace: -1s}'), /"-1s" is not a duration/);
  assert.is((await load('retention: {outputTtl: 0}')).retention.outputTtl, 0);
});

test('an unknown setting is an error, in old sections too', async () => {
  assert.match(await failure('worker: {speed: 1}'), 'speed');
  assert.match(await failure('actionrunner: {speed: 1}'), 'speed');
});

test('relative paths in the file start from its folder, in lists too', async () => {
  const config = await load('content:\n  packs: a, ../b\n  runners: [c.mjs]\nssh: {privateKey: key}\n');
  assert.match(config.content.packs[0] as string, /^\/.*\/a$/);
  assert.is(config.content.packs.length, 2);
  assert.match(config.content.runners[0] as string, /^\/.*\/c\.mjs$/);
  assert.match(config.ssh.privateKey as string, /^\/.*\/key$/);
});

test.run();
