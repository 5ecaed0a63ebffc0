/** `st2 auth`, `st2 login` and `st2 whoami`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tokens } from '../../access/expiring-tokens.ts';
import { allows } from '../../access/identity.ts';
import { wireTime } from '../../events/codec.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Api } from '../deps.ts';
import { createRouter } from '../http/router.ts';

/** Every refused login takes this long, so that passwords cannot be tried out quickly. */
const REFUSAL_MS = 300;
/** Logins that may be under way at once; hashing a password takes memory and time. */
const MAX_LOGINS = 20;

/** Paths of the login, which has no token yet. */
export const LOGIN_PATHS = ['/tokens', '/v1/tokens'];

export function authRoutes({ config }: Api, tokens: Tokens) {
  const router = createRouter();
  let underWay = 0;

  router.on('POST', LOGIN_PATHS, async (c) => {
    if (underWay >= MAX_LOGINS) {
      throw new ServiceError('too-many-requests', 'Too many logins at once; try again shortly', {
        retriable: true,
      });
    }
    underWay += 1;
    try {
      const [, encoded = ''] = /^Basic\s+(\S+)$/i.exec(c.req.header('Authorization') ?? '') ?? [];
      const [user = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
      const identity = user === '' ? undefined : tokens.login(user, rest.join(':'));
      if (!identity) {
        await sleep(REFUSAL_MS);
        throw new ServiceError('unauthorized', 'Invalid or missing credentials');
      }
      const body = (await c.req.json().catch(() => ({}))) as { ttl?: unknown } | null;
      const ttlMs =
        body?.ttl === undefined || body.ttl === null ? config.auth.tokenTtl : Number(body.ttl) * 1000;
      if (!(ttlMs > 0))
        throw new ServiceError('validation-failed', 'ttl must be a number of seconds above 0');
      if (ttlMs > config.auth.maxTokenTtl) {
        throw new ServiceError(
          'validation-failed',
          `TTL specified ${ttlMs / 1000} is greater than max allowed ${config.auth.maxTokenTtl / 1000}.`,
        );
      }
      const issued = tokens.issue(identity, ttlMs);
      c.header('X-API-URL', `${new URL(c.req.url).origin}/v1`);
      const { id, token } = issued;
      return c.json({ id, user: issued.user, token, expiry: wireTime(issued.expiresAt), metadata: {} }, 201);
    } finally {
      underWay -= 1;
    }
  });

  router.get('/v1/user', (c) => {
    const identity = c.get('identity');
    const token = c.req.header('X-Auth-Token');
    const key = c.req.header('St2-Api-Key');
    const { expiresAt } = identity;
    return c.json({
      username: identity.name,
      authentication: {
        method: token === undefined && key !== undefined ? 'api_key' : 'authentication token',
        location: token !== undefined || key !== undefined ? 'header' : 'other',
        ...(Number.isFinite(expiresAt) ? { token_expire: wireTime(expiresAt) } : {}),
      },
      rbac: { enabled: true, roles: [...identity.scopes], is_admin: allows(identity, 'admin') },
    });
  });
  return router;
}
