/** The built page as files in a folder (see tools/build/page.ts), read into memory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One body in each encoding that a browser may ask for. */
export interface Encoded {
  plain: Uint8Array<ArrayBuffer>;
  br: Uint8Array<ArrayBuffer>;
  gzip: Uint8Array<ArrayBuffer>;
}

/** `page.json`. */
interface PageManifest {
  /** A hash of the page's whole content: what is served under an address with it never changes. */
  version: string;
  /** The hash of the one script in the document, as a content security policy names it: `sha256-…`. */
  inlineHash: string;
  /** Names of files that are served under `/assets/<version>/`. */
  assets: string[];
}

export interface PageFiles extends Omit<PageManifest, 'assets'> {
  html: Encoded;
  assets: ReadonlyMap<string, Encoded>;
}

async function readEncoded(file: string): Promise<Encoded> {
  const [plain, br, gzip] = await Promise.all([
    readFile(file),
    readFile(`${file}.br`),
    readFile(`${file}.gz`),
  ]);
  return { plain, br, gzip };
}

/** @throws Error when a file is missing or `page.json` is damaged. */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const manifest = JSON.parse(await readFile(join(folder, 'page.json'), 'utf8')) as PageManifest;
  const { version, inlineHash, assets } = manifest;
  const read = async (name: string) => [name, await readEncoded(join(folder, name))] as const;
  const [html, ...entries] = await Promise.all([
    readEncoded(join(folder, 'index.html')),
    ...assets.map(read),
  ]);
  return { version, inlineHash, html, assets: new Map(entries) };
}
