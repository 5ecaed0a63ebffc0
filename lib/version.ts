/** The version of this package. */
import { readFileSync } from 'node:fs';

/** From package.json, which is one folder further up for compiled code. */
export function version(): string {
  const path = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json';
  return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
}
