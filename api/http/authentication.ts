/**
 * Who calls, and whether they may: credentials, browser sessions, scopes.
 */
import { getCookie, setCookie } from 'hono/cookie';
import { allows, type Identity } from '../../access/identity.ts';
import type { Scope } from '../../access/key-store.ts';
import type { Keys } from '../../access/keys.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ApiContext } from './router.ts';
import type { Middleware } from './security.ts';

interface AuthOptions {
  keys: Keys;
  /** Paths that need no credential. */
  publicPaths: readonly (string | RegExp)[];
}

/** Requires a credential everywhere but on the public paths; the first one found counts, as StackStorm does it. */
export function authentication({ keys, publicPaths }: AuthOptions): Middleware {
  return async function authMiddleware(c, next) {
    const path = c.req.path.replace(/(.)\/+$/, '$1');
    const open = publicPaths.some((entry) => (typeof entry === 'string' ? entry === path : entry.test(path)));
    const credential = credentialOf(c);
    const identity =
      credential === undefined
        ? keys.identifySession(getCookie(c, keys.cookieName) ?? '')
        : keys.identify(credential);
    if (identity) c.set('identity', identity);
    else if (!open) {
      throw new ServiceError(
        'unauthorized',
        credential === undefined
          ? 'Unauthorized - One of Token or API key required. Send Authorization: Bearer with the token in <data>/token.'
          : 'Unauthorized - This token or API key is not known, or it was revoked.',
      );
    }
    await next();
  };
}

/** Opening `/?token=…` in a browser turns the token into a session cookie and leaves the address bar clean. */
export function login(keys: Keys, secure: boolean): Middleware {
  return async function loginMiddleware(c, next) {
    if (c.req.method !== 'GET' || c.req.path !== '/') return next();
    const token = c.req.query('token');
    if (token === undefined) return next();
    const identity = keys.identify(token);
    if (!identity) {
      throw new ServiceError(
        'unauthorized',
        'This link holds a token that is not, or no longer, valid. The start message of the server shows the right one.',
      );
    }
    const { value, maxAgeSeconds } = keys.session(identity);
    setCookie(c, keys.cookieName, value, {
      httpOnly: true,
      sameSite: 'Strict',
      secure,
      path: '/',
      maxAge: maxAgeSeconds,
    });
    return c.redirect('/', 303);
  };
}

/** Requires a scope of the identity. */
export function requires(scope: Scope): Middleware {
  return async function scopeMiddleware(c, next) {
    requireScope(c.get('identity'), scope);
    await next();
  };
}

function requireScope(identity: Identity | undefined, scope: Scope): void {
  if (identity && allows(identity, scope)) return;
  throw new ServiceError(
    'forbidden',
    `This needs the scope "${scope}", which your credential does not have.`,
  );
}

function credentialOf(c: ApiContext): string | undefined {
  const bearer = c.req.header('Authorization');
  if (bearer !== undefined) {
    const match = /^Bearer\s+(\S+)\s*$/i.exec(bearer);
    if (match?.[1]) return match[1];
    // Basic is the business of the login route; anything else is a credential that cannot be good.
    if (!/^Basic\s/i.test(bearer)) return '';
  }
  const found = c.req.header('X-Auth-Token') ?? c.req.header('St2-Api-Key');
  if (found !== undefined) return found;
  // StackStorm's client sends the credential of its event stream only in the query.
  if (/^\/v1\/(stream|executions\/[^/]+\/output)\/?$/.test(c.req.path)) {
    return c.req.query('x-auth-token') ?? c.req.query('st2-api-key');
  }
  return undefined;
}
