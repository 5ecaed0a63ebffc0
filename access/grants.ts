/**
 * Signed statements of who may do what until when: what a login token and a session cookie carry. Nothing is stored, and
 * every node with the same secret reads them.
 */
import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Identity } from './identity.ts';
import { SCOPES } from './key-store.ts';

/** Strict, so that a grant of another form is refused instead of read as something else. */
const GRANT = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  holder: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('owner') }),
    z.strictObject({ kind: z.literal('key'), id: z.string().min(1) }),
    z.strictObject({ kind: z.literal('user'), passwordMark: z.string().min(1) }),
  ]),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
});
export type Grant = z.output<typeof GRANT>;

interface Grants {
  /** Grants what the identity has, for `lifeMs` or as long as the identity's own credential lasts, if that is shorter. */
  issue(identity: Identity, lifeMs: number): { grant: Grant; text: string };
  /** The grant in a text that `issue` made; undefined when it was changed, is of another purpose or has expired. */
  read(text: string): Grant | undefined;
}

interface GrantsOptions {
  secret: string;
  /** A grant of one purpose is good for nothing else. */
  purpose: 'session' | 'login';
  now: () => number;
}

export function createGrants({ secret, purpose, now }: GrantsOptions): Grants {
  const sign = (body: string) =>
    createHmac('sha256', secret).update(`grant/${purpose}:${body}`).digest('base64url');

  return {
    issue({ name, scopes, holder, expiresAt }, lifeMs) {
      const grant: Grant = {
        id: randomUUID(),
        name,
        scopes: [...scopes],
        holder,
        expiresAt: Math.min(expiresAt, now() + lifeMs),
      };
      const body = Buffer.from(JSON.stringify(grant)).toString('base64url');
      return { grant, text: `${body}.${sign(body)}` };
    },
    read(text) {
      const [body, signature, ...rest] = text.split('.');
      if (!body || !signature || rest.length > 0 || !equal(signature, sign(body))) return undefined;
      const { data: grant } = GRANT.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
      return grant && grant.expiresAt > now() ? grant : undefined;
    },
  };
}

function equal(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(x, y);
}
