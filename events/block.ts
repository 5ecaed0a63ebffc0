/**
 * A block: consecutive chunks of one execution, packed into one buffer. Slow commands give thousands of tiny chunks, which
 * cost little only together. Layout: 4 bytes length of the head, the head as JSON, the chunks' bytes one after the other.
 * The head holds columns; each is a single number when all its values are equal, as most are.
 */
import type { OutputAppended, StreamName } from './event.ts';

/** Bytes of output that a block holds at most, unless a single chunk is larger. */
export const BLOCK_BYTES = 262_144;

export interface Block {
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
  body: Uint8Array<ArrayBuffer>;
}

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

/** Packs chunks of one execution, in order; not empty. */
export function packBlock(chunks: readonly OutputAppended[]): Block {
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
    columns.size.push(chunk.data.byteLength);
    columns.masked.push(chunk.bytes - chunk.data.byteLength);
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
    block.rawBytes += chunk.data.byteLength;
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
  const json = Buffer.from(JSON.stringify(head));
  const body = new Uint8Array(4 + json.byteLength + block.rawBytes);
  new DataView(body.buffer).setUint32(0, json.byteLength);
  body.set(json, 4);
  let start = 4 + json.byteLength;
  for (const { data } of chunks) {
    body.set(data, start);
    start += data.byteLength;
  }
  return { ...block, body };
}

/** The chunks of a block; their bytes are views of its body. */
export function unpackBlock(body: Uint8Array): OutputAppended[] {
  const headBytes = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const head = JSON.parse(bytes.toString('utf8', 4, 4 + headBytes)) as Head;
  const chunks: OutputAppended[] = [];
  const ends = new Map<string, number>();
  let start = 4 + headBytes;
  let position = 0;
  let seq = 0;
  let time = 0;
  for (let index = 0; index < head.count; index++) {
    const stream: StreamName = at(head.stream, index) === 1 ? 'stdout' : 'stderr';
    const host = head.hosts[at(head.host, index) - 1];
    const key = `${stream} ${host ?? ''}`;
    const size = at(head.size, index);
    const chunk: OutputAppended = {
      type: 'output.appended',
      executionId: head.executionId,
      position: position + at(head.position, index),
      at: time + at(head.at, index),
      stream,
      seq: seq + at(head.seq, index),
      lines: at(head.lines, index),
      offset: (ends.get(key) ?? 0) + at(head.offset, index),
      bytes: size + at(head.masked, index),
      data: bytes.subarray(start, start + size),
    };
    if (at(head.partial, index)) chunk.partial = true;
    if (host !== undefined) chunk.host = host;
    const cut = head.omitted?.[index];
    if (cut) chunk.omitted = cut;
    start += size;
    position = chunk.position + 1;
    seq = chunk.seq + chunk.lines;
    time = chunk.at;
    ends.set(key, chunk.offset + chunk.bytes);
    chunks.push(chunk);
  }
  return chunks;
}

/** Packs chunks of any executions, each in order, into blocks of bounded size. */
export function packBlocks(chunks: readonly OutputAppended[]): Block[] {
  const open = new Map<string, { chunks: OutputAppended[]; bytes: number }>();
  const blocks: Block[] = [];
  for (const chunk of chunks) {
    let current = open.get(chunk.executionId);
    if (current && current.bytes + chunk.data.byteLength > BLOCK_BYTES) {
      blocks.push(packBlock(current.chunks));
      current = undefined;
    }
    if (!current) {
      current = { chunks: [], bytes: 0 };
      open.set(chunk.executionId, current);
    }
    current.chunks.push(chunk);
    current.bytes += chunk.data.byteLength;
  }
  for (const { chunks: rest } of open.values()) blocks.push(packBlock(rest));
  return blocks;
}
