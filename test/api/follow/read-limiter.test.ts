import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readLimiter } from '../../../api/follow/read-limiter.ts';
import { tailHub } from '../../../api/follow/tail-hub.ts';
import type { Writer } from '../../../api/http/stream-response.ts';
import { ndjsonFormat } from '../../../api/output/formats.ts';
import { type OutputRequest, writeOutput } from '../../../api/output/write-output.ts';
import { memoryIndex, memoryLog } from '../../support/memory.ts';
import { AN_ID, recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const test = suite('turns of reading history');

const CHUNKS = 20;
const CHUNK_BYTES = 60_000;

for (const [what, filter] of [
  ['that takes nothing', {}],
  ['that asks for some lines and takes nothing', { matches: () => true }],
] satisfies [string, OutputRequest['filter']][]) {
  test(`a client ${what} hands its turn on, and has everything once it takes it`, async () => {
    const log = memoryLog();
    const index = memoryIndex(log);
    const record = recording(AN_ID);
    const text = `${'x'.repeat(99)}\n`.repeat(CHUNK_BYTES / 100);
    await log.append([record.requested(), record.scheduled(), record.started()]);
    await log.append(Array.from({ length: CHUNKS }, () => record.output({ text })));
    index.project(log.events.length);
    const deps = { log, index, hub: tailHub({ log }), readLimiter: readLimiter(1, 1000) };
    const stop = new AbortController();
    const room = Promise.withResolvers<void>();
    /** @param wait what each write is answered with. */
    const client = (wait: Promise<void> | undefined, wants: OutputRequest['filter']) => {
      const got = { lines: 0 };
      const writer: Writer = {
        signal: stop.signal,
        cut() {},
        write(bytes) {
          const all = bytes instanceof Uint8Array ? [bytes] : bytes;
          got.lines += Buffer.concat(all).toString().split('\n').length - 1;
          return wait;
        },
      };
      const request = { executionId: AN_ID, follow: true, filter: wants, stopAfterRange: false };
      return { got, done: writeOutput(deps, request, ndjsonFormat(), writer) };
    };
    const stalled = client(room.promise, filter);
    await until(20_000, () => stalled.got.lines > 0, 'the first write');
    const other = client(undefined, {});
    const lines = (CHUNKS * CHUNK_BYTES) / 100;
    await until(20_000, () => other.got.lines === lines, 'everything for the other');
    assert.ok(stalled.got.lines < lines);
    room.resolve();
    await until(20_000, () => stalled.got.lines >= lines, 'everything for the one that took nothing');
    await log.append([record.completed()]);
    await within(20_000, Promise.all([stalled.done, other.done]));
    assert.is(stalled.got.lines, other.got.lines);
    stop.abort();
  });
}

test.run();
