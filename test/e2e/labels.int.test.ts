/** A label that this server does not have: the request waits, says so, and runs when the server has it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../support/cli.ts';
import { enginesName } from '../support/engines.ts';
import { withFolder } from '../support/folder.ts';
import { withServer } from '../support/server.ts';

const test = suite(`Labels (${enginesName()})`);

interface Shown {
  id: string;
  status: string;
  wait_reason?: string;
}

test('a request waits for its label with the reason, past others, and over a restart that brings the label', () =>
  withFolder(async (folder) => {
    const config = `${folder}/linefeed.yaml`;
    writeFileSync(config, 'worker:\n  concurrency: 1\n');
    await withServer(
      folder,
      async (server) => {
        const request = (cmd: string, labels?: Record<string, string>) =>
          server.post<Shown>('/v1/executions', {
            action: 'core.local',
            parameters: { cmd },
            ...(labels ? { labels } : {}),
          });
        const show = (id: string) => server.json<Shown>(`/v1/executions/${id}`);
        const { id } = await request(`echo labeled >>${folder}/ran`, { gpu: 'yes' });
        assert.is((await server.ended((await request(`echo plain >>${folder}/ran`)).id)).status, 'succeeded');
        const expected = 'waits for a worker with gpu=yes';
        assert.equal([(await show(id)).status, (await show(id)).wait_reason], ['requested', expected]);
        const [listed] = await server.json<Shown[]>('/v1/executions?status=requested');
        assert.equal([listed?.id, listed?.wait_reason], [id, expected]);
        const printed = await cli(server, ['show', id]);
        assert.match(printed.text, /waiting +waits for a worker with gpu=yes/);

        const gate = `${folder}/gate`;
        const running = await request(`until [ -e ${gate} ]; do sleep 0.05; done`);
        const next = await request('true');
        assert.is((await show(next.id)).wait_reason, 'waits for room: 1 running of limit 1');
        writeFileSync(gate, '');
        await server.ended(running.id);
        const done = await server.ended(next.id);
        assert.is(done.wait_reason, undefined);

        writeFileSync(config, 'worker:\n  concurrency: 1\n  labels: { gpu: "yes" }\n');
        await server.kill('SIGKILL');
        await server.start();
        assert.is((await server.ended(id)).status, 'succeeded');
        assert.is(readFileSync(`${folder}/ran`, 'utf8'), 'plain\nlabeled\n');
      },
      { env: { LINEFEED_CONFIG: config } },
    );
  }));

test('labels that cannot be kept are refused', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const refused = async (labels: Record<string, string>) => {
        const response = await server.fetch('/v1/executions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ action: 'core.local', parameters: { cmd: 'true' }, labels }),
        });
        assert.is(response.status, 400);
        return ((await response.json()) as { faultstring: string }).faultstring;
      };
      assert.match(await refused({ 'a=b': 'c' }), 'labels: "a=b" is not a name');
      assert.match(await refused({ a: 'x'.repeat(500) }), 'have 501 characters; the limit is 500');
      const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`l${n}`, '']));
      assert.match(await refused(many), 'there are 21; the limit is 20');
    }),
  ));

test.run();
