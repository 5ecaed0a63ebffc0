/** Small files that their owner alone may read: the token, the list of keys. */
import { renameSync, writeFileSync } from 'node:fs';

/** Written beside and renamed, so that a crash leaves the old file or the new one. */
export function writePrivate(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
