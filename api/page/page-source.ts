/**
 * Where the page comes from: a package contains the built page; a checkout builds it from web/ when a file has changed and
 * keeps it beside V8's compiled code, so that it is built once and not for the first visitor of each start.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PageFiles, readPageFiles } from './page-files.ts';

export interface PageSource {
  /** Changes when the page may have changed. */
  stamp(): string;
  /** @throws Error when the page cannot be built; its message says why. */
  load(): Promise<PageFiles>;
}

/** The root of the checkout; in a package `dist/`. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILDER = join(ROOT, 'tools/build/page.ts');
const BUILD_LIMIT_MS = 30_000;
/** Built pages kept for a checkout that switches between versions. */
const KEPT = 4;

const run = promisify(execFile);

function sourceFiles(): string[] {
  return readdirSync(join(ROOT, 'web'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Changes when the content of a source, the build or a dependency does. */
export function pageKey(): string {
  const hash = createHash('sha256');
  for (const file of [...sourceFiles(), BUILDER, join(ROOT, 'package-lock.json')]) {
    hash.update(`\0${file}\0`).update(readFileSync(file));
  }
  return hash.digest('base64url').slice(0, 16);
}

/** A new folder in the cache, or where that cannot be written to, among the temporary ones. */
async function workFolder(cacheFolder: string | undefined): Promise<string> {
  if (cacheFolder !== undefined) {
    try {
      await mkdir(cacheFolder, { recursive: true });
      return await mkdtemp(join(cacheFolder, 'building-page-'));
    } catch {}
  }
  return mkdtemp(join(tmpdir(), 'linefeed-page-'));
}

async function build(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const options = { timeout: BUILD_LIMIT_MS, ...(signal ? { signal } : {}) };
  try {
    await run(process.execPath, [BUILDER, folder], options);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(stderr?.trim() || message);
  }
}

/** Moves a built page into the cache and removes the oldest ones. */
async function keep(built: string, kept: string): Promise<void> {
  const cacheFolder = dirname(kept);
  await rm(kept, { recursive: true, force: true });
  await rename(built, kept);
  const names = (await readdir(cacheFolder)).filter((name) => name.startsWith('page-'));
  const pages = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(cacheFolder, name))).mtimeMs })),
  );
  pages.sort((a, b) => b.at - a.at);
  for (const { name } of pages.slice(KEPT))
    await rm(join(cacheFolder, name), { recursive: true, force: true });
}

/**
 * The page of this checkout. A child process builds it, so the server keeps none of that memory.
 * @param cacheFolder keeps built pages; undefined keeps none.
 * @param signal ends a build.
 */
export function checkoutPage(cacheFolder: string | undefined, signal?: AbortSignal): PageSource {
  return {
    stamp: () =>
      sourceFiles()
        .map((file) => statSync(file).mtimeMs)
        .join(),
    async load() {
      const kept = cacheFolder === undefined ? undefined : join(cacheFolder, `page-${pageKey()}`);
      try {
        if (kept !== undefined) return await readPageFiles(kept);
      } catch {
        // not built yet, or damaged
      }
      const folder = await workFolder(cacheFolder);
      try {
        await build(folder, signal);
        const page = await readPageFiles(folder);
        // a source that changed during the build makes this the page of another key
        const unchanged = kept?.endsWith(pageKey());
        // a page that cannot be kept is built again next time
        if (kept && unchanged) await keep(folder, kept).catch(() => {});
        return page;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** The page that was built into a package. */
function packagedPage(): PageSource {
  return { stamp: () => 'package', load: () => readPageFiles(join(ROOT, 'web')) };
}

/** @param signal ends a build. */
export function pageSource(signal?: AbortSignal): PageSource {
  return existsSync(BUILDER) ? checkoutPage(getCompileCacheDir(), signal) : packagedPage();
}
