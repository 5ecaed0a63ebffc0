/** Space is given back while the command prints, ends or is left: what happens in between is played in the last question. */
import { appendFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createChunker } from '../../../actors/capture/chunker.ts';
import { createMask } from '../../../actors/capture/mask.ts';
import { type CutSource, cutSource } from '../../../actors/capture/output-limit.ts';
import { openSpoolReader } from '../../../actors/capture/spool-reader.ts';
import { withFolder } from '../../support/folder.ts';

const test = suite('Output limit');

const LINE = 'left out\n';
const LINES = 8_000_000;

/** A source that has read as much as is given back at once. */
const withSource = (body: (source: CutSource, path: string, text: () => string) => Promise<void>) =>
  withFolder(async (folder) => {
    const path = join(folder, 'stdout');
    writeFileSync(path, '');
    const reader = openSpoolReader(path, 0);
    const chunker = createChunker(
      { stream: 'stdout', offset: 0, lines: 0 },
      { last: 0 },
      createMask([]),
      1000,
    );
    const source = cutSource(reader, chunker);
    // In two halves: of more at once the first would be passed over uncounted.
    for (const half of [1, 2]) {
      appendFileSync(path, LINE.repeat(LINES / 2));
      while (source.drop());
      assert.is(reader.offset, (LINES * LINE.length * half) / 2);
    }
    try {
      await body(source, path, () => Buffer.concat(source.finish().map(({ data }) => data)).toString());
    } finally {
      reader.close();
    }
  });

test('a reader that was stopped gives no space back: the next one may have begun', () =>
  withSource(async (source, path) => {
    await source.reclaim(() => true);
    assert.is(statSync(path).size, LINES * LINE.length);
  }));

test('what is printed while space is given back is kept when it is the end', () =>
  withSource(async (source, path, text) => {
    await source.reclaim(() => {
      appendFileSync(path, 'the end\n');
      return false;
    });
    assert.is(statSync(path).size, 0);
    appendFileSync(path, 'and more\n');
    assert.ok(source.drop());
    const [marker = '', ...rest] = text().split(/(?<=here: the output limit was reached\]\n)/);
    const [, lines, bytes] = /^\[linefeed: (\d+) lines \/ (\d+) bytes omitted/.exec(marker) ?? [];
    assert.match(rest.join(''), /^(left out\n)+the end\nand more\n$/);
    const kept = rest.join('').split('\n').length - 3;
    assert.is(Number(lines) + kept, LINES);
    assert.is(Number(bytes), Number(lines) * LINE.length);
  }));

test('much that is printed while space is given back is marked as left out, and its end is kept', () =>
  withSource(async (source, path, text) => {
    await source.reclaim(() => {
      appendFileSync(path, `${'unread\n'.repeat(100_000)}the end\n`);
      return false;
    });
    assert.match(text(), /^\[linefeed: at least \d+ lines \/ \d+ bytes omitted[^\n]*\n(unread\n)+the end\n$/);
  }));

test('space that cannot be given back costs nothing else', () =>
  withSource(async (source, path, text) => {
    rmSync(path);
    await source.reclaim(() => false);
    assert.match(text(), /omitted here[^\n]*\n(left out\n)+$/);
  }));

test.run();
