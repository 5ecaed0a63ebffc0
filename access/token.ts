/** The installation's token in `<data>/token`, made at the first start and readable by its owner alone. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '../lib/errors.ts';
import { writePrivate } from '../lib/private-file.ts';

/** @throws ServiceError `damaged-file` when the file that is there holds none. */
export function openToken(dataFolder: string): string {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = join(dataFolder, 'token');
  if (!existsSync(file)) writePrivate(file, `${randomBytes(24).toString('base64url')}\n`);
  else chmodSync(file, 0o600);
  const token = readFileSync(file, 'utf8').trim();
  if (token.length < 16) {
    throw new ServiceError(
      'damaged-file',
      `${file} holds no usable token; delete it and a new one is made at the next start`,
    );
  }
  return token;
}
