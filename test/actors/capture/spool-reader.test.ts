import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSpoolReader } from '../../../actors/capture/spool-reader.ts';
import { encodeFrame, KIND, segmentName } from '../../../keeper/frames.ts';
import { withFolder } from '../../support/folder.ts';
import { until } from '../../support/within.ts';

const test = suite('Spool reader');

const base = (...totals: number[]) => encodeFrame(KIND.base, totals, 1);
const data = (text: string, source = 0) => encodeFrame(KIND.data, Buffer.from(text), 1, source);

/** Three segments: stdout `0123456789`, stderr `ab`. */
function writeSpool(folder: string): void {
  const segment = (number: number, ...frames: Buffer[]) =>
    writeFileSync(join(folder, segmentName(number)), Buffer.concat(frames));
  segment(0, base(0, 0), data('012'), data('a', 1), data('34'));
  segment(1, base(5, 1), data('567'));
  segment(2, base(8, 1), data('b', 1), data('89'), encodeFrame(KIND.end, {}, 1));
}

/** Everything that is there, as text by source. */
function readAll(reader: ReturnType<typeof openSpoolReader>): { text: string[]; over: boolean } {
  const text = ['', ''];
  let over = false;
  for (let frames = reader.read(1); frames.length > 0; frames = reader.read(1)) {
    for (const { kind, source, payload } of frames) {
      if (kind === KIND.data) text[source] += payload.toString();
      if (kind === KIND.end) over = true;
    }
  }
  return { text, over };
}

test('it reads from any offset of any source, and nothing twice', () =>
  withFolder(async (folder) => {
    writeSpool(folder);
    for (let stdout = 0; stdout <= 10; stdout++) {
      for (let stderr = 0; stderr <= 2; stderr++) {
        const reader = openSpoolReader(folder, [stdout, stderr]);
        assert.equal(readAll(reader), {
          text: ['0123456789'.slice(stdout), 'ab'.slice(stderr)],
          over: true,
        });
        reader.close();
      }
    }
  }));

test('a segment is deleted once the log has all of it, and reading goes on behind it', () =>
  withFolder(async (folder) => {
    writeSpool(folder);
    const reader = openSpoolReader(folder, []);
    assert.is(readAll(reader).over, true);
    reader.release([4, 1]);
    assert.ok(existsSync(join(folder, segmentName(0))));
    reader.release([8, 1]);
    await until(5000, () => !existsSync(join(folder, segmentName(1))), 'the deletion');
    assert.ok(!existsSync(join(folder, segmentName(0))) && existsSync(join(folder, segmentName(2))));
    reader.close();
    const next = openSpoolReader(folder, [9, 1]);
    assert.equal(readAll(next).text, ['9', 'b']);
    next.close();
  }));

test('a frame that a killed keeper left unfinished is output as far as it is there', () =>
  withFolder(async (folder) => {
    const torn = data('lost').subarray(0, 16 + 2);
    writeFileSync(join(folder, segmentName(0)), Buffer.concat([base(0, 0), data('whole '), torn]));
    const reader = openSpoolReader(folder, []);
    assert.equal(readAll(reader).text, ['whole ', '']);
    writeFileSync(join(folder, segmentName(1)), Buffer.concat([base(8, 0), data(' next')]));
    assert.equal(readAll(reader).text, ['lo next', '']);
    reader.close();
  }));

test('what is written meanwhile is read', () =>
  withFolder(async (folder) => {
    const reader = openSpoolReader(folder, []);
    assert.equal(reader.read(1000), []);
    writeFileSync(join(folder, segmentName(0)), base(0));
    assert.equal(reader.read(1000), []);
    writeFileSync(join(folder, segmentName(0)), data('one'), { flag: 'a' });
    assert.is(reader.read(1000)[0]?.payload.toString(), 'one');
    reader.close();
  }));

test.run();
