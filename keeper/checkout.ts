/**
 * Starts the keeper in a checkout. Node compiles TypeScript at run time with a compiler that takes 20 MB, and the keeper
 * is to be as small as an empty Node process. So this strips the types once, and hands the process over to the result.
 * The published package has JavaScript and does not need this.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

const sources = import.meta.dirname;
const [spool = '', home = '', socketPath = ''] = process.argv.slice(2);

/** @returns the folder of the keeper's modules without types. */
function stripped(): string {
  const names = readdirSync(sources).filter((name) => name.endsWith('.ts'));
  const texts = names.map((name) => readFileSync(join(sources, name), 'utf8'));
  const hash = createHash('sha256')
    .update(process.version)
    .update(texts.join('\0'))
    .digest('hex')
    .slice(0, 16);
  const folder = join(home, `code-${hash}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).includes('main.js')) return folder;
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [index, name] of names.entries()) {
    const script = stripTypeScriptTypes(texts[index] as string);
    const path = join(folder, name.replace(/\.ts$/, '.js'));
    writeFileSync(`${path}.new`, script.replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"));
    // `main.js` is the last, and says that the others are there.
    if (name !== 'main.ts') renameSync(`${path}.new`, path);
  }
  renameSync(join(folder, 'main.js.new'), join(folder, 'main.js'));
  return folder;
}

if (process.execve) {
  const main = join(stripped(), 'main.js');
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, main, spool, home, socketPath],
    process.env,
  );
} else await import('./main.ts');
