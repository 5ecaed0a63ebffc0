import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startOnTerminal } from '../../support/cli.ts';
import { served } from '../../support/cli-server.ts';

const test = suite('linefeed rebuild, retention and purge');

test(
  'rebuild makes the index again, purge says what it freed',
  served(
    async (server) => {
      const id = await server.run('seq 1 20000');
      await server.ended(id);
      const rebuilt = await cli(server, ['rebuild']);
      assert.equal([rebuilt.code, rebuilt.stderr], [0, '']);
      assert.match(rebuilt.text, /^rebuilt the index from [\d,]+ events? in [\d.]+s\n$/);
      assert.is((await cli(server, ['tail', '-q', id])).text.split('\n').length, 20_001);
      const bar = await startOnTerminal(server, 'linefeed rebuild').ended;
      assert.match(bar.text, /100% [\d,]+\/[\d,]+ events · [\d,]+\/s/);
      const plan = await cli(server, ['retention']);
      assert.match(
        plan.text,
        /^Output expires 1\.0s after .*, all other data never expires\. Linefeed deletes expired data every /,
      );
      const rows = plan.text.split('\n');
      assert.ok(
        rows.some((row) => /^output +\d{4}-\d\d-\d\d .* [\d.]+ [kM]B +in /.test(row)),
        plan.text,
      );
      assert.ok(
        rows.some((row) => /^executions .* 1 execution .* never/.test(row)),
        plan.text,
      );
      const { spans } = JSON.parse((await cli(server, ['retention', '-o', 'json'])).text);
      assert.equal(
        spans.map(({ kind, goes_at }: { kind: string; goes_at: string | null }) => [kind, goes_at !== null]),
        [
          ['output', true],
          ['executions', false],
        ],
      );
      await sleep(1_200);
      const dry = await cli(server, ['purge', '--dry-run']);
      assert.match(dry.text, /^Would delete the output of 1 execution: [\d.]+ [kM]?B\n$/);
      assert.is((await cli(server, ['tail', '-q', id])).text.split('\n').length, 20_001);
      assert.match(
        (await cli(server, ['purge'])).text,
        /^Deleted the output of 1 execution: [\d.]+ [kM]?B freed\n$/,
      );
      assert.is((await cli(server, ['purge'])).text, 'Nothing to purge.\n');
      const tail = await cli(server, ['tail', id]);
      assert.is(tail.text, '');
      assert.match(tail.stderr, /retention/);
    },
    { args: ['--set', 'retention.outputTtl=1s'] },
  ),
);

test.run();
