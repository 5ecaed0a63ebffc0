/**
 * Serves the application over HTTP or HTTPS with limits against clients that hold connections, and stops in bounded
 * time. Owns the listener; knows nothing of routes.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularFile } from '../../lib/regular-file.ts';
import { PROBLEM_TYPE, problem } from './problems.ts';
import type { Env } from './router.ts';

interface ServeOptions {
  host: string;
  port: number;
  /** Ports that lead to the same server, as those of StackStorm's stream and login services. */
  extraPorts?: readonly number[];
  /** Paths of the certificate and its key. */
  tls?: { cert: string; key: string } | undefined;
  /** Aborted when the server stops; give its signal to createApp too, so that streams say goodbye. */
  closing?: AbortController;
  /** How long open requests may take once the server stops. */
  graceMs?: number;
}

export interface Listening {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** A request line and its headers; ours are small, and a credential is short. */
const HEADER_BYTES = 16 * 1024;
const HEADER_COUNT = 100;
/** A client that needs longer than this to say what it wants is holding the connection. */
const HEADERS_MS = 10_000;
/** A body of the largest size comes in this time also over a slow line. */
const REQUEST_MS = 60_000;
/** Beyond this the process would run out of files, and with it of everything. */
const CONNECTIONS = 10_000;
const GRACE_MS = 8_000;
/** Of a certificate with its chain, or of its key. */
const MAX_PEM_BYTES = 4 * 1024 * 1024;

export async function serve(app: OpenAPIHono<Env>, options: ServeOptions): Promise<Listening> {
  const { host, port, extraPorts = [], tls, closing, graceMs = GRACE_MS } = options;
  const limits = {
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 65_000,
    noDelay: true,
  };
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server: Server = tls
    ? createTlsServer(
        {
          ...limits,
          cert: await readRegularFile(tls.cert, MAX_PEM_BYTES, `tls.cert: ${tls.cert}`),
          key: await readRegularFile(tls.key, MAX_PEM_BYTES, `tls.key: ${tls.key}`),
        },
        listener,
      )
    : createServer(limits, listener);
  server.maxHeadersCount = HEADER_COUNT;
  server.on('clientError', refuse);
  server.maxConnections = CONNECTIONS;
  await listen(server, host, port);
  const doors: SocketServer[] = [];
  const closeDoors = () => {
    for (const door of doors) door.close();
  };
  try {
    for (const extra of extraPorts) {
      const door = createSocketServer({ noDelay: true }, (socket) => server.emit('connection', socket));
      door.maxConnections = CONNECTIONS;
      await listen(door, host, extra);
      doors.push(door);
    }
  } catch (error) {
    closeDoors();
    server.close();
    throw error;
  }
  const address = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;

  let closed: Promise<void> | undefined;
  return {
    url: `${tls ? 'https' : 'http'}://${name}:${address.port}`,
    port: address.port,
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        closeDoors();
        closing?.abort();
        server.closeIdleConnections();
        // A stream that has said goodbye leaves an idle connection behind; a client that reads nothing does not.
        const sweep = setInterval(() => server.closeIdleConnections(), 100);
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.on('close', () => clearInterval(sweep));
      });
      return closed;
    },
  };
}

/** Answers what never became a request as a problem too, and lets the connection go. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          431,
          'Request Header Fields Too Large',
          `The address and headers are longer than ${HEADER_BYTES} bytes.`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout', 'The request took too long to arrive.']
        : [400, 'Bad Request', 'This is not an HTTP request.'];
  const body = JSON.stringify(problem(status as number, detail as string, `http-${status}`));
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
}

function listen(server: Server | SocketServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: `${host}:${port} is in use: another Linefeed, or another program. Stop it, or choose another port (LINEFEED_PORT, or extraPorts).`,
        EACCES: `Not allowed to listen on ${host}:${port}. Choose a port above 1023 (LINEFEED_PORT).`,
        EADDRNOTAVAIL: `${host} is not an address of this machine (LINEFEED_HOST).`,
      };
      reject(
        new ServiceError(
          cause.code === 'EADDRINUSE' ? 'port-in-use' : 'cannot-listen',
          why[cause.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${cause.message}`,
          {
            cause,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}
