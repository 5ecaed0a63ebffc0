/**
 * A block: consecutive chunks of one execution together. Slow commands give thousands of tiny chunks, which cost little
 * only so. Its head is JSON and holds columns, each a single number when all its values are equal, as most are; its bytes
 * are those of the chunks one after the other. A body is both: 4 bytes length of the head, the head, the bytes.
 */
import type { OutputAppended, StreamName } from '../event.ts';

/** Bytes of output that a block holds at most, unless a single chunk is larger. */
export const BLOCK_BYTES = 131_072;

interface BlockPlace {
  executionId: string;
  /** Positions of the first and the last chunk. */
  first: number;
  last: number;
  firstSeq: number;
  lastSeq: number;
  atMin: number;
  atMax: number;
  /** Bytes of output in it. */
  rawBytes: number;
  chunks: number;
}

export interface Block extends BlockPlace {
  body: Uint8Array<ArrayBuffer>;
}

/** A block without its bytes, which are kept somewhere else. */
export interface BlockHead extends BlockPlace {
  head: string;
}

/** A chunk whose bytes are somewhere else. */
export type ChunkPlace = Omit<OutputAppended, 'data'>;

type Column = number | number[];

interface Head {
  executionId: string;
  count: number;
  /** Differences: position to the one before + 1, seq to the end of the chunk before, at to the one before. */
  position: Column;
  seq: Column;
  at: Column;
  lines: Column;
  /** 1 stdout, 2 stderr. */
  stream: Column;
  /** Difference to where the chunk before of the same stream and host ended. */
  offset: Column;
  /** Length of the chunk's bytes here, and what the original bytes were more. */
  size: Column;
  masked: Column;
  partial: Column;
  /** Index into `hosts`; 0 is none. */
  host: Column;
  hosts: string[];
  /** By index of the chunk. */
  omitted?: Record<number, OutputAppended['omitted']>;
}

function column(values: number[]): Column {
  const [first = 0] = values;
  return values.every((value) => value === first) ? first : values;
}

const at = (values: Column, index: number): number =>
  typeof values === 'number' ? values : (values[index] ?? 0);

/** The head of a block of these chunks of one execution, in order and not empty; `sizes` are the lengths of their bytes. */
export function packHead(chunks: readonly ChunkPlace[], sizes: readonly number[]): BlockHead {
  const [first] = chunks;
  if (!first) throw new Error('a block needs a chunk');
  const names = [
    'position',
    'seq',
    'at',
    'lines',
    'stream',
    'offset',
    'size',
    'masked',
    'partial',
    'host',
  ] as const;
  const columns = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    (typeof names)[number],
    number[]
  >;
  const hosts: string[] = [];
  const omitted: Head['omitted'] = {};
  const ends = new Map<string, number>();
  const block = {
    executionId: first.executionId,
    first: first.position,
    last: first.position,
    firstSeq: first.seq,
    lastSeq: 0,
    atMin: first.at,
    atMax: first.at,
    rawBytes: 0,
    chunks: chunks.length,
  };
  let position = 0;
  let seq = 0;
  let time = 0;
  for (const [index, chunk] of chunks.entries()) {
    const key = `${chunk.stream} ${chunk.host ?? ''}`;
    columns.position.push(chunk.position - position);
    columns.seq.push(chunk.seq - seq);
    columns.at.push(chunk.at - time);
    columns.lines.push(chunk.lines);
    columns.stream.push(chunk.stream === 'stdout' ? 1 : 2);
    columns.offset.push(chunk.offset - (ends.get(key) ?? 0));
    const size = sizes[index] ?? 0;
    columns.size.push(size);
    columns.masked.push(chunk.bytes - size);
    columns.partial.push(chunk.partial ? 1 : 0);
    if (chunk.host !== undefined && !hosts.includes(chunk.host)) hosts.push(chunk.host);
    columns.host.push(chunk.host === undefined ? 0 : hosts.indexOf(chunk.host) + 1);
    if (chunk.omitted) omitted[index] = chunk.omitted;
    position = chunk.position + 1;
    seq = chunk.seq + chunk.lines;
    time = chunk.at;
    ends.set(key, chunk.offset + chunk.bytes);
    block.last = chunk.position;
    block.firstSeq = Math.min(block.firstSeq, chunk.seq);
    block.lastSeq = Math.max(block.lastSeq, chunk.seq + chunk.lines - 1);
    block.atMin = Math.min(block.atMin, chunk.at);
    block.atMax = Math.max(block.atMax, chunk.at);
    block.rawBytes += size;
  }
  const head: Head = {
    executionId: block.executionId,
    count: chunks.length,
    ...(Object.fromEntries(names.map((name) => [name, column(columns[name])])) as Record<
      (typeof names)[number],
      Column
    >),
    hosts,
    ...(Object.keys(omitted).length > 0 ? { omitted } : {}),
  };
  return { ...block, head: JSON.stringify(head) };
}

/** Packs chunks of one execution, in order; not empty. */
export function packBlock(chunks: readonly OutputAppended[]): Block {
  const sizes = chunks.map(({ data }) => data.byteLength);
  const { head, ...place } = packHead(chunks, sizes);
  const json = Buffer.from(head);
  const body = new Uint8Array(4 + json.byteLength + place.rawBytes);
  new DataView(body.buffer).setUint32(0, json.byteLength);
  body.set(json, 4);
  let start = 4 + json.byteLength;
  for (const { data } of chunks) {
    body.set(data, start);
    start += data.byteLength;
  }
  return { ...place, body };
}

/** The chunks of a block; their bytes are views of its body. */
export function unpackBlock(body: Uint8Array): OutputAppended[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const start = 4 + bytes.readUInt32BE(0);
  return unpackFrame(bytes.toString('utf8', 4, start), bytes.subarray(start));
}

/** The chunks of a block whose head and bytes come apart; their bytes are views of those given. */
export function unpackFrame(json: string, data: Uint8Array): OutputAppended[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const chunks: OutputAppended[] = [];
  let start = 0;
  for (const { size, ...place } of unpackHead(json)) {
    chunks.push({ ...place, data: bytes.subarray(start, start + size) });
    start += size;
  }
  return chunks;
}

/** The chunks that a head tells of, with the lengths of their bytes. */
export function unpackHead(json: string): (ChunkPlace & { size: number })[] {
  const head = JSON.parse(json) as Head;
  const chunks: (ChunkPlace & { size: number })[] = [];
  const ends = new Map<string, number>();
  let position = 0;
  let seq = 0;
  let time = 0;
  for (let index = 0; index < head.count; index++) {
    const stream: StreamName = at(head.stream, index) === 1 ? 'stdout' : 'stderr';
    const host = head.hosts[at(head.host, index) - 1];
    const key = `${stream} ${host ?? ''}`;
    const size = at(head.size, index);
    const chunk: ChunkPlace & { size: number } = {
      type: 'output.appended',
      executionId: head.executionId,
      position: position + at(head.position, index),
      at: time + at(head.at, index),
      stream,
      seq: seq + at(head.seq, index),
      lines: at(head.lines, index),
      offset: (ends.get(key) ?? 0) + at(head.offset, index),
      bytes: size + at(head.masked, index),
      size,
    };
    if (at(head.partial, index)) chunk.partial = true;
    if (host !== undefined) chunk.host = host;
    const cut = head.omitted?.[index];
    if (cut) chunk.omitted = cut;
    position = chunk.position + 1;
    seq = chunk.seq + chunk.lines;
    time = chunk.at;
    ends.set(key, chunk.offset + chunk.bytes);
    chunks.push(chunk);
  }
  return chunks;
}
