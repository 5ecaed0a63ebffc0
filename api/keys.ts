/**
 * Who may call: the token made at first start, API keys with scopes, and browser sessions derived from either. Keys are
 * kept as hashes in `<data>/keys.json`; the token lies in `<data>/token`, readable by its owner alone.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ServiceError } from '../events/errors.ts';

export const SCOPES = ['read', 'execute', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

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
  scopes: Scope[];
  /** Milliseconds since the epoch. */
  createdAt: number;
  revokedAt?: number;
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
  /** The key itself is shown once, here. */
  create(name: string, scopes: readonly Scope[]): KeyInfo & { key: string };
  /** @throws ServiceError `not-found`. */
  revoke(id: string): void;
}

/** Long enough to be rarely in the way, short enough that a stolen browser profile goes stale. */
const SESSION_MS = 30 * 86_400_000;

const fileSchema = z.object({
  keys: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      scopes: z.array(z.enum(SCOPES)),
      hash: z.string(),
      createdAt: z.number(),
      revokedAt: z.number().optional(),
    }),
  ),
});
type StoredKey = z.infer<typeof fileSchema>['keys'][number];

export function allows(identity: Identity, scope: Scope): boolean {
  const wanted = SCOPES.indexOf(scope);
  return identity.scopes.some((has) => SCOPES.indexOf(has) >= wanted);
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Opens or makes the token and the keys of a data folder. `now` is for tests. */
export function openKeys(dataFolder: string, now: () => number = Date.now): Keys {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const tokenFile = join(dataFolder, 'token');
  const keysFile = join(dataFolder, 'keys.json');
  if (!existsSync(tokenFile)) writePrivate(tokenFile, `${randomBytes(24).toString('base64url')}\n`);
  else chmodSync(tokenFile, 0o600);
  const token = readFileSync(tokenFile, 'utf8').trim();
  if (token.length < 16) {
    throw new ServiceError(
      'validation-failed',
      `${tokenFile} holds no usable token; delete it and a new one is made at the next start`,
    );
  }
  const tokenHash = hashOf(token);
  const owner: Identity = { name: ownerName(), scopes: SCOPES };
  let stored = readKeys(keysFile);
  const lastUsed = new Map<string, number>();

  const identityOf = (key: StoredKey): Identity => ({ name: key.name, scopes: key.scopes, keyId: key.id });
  const save = (keys: StoredKey[]) => {
    writePrivate(keysFile, `${JSON.stringify({ keys }, null, 2)}\n`);
    stored = keys;
  };
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
      for (const key of stored) {
        if (timingSafeEqual(hash, Buffer.from(key.hash, 'hex')) && key.revokedAt === undefined) {
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
      const key = stored.find((candidate) => candidate.id === keyId && candidate.revokedAt === undefined);
      return key && identityOf(key);
    },
    list: () => stored.map(info),
    create(name, scopes) {
      const id = randomBytes(6).toString('hex');
      const key = `lf_${id}_${randomBytes(24).toString('base64url')}`;
      const entry = {
        id,
        name,
        scopes: SCOPES.filter((scope) => scopes.includes(scope)),
        hash: hashOf(key).toString('hex'),
        createdAt: now(),
      };
      save([...stored, entry]);
      return { ...info(entry), key };
    },
    revoke(id) {
      const key = stored.find((candidate) => candidate.id === id);
      if (!key)
        throw new ServiceError(
          'not-found',
          `There is no API key "${id}". List the keys to see which there are.`,
        );
      if (key.revokedAt !== undefined) return;
      save(stored.map((other) => (other === key ? { ...key, revokedAt: now() } : other)));
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

function readKeys(file: string): StoredKey[] {
  if (!existsSync(file)) return [];
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).keys;
  } catch (cause) {
    throw new ServiceError(
      'validation-failed',
      `${file} cannot be read as the list of API keys; repair it, or delete it to start with none`,
      { cause },
    );
  }
}

/** Written beside and renamed, so that a crash leaves the old file or the new one. */
function writePrivate(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
