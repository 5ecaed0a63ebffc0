/** Who may have a token that expires, as `st2 login` wants it: a user of the configuration, or the holder of a token or key. */
import { createHmac, scryptSync, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Identity } from './identity.ts';
import type { IssuedToken, Keys } from './keys.ts';

export interface Tokens {
  /** Whose name and password these are; a token or an API key does as a password. */
  login(user: string, password: string): Identity | undefined;
  issue(identity: Identity, ttlMs: number): IssuedToken;
}

function equal(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHmac('sha256', 'compare').update(text).digest());
  return timingSafeEqual(x as Buffer, y as Buffer);
}

/** @param stored a plain password, or `scrypt:<salt>:<hash>` with both in hexadecimal digits. */
function isPassword(stored: string, given: string): boolean {
  const [kind, salt = '', hash = ''] = stored.split(':');
  if (kind !== 'scrypt') return equal(stored, given);
  const wanted = Buffer.from(hash, 'hex');
  return (
    wanted.length > 0 && timingSafeEqual(scryptSync(given, Buffer.from(salt, 'hex'), wanted.length), wanted)
  );
}

/** @param users the same that `keys` knows. */
export function expiringTokens(keys: Keys, users: Config['auth']['users']): Tokens {
  return {
    login(name, password) {
      const user = Object.hasOwn(users, name) ? users[name] : undefined;
      if (user) return isPassword(user.password, password) ? keys.user(name) : undefined;
      const holder = keys.identify(password);
      // A login token is no password: it could be made to last by logging in with it.
      if (!holder || holder.expiresAt !== Number.POSITIVE_INFINITY) return undefined;
      // The installation's own token may act for anybody; a key stays itself.
      return holder.holder.kind === 'owner' && /^[\w.@-]{1,100}$/.test(name) ? { ...holder, name } : holder;
    },
    issue: keys.issueToken,
  };
}
