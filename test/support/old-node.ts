/** A stand-in for a Node that is too old for us, so that the launcher's other half is tested on every machine. */
import { chmodSync, copyFileSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoteWord } from '../../cli/quote.ts';
import { atExit } from './at-exit.ts';

const OLD = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })`;

let made: string | undefined;

/** The path of a Node that lies beside the package's own and says that it is 20.1; made once a process. */
export function oldNode(): string {
  if (made) return made;
  const folder = mkdtempSync(join(tmpdir(), 'linefeed-old-node-'));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  const binary = join(folder, 'node-binary');
  try {
    linkSync(process.execPath, binary);
  } catch {
    // Another file system, or links to files of others are forbidden.
    copyFileSync(process.execPath, binary);
  }
  made = join(folder, 'node');
  const preload = `data:text/javascript,${encodeURIComponent(OLD)}`;
  writeFileSync(made, `#!/bin/sh\nexec ${quoteWord(binary)} --import ${quoteWord(preload)} "$@"\n`);
  chmodSync(made, 0o755);
  return made;
}
