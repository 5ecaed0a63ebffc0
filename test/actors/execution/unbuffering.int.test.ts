/** Programs that are built here write each line at once, and run as they do elsewhere. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import { withFolder } from '../../support/folder.ts';
import { until } from '../../support/within.ts';
import { completion, output, withWriteSide } from '../../support/write-side.ts';

const test = suite('unbuffering');

const stdout = (events: readonly ExecutionEvent[]): string => output(events, 'stdout').toString();

const HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
/** Prints a line, then waits for the end of its input. */
const WAITS = `#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) { puts("first"); while (access(argv[1], F_OK)) usleep(1000); puts("last"); return 0; }
`;

/** @returns the program's path; undefined where the compiler is not installed. */
function build(folder: string, name: string, source: string, compiler: string, ...options: string[]) {
  const file = join(folder, name);
  writeFileSync(`${file}.c`, source);
  if (spawnSync(compiler, ['--version']).error) return undefined;
  execFileSync(compiler, [...options, '-o', file, `${file}.c`]);
  return file;
}

for (const [name, compiler, ...options] of [
  ['asan', 'gcc', '-fsanitize=address'],
  ['musl', 'musl-gcc'],
  ['static', 'gcc', '-static'],
] as const) {
  test(`a program runs as by itself: ${name}`, () =>
    withFolder((folder) =>
      withWriteSide(folder, {}, async ({ run, finished }) => {
        const file = build(folder, name, HELLO, compiler, ...options);
        if (!file) return console.log(`skipped: ${compiler} is not installed`);
        const events = await finished(await run(file, { env: { ASAN_OPTIONS: 'detect_leaks=0' } }));
        assert.equal(
          [stdout(events), output(events, 'stderr').toString(), completion(events).status],
          ['hello\n', '', 'succeeded'],
        );
      }),
    ));
}

test('a C program shows its first line while it runs; with unbuffer false it does not', () =>
  withFolder((folder) =>
    withWriteSide(folder, {}, async ({ run, events, finished }) => {
      const file = build(folder, 'waits', WAITS, 'gcc');
      if (!file) return console.log('skipped: gcc is not installed');
      const go = join(folder, 'go');
      const id = await run(`${file} ${go}`);
      const other = await run(`echo started; ${file} ${go}`, { unbuffer: false });
      const shown = async (of: string) => stdout(await events(of));
      await until(20_000, async () => (await shown(id)).includes('first'), 'the first line');
      await until(20_000, async () => (await shown(other)).includes('started'), 'the start');
      assert.not.match(await shown(other), /first/);
      writeFileSync(go, '');
      assert.is(stdout(await finished(id)), 'first\nlast\n');
      assert.is(stdout(await finished(other)), 'started\nfirst\nlast\n');
    }),
  ));

test("a command's own LD_PRELOAD and ASAN_OPTIONS are kept", () =>
  withFolder((folder) =>
    withWriteSide(folder, {}, async ({ run, finished }) => {
      const env = { LD_PRELOAD: 'libm.so.6', ASAN_OPTIONS: 'detect_leaks=0' };
      const text = stdout(await finished(await run('echo "$LD_PRELOAD $ASAN_OPTIONS"', { env })));
      assert.match(text, /^libm\.so\.6:\S+ detect_leaks=0:\S+\n$/);
      const off = await finished(await run('echo "$LD_PRELOAD $ASAN_OPTIONS"', { env, unbuffer: false }));
      assert.is(stdout(off), 'libm.so.6 detect_leaks=0\n');
    }),
  ));

test.run();
