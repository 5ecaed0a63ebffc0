/** Row C9: a disk that fills up while output flows, on a small file system of its own, which root may mount. @needs root */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { withServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const test = suite('Disk full');

test('nothing that was accepted is lost, the server says what is wrong, and it goes on when there is space again', () =>
  withFolder(async (folder) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder]);
    try {
      await withServer(folder, async (server) => {
        const before = await server.run('seq 1 1000');
        await server.ended(before);
        const id = await server.run(
          'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done',
        );
        const ballast = join(folder, 'ballast');
        fill(ballast);
        const readiness = await until(
          20_000,
          async () => {
            const response = await server.fetch('/readyz');
            return response.ok ? undefined : response;
          },
          'the server to notice',
        );
        assert.is(readiness.status, 503);
        const said = await readiness.text();
        assert.match(said, /full|space/i, said);
        const listed = await server.fetch('/v1/executions?limit=1');
        assert.is(listed.status, 200, 'reading goes on');
        rmSync(ballast);
        const execution = await server.ended(id, 60_000);
        assert.is(execution.status, 'succeeded');
        const expected = Array.from({ length: 200 }, (_, index) => `line ${index + 1}\n`).join('');
        assert.is(await (await server.fetch(`/v1/executions/${id}/stdout`)).text(), expected);
        const first = await (await server.fetch(`/v1/executions/${before}/stdout`)).text();
        assert.is(first, Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join(''));
      });
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  }));

/** Takes all but the last few kilobytes: enough for the child's lines, too little for the log to grow. */
function fill(path: string): void {
  const block = Buffer.alloc(16 * 1024);
  for (;;) {
    try {
      writeFileSync(path, block, { flag: 'a' });
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
      break;
    }
  }
  execFileSync('truncate', ['-s', String(statSync(path).size - 40_960), path]);
}

test.run();
