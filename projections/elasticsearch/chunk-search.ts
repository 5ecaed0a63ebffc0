/** Chunks read for a search: queries over all output, and chunks opened together with the parts that end their last line. */
import type { OutputAppended } from '../../events/event.ts';
import { type Assembled, assemble, continueLines } from '../search/assemble.ts';
import type { Answer, Clause, SearchIn } from './client.ts';
import { type ChunkSource, chunkOf } from './documents.ts';

export const hitsOf = (answer: Answer): { _source: ChunkSource; sort: unknown[] }[] => answer.hits.hits;

/** A chunk that continues a line is read together with the one in which the line begins. */
export const CONTINUES: Clause = { term: { 'linefeed.continues': true } };

/** Conditions on the execution, the stream and the host of a chunk. */
export function scopeClauses(scope: {
  executionId?: string | undefined;
  stream?: string | undefined;
  host?: string | undefined;
}): Clause[] {
  const { executionId, stream, host } = scope;
  const clauses: Clause[] = [];
  if (executionId !== undefined) clauses.push({ term: { 'linefeed.execution.id': executionId } });
  if (stream !== undefined) clauses.push({ term: { 'linefeed.stream': stream } });
  if (host !== undefined) clauses.push({ term: { 'host.name': host } });
  return clauses;
}

const PARTS_PER_PAGE = 32;

/** The parts that follow the beginning of the chunk's last line. */
async function* partsAfter(searchOutput: SearchIn, chunk: OutputAppended): AsyncGenerator<OutputAppended[]> {
  let after = chunk.position;
  for (;;) {
    const answer = await searchOutput({
      size: PARTS_PER_PAGE,
      track_total_hits: false,
      query: {
        bool: {
          filter: [
            ...scopeClauses(chunk),
            { term: { 'event.sequence': chunk.seq + chunk.lines - 1 } },
            { range: { 'linefeed.position': { gt: after } } },
          ],
        },
      },
      sort: [{ 'linefeed.position': 'asc' }],
    });
    const parts = hitsOf(answer).map(({ _source }) => chunkOf(_source));
    if (parts.length > 0) yield parts;
    if (parts.length < PARTS_PER_PAGE) return;
    after = parts.at(-1)?.position ?? after;
  }
}

/** The lines that begin in the chunk. */
export async function openChunk(
  searchOutput: SearchIn,
  chunk: OutputAppended,
): Promise<{ assembled: Assembled; scannedBytes: number }> {
  const assembled = assemble([chunk], chunk.seq - 1);
  let scannedBytes = chunk.data.byteLength;
  if (assembled.open.size > 0) {
    for await (const parts of partsAfter(searchOutput, chunk)) {
      scannedBytes += parts.reduce((sum, part) => sum + part.data.byteLength, 0);
      if (!continueLines(assembled, parts)) break;
    }
  }
  return { assembled, scannedBytes };
}
