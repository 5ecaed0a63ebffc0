/** Reads OpenSSH's known_hosts and compares host keys with it. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { globMatches } from '../../../lib/glob.ts';
import { readRegularFileSync } from '../../../lib/regular-file.ts';

export const KNOWN_HOSTS_LIMIT_BYTES = 16 * 1024 * 1024;

interface KnownKey {
  type: string;
  /** The key as base64. */
  key: string;
  line: number;
  revoked: boolean;
}

type KeyCheck =
  | { known: 'yes' }
  | { known: 'no' }
  /** This line has another key, or marks the key as `@revoked`. */
  | { known: 'changed' | 'revoked'; line: number };

export interface KnownHosts {
  /** The keys of this host. */
  keys(host: string, port: number): KnownKey[];
  check(host: string, port: number, key: Buffer): KeyCheck;
  /** Adds the key to the file. */
  add(host: string, port: number, key: Buffer): void;
}

interface Entry extends KnownKey {
  names: string;
}

/** The name of a host in the file. */
export function knownName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

export function keyType(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function parse(text: string): Entry[] {
  return text.split('\n').flatMap((row, index) => {
    const words = row.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [names, type, key] = words;
    // Certificate authorities are not supported.
    if (!names || names.startsWith('#') || !type || !key || marker === '@cert-authority') return [];
    return [{ names, type, key, line: index + 1, revoked: marker === '@revoked' }];
  });
}

const nameMatches = (pattern: string, name: string): boolean =>
  globMatches(pattern.toLowerCase(), name.toLowerCase(), true);

function matches(names: string, name: string): boolean {
  if (names.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = names.split('|');
    const wanted = Buffer.from(hash, 'base64');
    const made = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
    return wanted.length === made.length && timingSafeEqual(wanted, made);
  }
  const patterns = names.split(',');
  if (patterns.some((pattern) => pattern.startsWith('!') && nameMatches(pattern.slice(1), name)))
    return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && nameMatches(pattern, name));
}

function textOf(path: string): string {
  try {
    return readRegularFileSync(path, KNOWN_HOSTS_LIMIT_BYTES).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/**
 * Reads synchronously: the helper process may wait for its disk. A file that does not exist has no keys.
 * @throws ServiceError `unusable-file` when it is not a regular file, or too large.
 */
export function openKnownHosts(path: string): KnownHosts {
  const entries = parse(textOf(path));
  const named = (name: string) => entries.filter((entry) => matches(entry.names, name));
  return {
    keys: (host, port) => [
      ...named(knownName(host, port)),
      ...(port === 22 ? [] : named(host.toLowerCase())),
    ],
    check(host, port, key) {
      const text = key.toString('base64');
      const exact = named(knownName(host, port));
      // As in OpenSSH, a key of the host without the port can confirm a key, but not contradict it.
      const loose = port === 22 ? [] : named(host.toLowerCase());
      const revoked = [...exact, ...loose].find((entry) => entry.revoked && entry.key === text);
      if (revoked) return { known: 'revoked', line: revoked.line };
      if ([...exact, ...loose].some((entry) => !entry.revoked && entry.key === text)) return { known: 'yes' };
      const other = exact.find((entry) => !entry.revoked);
      return other ? { known: 'changed', line: other.line } : { known: 'no' };
    },
    add(host, port, key) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const before = textOf(path);
      const gap = before === '' || before.endsWith('\n') ? '' : '\n';
      const row = `${knownName(host, port)} ${keyType(key)} ${key.toString('base64')}\n`;
      appendFileSync(path, gap + row, { mode: 0o600 });
    },
  };
}
