/**
 * The files of web/ as a browser takes them: in a checkout TypeScript stripped of its types, in the published package
 * compiled JavaScript, in either case joined into one script. Knows files, not HTTP.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sibling } from '../../lib/sibling.ts';
import { linkModules } from './link-modules.ts';

/** Packages that the page imports by name. */
const PACKAGES = new Set(['preact', 'preact/hooks']);

export interface PageAssets {
  /** Of everything in it: an address with it can be kept for ever. */
  version: string;
  /** The document, complete. */
  html: string;
  /** What a policy must allow for the document's one inline script, which is the same for everyone: `'sha256-…'`. */
  inline: string;
  /** By name: `app.js`, `style.css`, `icon.svg`; under `/assets/<version>/`. */
  files: ReadonlyMap<string, string>;
}

/** The folder of the page's scripts, and of its other files (a package has those only beside its sources). */
function folders(): { scripts: string; files: string; ext: 'ts' | 'js' } {
  const here = dirname(fileURLToPath(import.meta.url));
  const scripts = join(here, '..', '..', 'web');
  const ext = existsSync(join(scripts, 'main.ts')) ? 'ts' : 'js';
  const files = existsSync(join(scripts, 'style.css')) ? scripts : join(here, '..', '..', '..', 'web');
  return { scripts, files, ext };
}

function withoutTypes(source: string): string {
  const warn = process.emitWarning;
  // Node calls the function experimental, once, on the server's stderr; a user can do nothing about it
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = warn;
  }
}

/** Reads and joins all of it; some tens of milliseconds. */
export function readPageAssets(): PageAssets {
  const { scripts, files, ext } = folders();
  const require = createRequire(import.meta.url);
  const read = (name: string): string => {
    if (PACKAGES.has(name)) {
      return readFileSync(require.resolve(name), 'utf8').replace(/\/\/# sourceMapping.*$/m, '');
    }
    const text = readFileSync(join(scripts, name), 'utf8');
    return ext === 'ts' ? withoutTypes(text) : text;
  };
  const resolve = (specifier: string, from: string) =>
    PACKAGES.has(specifier) ? specifier : join(dirname(from), specifier);
  const found = new Map([
    ['app.js', linkModules(`main.${ext}`, { read, resolve })],
    ['style.css', readFileSync(join(files, 'style.css'), 'utf8')],
    ['icon.svg', readFileSync(join(files, 'icon.svg'), 'utf8')],
  ]);
  const early = linkModules(`early.${ext}`, { read, resolve });
  if (early.includes('</script')) throw new Error('early.ts would end its own element');
  const document = readFileSync(join(files, 'index.html'), 'utf8').replace(
    '<!-- early.ts -->',
    () => `<script>${early}</script>`,
  );
  const hash = createHash('sha256').update(document);
  for (const [name, text] of found) hash.update(`\0${name}\0`).update(text);
  const version = hash.digest('base64url').slice(0, 12);
  return {
    version,
    html: document.replaceAll('{{assets}}', `/assets/${version}`),
    inline: `'sha256-${createHash('sha256').update(early).digest('base64')}'`,
    files: found,
  };
}

/** Paths of all files of web/, in a fixed order. */
function pageFiles(): string[] {
  const { scripts, files } = folders();
  return [...new Set([scripts, files])]
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Changes when a file of the page does. In a package nothing does. */
export function pageStamp(): string {
  if (folders().ext === 'js') return 'package';
  return pageFiles()
    .map((file) => statSync(file).mtimeMs)
    .join();
}

/** Names the page that these sources, and this code that joins them, would give: a hash of their content. */
export function pageKey(): string {
  const require = createRequire(import.meta.url);
  const code = ['./page-assets', './page-site', './link-modules'].map((path) =>
    sibling(import.meta.url, path),
  );
  const hash = createHash('sha256').update(process.version);
  for (const file of [...pageFiles(), ...[...PACKAGES].map((name) => require.resolve(name)), ...code]) {
    hash.update(`\0${file}\0`).update(readFileSync(file));
  }
  return hash.digest('base64url').slice(0, 16);
}
