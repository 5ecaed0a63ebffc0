/** Reads the chunks of an execution in order of position, a page ahead of the consumer. */
import type { OutputAppended } from '../../events/event.ts';
import type { Thread } from '../../lib/thread.ts';
import type { ChunkRange } from '../output-index.ts';
import type { BlockPage } from './index-reader.thread.ts';
import { openBlock } from './store/stored-block.ts';

function isInRange(range: ChunkRange, after: number): (chunk: OutputAppended) => boolean {
  return (chunk) =>
    chunk.position > after &&
    (range.through === undefined || chunk.position <= range.through) &&
    (range.fromSeq === undefined || chunk.seq + chunk.lines - 1 >= range.fromSeq) &&
    (range.toSeq === undefined || chunk.seq <= range.toSeq) &&
    (range.stream === undefined || chunk.stream === range.stream) &&
    (range.host === undefined || chunk.host === range.host) &&
    (range.since === undefined || chunk.at >= range.since);
}

export async function* readChunks(
  reader: Pick<Thread, 'call'>,
  executionId: string,
  range: ChunkRange,
): AsyncGenerator<OutputAppended[]> {
  const { signal, ...plainRange } = range;
  let after = range.after ?? -1;
  const request = () => reader.call<BlockPage>('blocks', [executionId, plainRange, after]);
  let page = await request();
  while (!signal?.aborted) {
    const isWanted = isInRange(range, after);
    const { blocks, next } = page;
    // The next page is read while the consumer works on this one.
    let nextPage: Promise<BlockPage> | undefined;
    if (next !== undefined) {
      after = next;
      nextPage = request();
      nextPage.catch(() => {});
    }
    for (const block of blocks) {
      const chunks = openBlock(block).filter(isWanted);
      if (signal?.aborted) return;
      if (chunks.length > 0) yield chunks;
    }
    if (!nextPage) return;
    page = await nextPage;
  }
}
