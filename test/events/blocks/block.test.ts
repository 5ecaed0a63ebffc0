import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packBlock, unpackBlock } from '../../../events/blocks/block.ts';
import type { OutputAppended } from '../../../events/event.ts';
import { recording } from '../../support/output-events.ts';

const test = suite('blocks');

const plain = (chunks: readonly OutputAppended[]) =>
  chunks.map((chunk) => ({ ...chunk, data: Buffer.from(chunk.data).toString('latin1') }));

test('a packed block unpacks to the same chunks', () => {
  const record = recording();
  const chunks = [
    record.output({ text: 'one\ntwo\n' }),
    record.output({ text: 'err\n', stream: 'stderr' }),
    record.output({ text: 'host ', host: 'a' }),
    record.output({ text: 'other\n', host: 'b', stream: 'stderr' }),
    record.output({ text: 'goes on\n', host: 'a' }),
    { ...record.output({ text: '***\n' }), bytes: 40, omitted: { bytes: 3, lines: 1 } },
    { ...record.output({ text: 'after a gap\n' }), position: 900, at: 5 },
    record.output({ text: new Uint8Array() }),
  ];
  assert.equal(plain(unpackBlock(packBlock(chunks).body)), plain(chunks));
});

test.run();
