import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { objects } from '../../support/cli-server.ts';
import { withFolder } from '../../support/folder.ts';

const test = suite('linefeed config');

test('config print names the source of each setting', () =>
  withFolder(async (folder) => {
    await writeFile(
      join(folder, 'linefeed.yaml'),
      'garbagecollector:\n  action_executions_ttl: 30\nelasticsearch:\n  password: secret\n',
    );
    const env = { LINEFEED_PORT: '9555', LINEFEED_DATA: join(folder, 'data') };
    const named = ['config', 'print', '--config', 'linefeed.yaml'];
    const { text } = await cli(undefined, [...named, '-o', 'json'], { cwd: folder, env });
    const rows = new Map(objects(text).map(({ path, value, source }) => [path, [value, source]]));
    assert.equal(rows.get('port'), [9555, 'LINEFEED_PORT']);
    assert.equal(rows.get('retention.executionsTtl'), [2_592_000_000, join(folder, 'linefeed.yaml')]);
    assert.equal(rows.get('worker.concurrency'), [300, 'default']);
    assert.equal(rows.get('elasticsearch.password')?.[0], '********');
    assert.not.match((await cli(undefined, named, { cwd: folder, env })).text, 'secret');
  }));

test.run();
