/** A follower as a client would write it: reads SSE chunks, remembers the last id, and reconnects from there. */
import { createParser } from 'eventsource-parser';
import type { ServerProcess } from './server.ts';

export interface FollowedChunk {
  position: number;
  stream: 'stdout' | 'stderr';
  seq: number;
  lines: number;
  text: string;
  encoding?: 'base64';
  partial?: true;
}

export interface Follower {
  /** Chunks by arrival; each was given once if positions rise. */
  readonly chunks: FollowedChunk[];
  readonly connections: number;
  /** The last id it had, and why the last connection ended when not by itself. */
  readonly state: string;
  /** Resolves with the data of the `end` event. */
  readonly ended: Promise<{ status: string; exit_code: number | null }>;
  bytes(stream?: 'stdout' | 'stderr'): Buffer;
  /** Cuts the connection; it comes back by itself. */
  cut(): void;
  stop(): void;
}

export function follow(
  server: Pick<ServerProcess, 'url' | 'token'>,
  id: string,
  options: { query?: string; url?: () => string; retryMs?: number } = {},
): Follower {
  const chunks: FollowedChunk[] = [];
  const stopped = new AbortController();
  let connection = new AbortController();
  let connections = 0;
  let lastId: string | undefined;
  let trouble: unknown;

  async function connect(): Promise<{ status: string; exit_code: number | null } | undefined> {
    connection = new AbortController();
    const response = await fetch(
      `${options.url?.() ?? server.url}/v1/executions/${id}/output${options.query ?? ''}`,
      {
        headers: {
          authorization: `Bearer ${server.token}`,
          accept: 'text/event-stream',
          ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
        },
        signal: AbortSignal.any([connection.signal, stopped.signal]),
      },
    );
    if (response.status === 204) return { status: 'had', exit_code: null };
    if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
    connections++;
    let end: { status: string; exit_code: number | null } | undefined;
    const parser = createParser({
      onEvent({ event, data, id: eventId }) {
        if (event === 'output') chunks.push(JSON.parse(data) as FollowedChunk);
        if (event === 'end') end = JSON.parse(data) as typeof end;
        if (eventId !== undefined) lastId = eventId;
      },
    });
    const decoder = new TextDecoder();
    for await (const bytes of response.body) parser.feed(decoder.decode(bytes, { stream: true }));
    return end;
  }

  async function run(): Promise<{ status: string; exit_code: number | null }> {
    for (;;) {
      if (stopped.signal.aborted) throw new Error('stopped');
      try {
        const end = await connect();
        if (end) return end;
      } catch (error) {
        trouble = error;
        await new Promise((resolve) => setTimeout(resolve, options.retryMs ?? 50));
      }
    }
  }

  const ended = run();
  ended.catch(() => undefined);
  return {
    chunks,
    get connections() {
      return connections;
    },
    get state() {
      return `${connections} connections, ${chunks.length} chunks, last id ${lastId}, last trouble: ${trouble}`;
    },
    ended,
    bytes: (stream) =>
      Buffer.concat(
        chunks
          .filter((chunk) => stream === undefined || chunk.stream === stream)
          .map(({ text, encoding }) => Buffer.from(text, encoding ?? 'utf8')),
      ),
    cut: () => connection.abort(),
    stop: () => stopped.abort(),
  };
}
