/** A TLS-terminating proxy that lets only one `Authorization` header through, in front of a server with another one. */
import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { createServer, request } from 'node:https';

export interface TlsProxyOptions {
  /** The node behind it. */
  target: string;
  /** Paths of PEM files; `ca` is that of the target, where it has TLS. */
  cert: string;
  key: string;
  ca: string;
  /** What clients must send, and what the target gets instead. */
  wants: string;
  sends: string;
}

export interface TlsProxy {
  url: string;
  /** Requests with another header, or none. */
  refused(): number;
  passed(): number;
}

export async function withTlsProxy<T>(
  options: TlsProxyOptions,
  body: (proxy: TlsProxy) => Promise<T>,
): Promise<T> {
  const { protocol, hostname, port } = new URL(options.target);
  const ca = readFileSync(options.ca);
  let refused = 0;
  let passed = 0;
  const server = createServer(
    { cert: readFileSync(options.cert), key: readFileSync(options.key) },
    (incoming, outgoing) => {
      if (incoming.headers.authorization !== options.wants) {
        refused++;
        outgoing.writeHead(401, {
          'content-type': 'application/vnd.elasticsearch+json;compatible-with=9',
          'x-elastic-product': 'Elasticsearch',
        });
        outgoing.end(
          JSON.stringify({
            error: { type: 'security_exception', reason: 'unable to authenticate' },
            status: 401,
          }),
        );
        incoming.resume();
        return;
      }
      passed++;
      const { method, url: path } = incoming;
      const headers = { ...incoming.headers, authorization: options.sends };
      const onward = (protocol === 'https:' ? request : plainRequest)(
        { hostname, port, method, path, headers, ...(protocol === 'https:' ? { ca } : {}) },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await body({
      url: `https://127.0.0.1:${(server.address() as { port: number }).port}`,
      refused: () => refused,
      passed: () => passed,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
