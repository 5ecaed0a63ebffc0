/**
 * PORT. Where API keys are kept: who may do what, and the hash by which a key is known, never the key itself. To an
 * implementer: `all` answers from memory, for it is asked with every request; whatever order states of a key are heard
 * in, and however often, a key that was once revoked stays so (see `joined`).
 */
import { z } from 'zod';

/** Each scope includes the ones before it: admin may all, execute may read. */
export const SCOPES = ['read', 'execute', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** All there is to know of a key; times are milliseconds since the epoch. */
export interface StoredKey {
  id: string;
  name: string;
  scopes: readonly Scope[];
  /** SHA-256 of the key. */
  hash: Buffer;
  createdAt: number;
  revokedAt?: number;
}

export interface KeyStore {
  /** Every key that is known here, revoked ones included, oldest first. */
  all(): readonly StoredKey[];
  /**
   * Makes a key known, or revokes it. Resolves when it is durable and `all` has it.
   * @throws ServiceError `keys-unavailable` (retriable): it may have been written all the same.
   */
  put(key: StoredKey): Promise<void>;
  close(): Promise<void>;
}

/** SHA-256 in hexadecimal digits. */
export const HASH_SCHEMA = z.string().regex(/^[0-9a-f]{64}$/);

/** Wire schema of `key.created` and `key.revoked`, each the whole state of the key; its id is the key of the record. */
export const KEY_SCHEMA = z.object({
  id: z.string().min(1),
  name: z.string().describe('What it is for; the user of what is done with it'),
  scopes: z.array(z.enum(SCOPES)),
  hash: HASH_SCHEMA.describe('SHA-256 of the key, in hexadecimal digits; the key itself is kept nowhere'),
  created_at: z.iso.datetime({ offset: true }),
  revoked_at: z.iso.datetime({ offset: true }).optional(),
});
export type WireKey = z.output<typeof KEY_SCHEMA>;

/** What is known of a key when one more state of it is heard. */
export function joined(known: StoredKey | undefined, heard: StoredKey): StoredKey {
  const revoked = [known?.revokedAt, heard.revokedAt].filter((at) => at !== undefined);
  return revoked.length === 0 ? heard : { ...heard, revokedAt: Math.min(...revoked) };
}
