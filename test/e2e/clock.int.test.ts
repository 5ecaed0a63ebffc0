/** Row C10: the clock of a real server jumps an hour either way while it works. @needs faketime */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faketimeLibrary } from '../../tools/install/tools.ts';
import { withFolder } from '../support/folder.ts';
import { follow } from '../support/follower.ts';
import { withServer } from '../support/server.ts';
import { within } from '../support/within.ts';

const test = suite('Clock jumps');

test('order, durations and retention are right when the clock jumps an hour ahead and back', () =>
  withFolder(async (folder) => {
    const library = faketimeLibrary() as string;
    const clock = join(folder, 'clock');
    const jump = (offset: string) => writeFileSync(clock, `${offset}\n`);
    jump('+0');
    const env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    const settings = ['retention.outputTtl=30m', 'retention.interval=1s'];
    await withServer(
      folder,
      async (server) => {
        const earlier = await server.run('echo earlier');
        await server.ended(earlier);
        const id = await server.run(
          'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done',
          { timeout: 60 },
        );
        const follower = follow(server, id);
        await sleep(1000);
        jump('+1h');
        const { headers } = await server.fetch('/healthz');
        assert.ok(
          Date.parse(headers.get('date') ?? '') > Date.now() + 3_000_000,
          'the clock of the server has jumped',
        );
        const ahead = await server.run('echo ahead');
        await sleep(1000);
        jump('-1h');
        const behind = await server.run('echo behind');
        const execution = await server.ended(id);
        await within(20_000, follower.ended);
        const expected = Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join('');
        assert.is(execution.status, 'succeeded', 'the timeout counts real time');
        assert.is(follower.bytes().toString(), expected);
        const elapsed = execution.elapsed_seconds as number;
        assert.ok(elapsed > 2.5 && elapsed < 600, `${elapsed} seconds`);
        await server.ended(behind);
        const listed = await server.json<{ id: string }[]>('/v1/executions');
        assert.equal(
          listed.map((entry) => entry.id),
          [behind, ahead, id, earlier],
        );
        jump('+1h');
        await sleep(3500);
        for (const [which, text] of [
          [earlier, 'earlier\n'],
          [behind, 'behind\n'],
          [id, expected],
        ] as const) {
          const response = await server.fetch(`/v1/executions/${which}/stdout?follow=false`);
          assert.is(await response.text(), text, 'retention took nothing that is not old');
        }
      },
      { env, args: settings.flatMap((setting) => ['--set', setting]) },
    );
  }));

test.run();
