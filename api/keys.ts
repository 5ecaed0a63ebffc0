/**
 * Who may call: the installation's token, API keys with scopes, and browser sessions derived from either. Where keys are
 * kept is the business of a `KeyStore`.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { userInfo } from 'node:os';
import { ServiceError } from '../events/errors.ts';
import { type KeyStore, SCOPES, type Scope, type StoredKey } from '../events/key-store.ts';

export interface Identity {
  /** A person's or a key's name; recorded as the user of what it requests. */
  name: string;
  /** Each scope includes the ones before it: admin may all, execute may read. */
  scopes: readonly Scope[];
  /** Id of the API key; absent for the token. */
  keyId?: string;
}

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

export interface Keys {
  /** The installation's token, for the start message and the CLI. */
  readonly token: string;
  /** Whose credential this is; undefined when it is nobody's. Compares in constant time. */
  identify(credential: string): Identity | undefined;
  /** The value of a session cookie for the holder of a credential; it expires by itself. */
  session(identity: Identity): string;
  identifySession(value: string): Identity | undefined;
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

export function allows(identity: Identity, scope: Scope): boolean {
  const wanted = SCOPES.indexOf(scope);
  return identity.scopes.some((has) => SCOPES.indexOf(has) >= wanted);
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export interface KeysOptions {
  token: string;
  store: KeyStore;
  /** For tests. */
  now?: () => number;
}

export function createKeys({ token, store, now = Date.now }: KeysOptions): Keys {
  const tokenHash = hashOf(token);
  const owner: Identity = { name: ownerName(), scopes: SCOPES };
  const lastUsed = new Map<string, number>();

  const identityOf = (key: StoredKey): Identity => ({ name: key.name, scopes: key.scopes, keyId: key.id });
  const info = ({ hash, ...key }: StoredKey): KeyInfo => {
    void hash;
    const { revokedAt, ...rest } = key;
    const used = lastUsed.get(key.id);
    return {
      ...rest,
      ...(revokedAt === undefined ? {} : { revokedAt }),
      ...(used === undefined ? {} : { lastUsedAt: used }),
    };
  };
  const sign = (payload: string) =>
    createHmac('sha256', token).update(`session:${payload}`).digest('base64url');

  return {
    token,
    cookieName: `linefeed_${createHash('sha256').update(`cookie:${token}`).digest('hex').slice(0, 12)}`,
    identify(credential) {
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
    session(identity) {
      const payload = `${identity.keyId ?? ''}.${now() + SESSION_MS}`;
      return `${payload}.${sign(payload)}`;
    },
    identifySession(value) {
      const [keyId, expires, signature, ...rest] = value.split('.');
      if (keyId === undefined || !expires || !signature || rest.length > 0) return undefined;
      if (!timingSafeEqual(hashOf(signature), hashOf(sign(`${keyId}.${expires}`)))) return undefined;
      if (!(Number(expires) > now())) return undefined;
      if (keyId === '') return owner;
      const key = store
        .all()
        .find((candidate) => candidate.id === keyId && candidate.revokedAt === undefined);
      return key && identityOf(key);
    },
    list: () => store.all().map(info),
    async create(name, scopes) {
      const id = randomBytes(6).toString('hex');
      const key = `lf_${id}_${randomBytes(24).toString('base64url')}`;
      const entry = {
        id,
        name,
        scopes: SCOPES.filter((scope) => scopes.includes(scope)),
        hash: hashOf(key),
        createdAt: now(),
      };
      await store.put(entry);
      return { ...info(entry), key };
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
