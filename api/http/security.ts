/**
 * What every request must pass first: request id, security headers, Host and Origin checks, body rules. Credentials are
 * authentication.ts's. The server runs commands, so a request that cannot show that it is meant is refused.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Config } from '../../config/config.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ApiContext, Env } from './router.ts';

/** Large enough for an uploaded script, small enough that a thousand of them at once do no harm. */
const BODY_LIMIT_BYTES = 2 * 1024 * 1024;

export type Middleware = MiddlewareHandler<Env>;

/** @throws ServiceError `insecure-address` when the configured address would expose the server unprotected. */
export function checkBind(config: Pick<Config, 'host' | 'insecure' | 'tls'>): void {
  if (isLoopback(config.host) || config.tls || config.insecure) return;
  throw new ServiceError(
    'insecure-address',
    `Refusing to listen on ${config.host}: it is reachable from other machines, and tokens would travel in clear. ` +
      'Set tls.cert and tls.key, put a TLS proxy in front and listen on 127.0.0.1, or say insecure: true ' +
      '(LINEFEED_INSECURE=true) when the network is yours.',
  );
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return (
    name === 'localhost' ||
    name === '::1' ||
    name === '::ffff:127.0.0.1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
}

/** Gives the request an id, taken over from the client when it is harmless, and every answer its safe headers. */
export function basics(): Middleware {
  return async function basicsMiddleware(c, next) {
    const given = c.req.header('X-Request-ID');
    const requestId = given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    c.set('requestId', requestId);
    for (const [name, value] of Object.entries(safeHeaders(requestId))) c.header(name, value);
    await next();
  };
}

/** Headers of every answer; a page replaces the content policy by its own. */
function safeHeaders(requestId: string): Record<string, string> {
  return {
    'X-Request-ID': requestId,
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  };
}

/** Refuses names that are not the server's: a page that points its own name at 127.0.0.1 calls us by that name. */
export function hostGuard(config: Pick<Config, 'host' | 'allowedHosts'>): Middleware {
  const names = new Set([config.host, ...config.allowedHosts].map((name) => bare(name)));
  const exposed = !isLoopback(config.host);
  return async function hostMiddleware(c, next) {
    const host = c.req.header('Host') ?? hostOf(c.req.url);
    const name = hostName(host);
    // An address instead of a name cannot be pointed elsewhere, so it is safe once the bind itself is wanted.
    const known = name !== '' && (isLoopback(name) || names.has(name) || (exposed && isIP(name) !== 0));
    if (!known) {
      throw new ServiceError(
        'forbidden',
        `This server does not go by the name "${name.slice(0, 100)}". If it should, add it to allowedHosts (LINEFEED_ALLOWED_HOSTS).`,
      );
    }
    await next();
  };
}

/** Refuses what another site's page sends. Browsers state the origin; other clients send neither header. */
export function originGuard(): Middleware {
  return async function originMiddleware(c, next) {
    const site = c.req.header('Sec-Fetch-Site');
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation(c)) {
      throw new ServiceError('forbidden', 'Requests from other sites are refused.');
    }
    const origin = c.req.header('Origin');
    if (origin !== undefined && !sameHost(origin, c.req.header('Host') ?? hostOf(c.req.url))) {
      throw new ServiceError('forbidden', 'Requests from other origins are refused.');
    }
    await next();
  };
}

/** Following a link to a page is harmless: it changes nothing and other sites cannot read the answer. */
function isNavigation(c: ApiContext): boolean {
  return (
    c.req.method === 'GET' &&
    c.req.header('Sec-Fetch-Mode') === 'navigate' &&
    c.req.header('Sec-Fetch-Dest') === 'document' &&
    !c.req.path.startsWith('/v1/')
  );
}

function tooLarge(): ServiceError {
  return new ServiceError(
    'payload-too-large',
    `The body is larger than ${BODY_LIMIT_BYTES} bytes, the most that is taken. Put large scripts into a pack.`,
  );
}

/** Bodies are JSON and say so, which no cross-site form can; none is announced that is too large. */
export function bodyGuard(): Middleware {
  return async function bodyMiddleware(c, next) {
    const { method } = c.req;
    if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return next();
    const type = c.req.header('Content-Type');
    const hasBody = (c.req.header('Content-Length') ?? '0') !== '0' || c.req.header('Transfer-Encoding');
    const json = type !== undefined && /^application\/json\s*(;|$)/i.test(type);
    if (!json && (type !== undefined || hasBody) && !(method === 'DELETE' && !hasBody)) {
      throw new HTTPException(415, { message: 'Send the body as application/json.' });
    }
    if (Number(c.req.header('Content-Length') ?? 0) > BODY_LIMIT_BYTES) {
      await discardBody(c);
      throw tooLarge();
    }
    return next();
  };
}

/** What a login has to say, before anybody knows whose it is. */
const STRANGER_BODY_BYTES = 16 * 1024;

/**
 * Bounds bodies whose size was not announced. They have to be held to be measured, so this comes after the credential:
 * whoever has none could fill the memory with many of them.
 */
export function unannouncedBodies(): Middleware {
  return async function unannouncedMiddleware(c, next) {
    const { method } = c.req;
    if (method !== 'GET' && method !== 'HEAD' && c.req.header('Transfer-Encoding')) {
      const known = c.get('identity') !== undefined;
      const body = await boundedBody(c, known ? BODY_LIMIT_BYTES : STRANGER_BODY_BYTES);
      if (!body) throw tooLarge();
      c.req.raw = new Request(c.req.url, { method, headers: c.req.raw.headers, body });
    }
    return next();
  };
}

/** A body whose size was not announced; undefined when it is too large. */
async function boundedBody(c: ApiContext, limitBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of c.req.raw.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > limitBytes) {
      c.header('Connection', 'close');
      return undefined;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}

/** Most clients read the answer only once they have sent their body; one that goes on for long is cut off. */
const DISCARD_MS = 5000;

async function discardBody(c: ApiContext): Promise<void> {
  c.header('Connection', 'close');
  const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  if (!incoming || incoming.readableEnded) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DISCARD_MS);
    incoming.once('end', resolve).once('close', resolve).resume();
    incoming.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  });
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function hostName(host: string): string {
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.test(host)) return '';
  return bare(host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':')[0] ?? ''));
}

function sameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  return (
    URL.canParse(`${protocol}//${host}`) &&
    new URL(`${protocol}//${host}`).host === originHost &&
    originHost !== ''
  );
}
