/**
 * Makes dist/, which the published package runs: TypeScript compiled file by file (Node runs no TypeScript inside
 * node_modules), the files that are not code, and the bundled page. `npm run check` checks the types, this does not.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIST = join(ROOT, 'dist');
/** Built beside and moved at the end, so that nobody sees half a dist. */
const NEXT = join(ROOT, `dist.${process.pid}`);

/** What the code reads from beside itself. */
const ASSETS = ['catalogue/packs/**/*', 'actors/runners/python/**/*'];

function compile(): void {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', NEXT], {
    stdio: 'inherit',
  });
}

function copyAssets(): void {
  for (const entry of globSync(ASSETS, { cwd: ROOT, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.includes('__pycache__')) continue;
    const target = join(NEXT, path.slice(ROOT.length));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target);
  }
}

try {
  compile();
  copyAssets();
  await buildPage(join(NEXT, 'web'));
  rmSync(DIST, { recursive: true, force: true });
  renameSync(NEXT, DIST);
} finally {
  rmSync(NEXT, { recursive: true, force: true });
}
