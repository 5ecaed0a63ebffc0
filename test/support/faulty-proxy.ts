/** A proxy in front of Elasticsearch that can be told to answer badly, or not at all. */
import { createServer, request } from 'node:http';

export interface FaultyProxy {
  url: string;
  /** Answers this status instead of asking the server; undefined passes on. Gets the method and path. */
  fault: ((method: string, path: string, body: Buffer) => number | undefined) | undefined;
  /** Requests that were answered badly. */
  refused: number;
  /** Bodies of requests that were passed on, for those that ask for it. */
  seen: ((method: string, path: string, body: Buffer) => void) | undefined;
}

export async function withFaultyProxy<T>(
  target: string,
  body: (proxy: FaultyProxy) => Promise<T>,
): Promise<T> {
  const proxy: FaultyProxy = { url: '', fault: undefined, refused: 0, seen: undefined };
  const { hostname, port } = new URL(target);
  const server = createServer(async (incoming, outgoing) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const sent = Buffer.concat(parts);
    const { method = 'GET', url: path = '/' } = incoming;
    const status = proxy.fault?.(method, path, sent);
    if (status !== undefined) {
      proxy.refused++;
      outgoing.writeHead(status, {
        'content-type': 'application/vnd.elasticsearch+json;compatible-with=9',
        'x-elastic-product': 'Elasticsearch',
      });
      outgoing.end(JSON.stringify({ error: { type: 'made_up', reason: `status ${status}` }, status }));
      return;
    }
    proxy.seen?.(method, path, sent);
    const onward = request({ hostname, port, method, path, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  try {
    return await body(proxy);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
