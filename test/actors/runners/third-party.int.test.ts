/** The example of docs/runners.md, loaded as a third party's runner would be. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { createRunners } from '../../../actors/runners/registry.ts';
import { loadConfig } from '../../../config/config.ts';
import { withFolder } from '../../support/folder.ts';
import { withServer } from '../../support/server.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/table-runner.ts', import.meta.url));
const test = suite('third-party runners');

test('the example of the documentation is loaded by configuration and runs the action of a pack', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'people.db');
    const database = new DatabaseSync(file);
    database.exec("create table people (name text); insert into people values ('Ann'), ('Bo')");
    database.close();
    const actions = join(folder, 'packs', 'people', 'actions');
    mkdirSync(actions, { recursive: true });
    writeFileSync(
      join(actions, 'list.yaml'),
      stringify({
        name: 'list',
        runner_type: 'sqlite-query',
        parameters: {
          file: { default: file, immutable: true },
          sql: { default: 'select name from people order by name limit {{ limit }}', immutable: true },
          limit: { type: 'integer', default: 10 },
        },
      }),
    );
    const data = join(folder, 'data');
    mkdirSync(data);
    writeFileSync(
      join(data, 'linefeed.yaml'),
      stringify({ logLevel: 'warn', content: { packs: [join(folder, 'packs')], runners: [EXAMPLE] } }),
    );
    await withServer(data, async (server) => {
      const runners = await server.json<{ name: string }[]>('/v1/runnertypes');
      assert.ok((runners as unknown as { name: string }[]).some(({ name }) => name === 'sqlite-query'));
      const { id } = await server.post<{ id: string }>('/v1/executions', {
        action: 'people.list',
        parameters: {},
      });
      const execution = await server.ended(id);
      assert.is(execution.status, 'succeeded', JSON.stringify(execution));
      assert.equal((execution.result as unknown as { result: unknown }).result, { rows: 2 });
      assert.is(
        await (await server.fetch(`/v1/executions/${id}/stdout`)).text(),
        '{"name":"Ann"}\n{"name":"Bo"}\n',
      );
    });
  }));

test('a module that exports no runner is refused with its path', () =>
  withFolder(async (folder) => {
    const rows: [string, string | undefined, RegExp][] = [
      ['absent.mjs', undefined, /absent\.mjs does not exist$/],
      ['broken.mjs', 'export default {', /broken\.mjs failed to load: /],
      ['other.mjs', 'export default { name: "x" }', /other\.mjs does not export a runner as its default/],
    ];
    for (const [name, text, message] of rows) {
      const path = join(folder, name);
      if (text !== undefined) writeFileSync(path, text);
      const config = loadConfig({}, { data: folder, 'content.runners': [path] });
      try {
        await createRunners({ config, describe: async () => undefined });
        assert.unreachable(name);
      } catch (error) {
        assert.match((error as Error).message, message);
      }
    }
  }));

test.run();
