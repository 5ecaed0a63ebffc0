/**
 * Who may call: the installation's token, API keys with scopes, login tokens, and browser sessions derived from any of
 * them. Where keys are kept is the business of a `KeyStore`.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { userInfo } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { ServiceError } from '../lib/errors.ts';
import { createGrants, type Grant } from './grants.ts';
import { type Identity, narrower } from './identity.ts';
import { type KeyStore, SCOPES, type Scope, type StoredKey } from './key-store.ts';

export interface KeyInfo {
  id: string;
  name: string;
  scopes: readonly Scope[];
  /** Milliseconds since the epoch. */
  createdAt: number;
  revokedAt?: number;
  /** As far as this process knows. */
  lastUsedAt?: number;
}

export interface IssuedToken {
  id: string;
  user: string;
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export interface Session {
  value: string;
  /** Seconds until it expires. */
  maxAgeSeconds: number;
}

export interface Keys {
  /** The installation's token, for the start message and the CLI. */
  readonly token: string;
  /** Whose credential this is; undefined when it is nobody's. Compares in constant time. */
  identify(credential: string): Identity | undefined;
  /** The user of the configuration with this name, as one who has given the right password. */
  user(name: string): Identity | undefined;
  /** A token that stands for the identity for `ttlMs` at most. */
  issueToken(identity: Identity, ttlMs: number): IssuedToken;
  /** The value of a session cookie for the holder of a credential; it expires by itself, with the credential at the latest. */
  session(identity: Identity): Session;
  identifySession(value: string): Identity | undefined;
  /** Whether the credential that this identity was derived from is still good. */
  stands(identity: Identity): boolean;
  /** Name of the session cookie; different for every installation, as cookies ignore ports. */
  readonly cookieName: string;
  list(): KeyInfo[];
  /** Resolves when the key is good; the key itself is shown once, here. @throws ServiceError `keys-unavailable`. */
  create(name: string, scopes: readonly Scope[]): Promise<KeyInfo & { key: string }>;
  /** Resolves when the key is good for nothing. @throws ServiceError `not-found`, `keys-unavailable`. */
  revoke(id: string): Promise<void>;
}

/** Long enough to be rarely in the way, short enough that a stolen browser profile goes stale. */
const SESSION_MS = 30 * 86_400_000;

/** How a login token begins. */
const LOGIN_PREFIX = 'lft_';

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function identityOf({ id, name, scopes }: StoredKey): Identity {
  return { name, scopes, holder: { kind: 'key', id }, expiresAt: Number.POSITIVE_INFINITY };
}

/** What may be shown of a key: everything but its hash. */
function keyInfo(key: StoredKey, lastUsedAt?: number): KeyInfo {
  const { hash, revokedAt, ...rest } = key;
  void hash;
  return {
    ...rest,
    ...(revokedAt === undefined ? {} : { revokedAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
}

function newKey(
  name: string,
  scopes: readonly Scope[],
  createdAt: number,
): { key: string; entry: StoredKey } {
  const id = randomBytes(6).toString('hex');
  const key = `lf_${id}_${randomBytes(24).toString('base64url')}`;
  const known = SCOPES.filter((scope) => scopes.includes(scope));
  return { key, entry: { id, name, scopes: known, hash: hashOf(key), createdAt } };
}

/** A user of the configuration. The mark changes with the password, so an old grant does not survive a new password. */
function userIdentity(users: Config['auth']['users'], token: string, name: string): Identity | undefined {
  const found = Object.hasOwn(users, name) ? users[name] : undefined;
  if (!found) return undefined;
  const mark = createHmac('sha256', token).update(JSON.stringify(['password', name, found.password]));
  return {
    name,
    scopes: found.scopes,
    holder: { kind: 'user', passwordMark: mark.digest('base64url') },
    expiresAt: Number.POSITIVE_INFINITY,
  };
}

export interface KeysOptions {
  token: string;
  store: KeyStore;
  /** Who may log in by name. */
  users?: Config['auth']['users'];
  /** For tests. */
  now?: () => number;
}

export function createKeys({ token, store, users = {}, now = Date.now }: KeysOptions): Keys {
  const tokenHash = hashOf(token);
  const owner: Identity = {
    name: ownerName(),
    scopes: SCOPES,
    holder: { kind: 'owner' },
    expiresAt: Number.POSITIVE_INFINITY,
  };
  const lastUsed = new Map<string, number>();
  const user = (name: string) => userIdentity(users, token, name);
  const sessions = createGrants({ secret: token, purpose: 'session', now });
  const logins = createGrants({ secret: token, purpose: 'login', now });

  /** The holder as of now: undefined when its credential no longer exists. */
  function holderOf({ name, holder }: Pick<Identity, 'name' | 'holder'>): Identity | undefined {
    if (holder.kind === 'owner') return owner;
    if (holder.kind === 'key') {
      const key = store.all().find(({ id, revokedAt }) => id === holder.id && revokedAt === undefined);
      return key && identityOf(key);
    }
    const known = user(name);
    return isDeepStrictEqual(known?.holder, holder) ? known : undefined;
  }

  /** What a grant is still good for: never more than was granted, nor than its holder has now. */
  function standing(grant: Grant | undefined): Identity | undefined {
    const vouches = grant && holderOf(grant);
    if (!vouches) return undefined;
    const { name, scopes, holder, expiresAt } = grant;
    return { name, scopes: narrower(scopes, vouches.scopes), holder, expiresAt };
  }

  return {
    token,
    cookieName: `linefeed_${createHash('sha256').update(`cookie:${token}`).digest('hex').slice(0, 12)}`,
    user,
    identify(credential) {
      if (credential.startsWith(LOGIN_PREFIX)) {
        return standing(logins.read(credential.slice(LOGIN_PREFIX.length)));
      }
      const hash = hashOf(credential);
      let found = timingSafeEqual(hash, tokenHash) ? owner : undefined;
      for (const key of store.all()) {
        if (timingSafeEqual(hash, key.hash) && key.revokedAt === undefined) {
          found = identityOf(key);
          lastUsed.set(key.id, now());
        }
      }
      return found;
    },
    issueToken(identity, ttlMs) {
      const { grant, text } = logins.issue(identity, ttlMs);
      const { id, name, expiresAt } = grant;
      return { id, user: name, token: `${LOGIN_PREFIX}${text}`, expiresAt };
    },
    session(identity) {
      const { grant, text } = sessions.issue(identity, SESSION_MS);
      return { value: text, maxAgeSeconds: Math.floor((grant.expiresAt - now()) / 1000) };
    },
    identifySession: (value) => standing(sessions.read(value)),
    stands: (identity) => identity.expiresAt > now() && holderOf(identity) !== undefined,
    list: () => store.all().map((key) => keyInfo(key, lastUsed.get(key.id))),
    async create(name, scopes) {
      const { key, entry } = newKey(name, scopes, now());
      await store.put(entry);
      return { ...keyInfo(entry), key };
    },
    async revoke(id) {
      const key = store.all().find((candidate) => candidate.id === id);
      if (!key)
        throw new ServiceError(
          'not-found',
          `There is no API key "${id}". List the keys to see which there are.`,
        );
      if (key.revokedAt !== undefined) return;
      await store.put({ ...key, revokedAt: now() });
    },
  };
}

function ownerName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'owner';
  }
}
