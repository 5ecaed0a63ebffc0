/**
 * Secret parameter values travel through the log encrypted (AES-256-GCM), so that a worker on another machine, or
 * this one after a restart, can still run what was requested. The key never leaves the installation.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ServiceError } from '../lib/errors.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Seal {
  seal(secrets: Record<string, unknown>): string;
  /** @throws ServiceError `internal` when it was sealed with another key. */
  unseal(sealed: string): Record<string, unknown>;
}

/** `key` is 32 bytes. */
export function createSeal(key: Uint8Array): Seal {
  return {
    seal(secrets) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const body = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
    },
    unseal(sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const text = Buffer.concat([
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
          decipher.final(),
        ]);
        return JSON.parse(text.toString('utf8')) as Record<string, unknown>;
      } catch (cause) {
        throw new ServiceError(
          'internal',
          'The secret parameters were sealed with another key; give every node the same LINEFEED_SEAL_KEY',
          { cause },
        );
      }
    },
  };
}

/** Reads the key from `LINEFEED_SEAL_KEY` (64 hex digits), else from the file, which is made (mode 0600) when absent. */
export function loadSealKey(path: string, fromEnvironment = process.env.LINEFEED_SEAL_KEY): Uint8Array {
  if (fromEnvironment !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(fromEnvironment)) {
      throw new ServiceError(
        'invalid-config',
        'LINEFEED_SEAL_KEY must be 64 hex digits; make one with: openssl rand -hex 32',
      );
    }
    return Buffer.from(fromEnvironment, 'hex');
  }
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
}
