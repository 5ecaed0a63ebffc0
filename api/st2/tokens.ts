/**
 * Tokens that expire, as `st2 login` wants them: signed with the installation's token, so nothing is stored and every
 * node that shares it knows them. Also who may have one: a user of the configuration, or the holder of a token or key.
 */
import { createHmac, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../config.ts';
import type { Scope } from '../../events/key-store.ts';
import type { Identity, Keys } from '../keys.ts';

export interface IssuedToken {
  id: string;
  user: string;
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export interface Tokens {
  /** The same keys, which also know the tokens that were issued. */
  readonly keys: Keys;
  /** Whose name and password these are; a token or an API key does as a password. */
  login(user: string, password: string): Identity | undefined;
  issue(identity: Identity, ttlMs: number): IssuedToken;
  /** When an issued token expires; undefined for anything else. */
  expiry(credential: string): number | undefined;
}

interface Payload {
  /** Id, name, scopes, id of the API key, expiry in milliseconds. */
  i: string;
  n: string;
  s: readonly Scope[];
  k?: string;
  e: number;
}

const PREFIX = 'lft_';

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

export function expiringTokens(
  keys: Keys,
  users: Config['auth']['users'],
  now: () => number = Date.now,
): Tokens {
  const sign = (text: string) =>
    createHmac('sha256', `st2-token/${keys.token}`).update(text).digest('base64url');

  function read(credential: string): Payload | undefined {
    if (!credential.startsWith(PREFIX)) return undefined;
    const [text = '', signature = ''] = credential.slice(PREFIX.length).split('.');
    if (!equal(signature, sign(text))) return undefined;
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as Payload;
  }

  function identify(credential: string): Identity | undefined {
    const payload = read(credential);
    if (!payload) return keys.identify(credential);
    if (payload.e <= now()) return undefined;
    if (payload.k !== undefined) {
      const key = keys.list().find(({ id }) => id === payload.k);
      if (!key || key.revokedAt !== undefined) return undefined;
      return { name: payload.n, scopes: payload.s, keyId: payload.k };
    }
    const user = Object.hasOwn(users, payload.n) ? users[payload.n] : undefined;
    return { name: payload.n, scopes: user ? user.scopes : payload.s };
  }

  return {
    keys: { ...keys, identify },
    login(name, password) {
      const user = Object.hasOwn(users, name) ? users[name] : undefined;
      if (user) return isPassword(user.password, password) ? { name, scopes: user.scopes } : undefined;
      const holder = keys.identify(password);
      if (!holder) return undefined;
      // The installation's own token may act for anybody; a key stays itself.
      return holder.keyId === undefined && /^[\w.@-]{1,100}$/.test(name) ? { ...holder, name } : holder;
    },
    issue({ name, scopes, keyId }, ttlMs) {
      const id = randomUUID();
      const expiresAt = now() + ttlMs;
      const payload: Payload = {
        i: id,
        n: name,
        s: scopes,
        ...(keyId === undefined ? {} : { k: keyId }),
        e: expiresAt,
      };
      const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
      return { id, user: name, token: `${PREFIX}${text}.${sign(text)}`, expiresAt };
    },
    expiry: (credential) => read(credential)?.e,
  };
}
