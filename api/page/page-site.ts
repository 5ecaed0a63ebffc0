/**
 * The page ready to be sent: joined, compressed, and kept on disk beside V8's compiled code, named by what it is made of,
 * so that it is made once for an installation and not for the first visitor of each start. Knows no HTTP.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { sibling } from '../../lib/sibling.ts';
import { pageKey, readPageAssets } from './page-assets.ts';

/** One body as it may be asked for. */
export interface Encoded {
  plain: Uint8Array<ArrayBuffer>;
  br: Uint8Array<ArrayBuffer>;
  gzip: Uint8Array<ArrayBuffer>;
}

export interface Site {
  /** Of everything in it. */
  version: string;
  /** See PageAssets. */
  inline: string;
  html: Encoded;
  files: ReadonlyMap<string, Encoded>;
}

/** The name of the file that keeps the page of this key. */
export const siteFile = (key: string) => `page-${key}`;

/** Kept for a checkout that goes back and forth between versions; each is some 500 kB. */
const KEPT = 4;
const BUILD_MS = 30_000;

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);
const run = promisify(execFile);

/** A buffer of its own: small ones share a pool, which would be written to disk as a whole. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

async function encode(text: string): Promise<Encoded> {
  const plain = Buffer.from(text);
  const [br, zipped] = await Promise.all([
    brotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    deflate(plain, { level: 9 }),
  ]);
  return { plain: own(plain), br: own(br), gzip: own(zipped) };
}

/** Some 150 ms of work and 60 MB of memory for the compiler that removes types, which the process then keeps. */
export async function buildSite(): Promise<Site> {
  const { version, html, inline, files } = readPageAssets();
  const encoded = [...files].map(async ([name, text]) => [name, await encode(text)] as const);
  return { version, inline, html: await encode(html), files: new Map(await Promise.all(encoded)) };
}

function fromDisk(file: string): Site | undefined {
  try {
    return deserialize(readFileSync(file)) as Site;
  } catch {
    return undefined;
  }
}

/** Writes it for those who ask later. Whoever reads meanwhile sees all or nothing of it. */
export function keepSite(site: Site, file: string): void {
  const folder = join(file, '..');
  mkdirSync(folder, { recursive: true });
  const half = `${file}.${randomUUID()}`;
  writeFileSync(half, serialize(site));
  renameSync(half, file);
  const others = readdirSync(folder)
    .filter((name) => name.startsWith('page-'))
    .map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of others.slice(KEPT)) rmSync(path, { force: true });
}

/**
 * Has the page on disk before somebody asks for it; in memory there is nothing of it until then. A process of its own
 * makes it, whose memory goes with it. That it could not is no error: whoever asks then makes it.
 * @param signal ends the other process.
 */
export async function prepareSite(signal?: AbortSignal, folder = getCompileCacheDir()): Promise<void> {
  if (folder === undefined) return;
  const file = join(folder, siteFile(pageKey()));
  if (existsSync(file)) return;
  const builder = fileURLToPath(sibling(import.meta.url, './page-builder'));
  const options = { timeout: BUILD_MS, ...(signal ? { signal } : {}) };
  await run(process.execPath, [builder, file], options).catch(() => {});
}

/**
 * The page of now, from disk or made here.
 * @param folder where it is kept; by default where the compiled code is. Nowhere when there is no such folder.
 */
export async function loadSite(folder = getCompileCacheDir()): Promise<Site> {
  return (folder !== undefined && fromDisk(join(folder, siteFile(pageKey())))) || buildSite();
}
