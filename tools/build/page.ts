/**
 * Bundles web/ with esbuild into the files that api/page serves. The package build writes them to dist/web. In a
 * checkout a server runs this file as a process of its own, so that it needs no esbuild in memory:
 *
 *   node tools/build/page.ts FOLDER
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EARLY = '<!-- early.ts -->';

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** The dependencies for development may be left out of an installation. */
async function loadEsbuild() {
  try {
    return await import('esbuild');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'esbuild is not installed, so the page cannot be built from its sources.\n' +
        'Run `npm ci` without --omit=dev, or install the published package, which contains the built page.',
    );
  }
}

/** The text of the bundle that begins with a file of web/, and the packages in it. */
async function bundle(entry: string): Promise<{ text: string; packages: string[] }> {
  const { build } = await loadEsbuild();
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`web/${entry}`],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'esnext',
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  );
  return { text: outputFiles[0]?.text ?? '', packages: [...new Set(packages)] };
}

/** The licences of the packages whose code the page contains. */
function licencesOf(packages: readonly string[]): string {
  const read = (name: string) => readFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8');
  return packages.map((name) => `${name}\n\n${read(name)}`).join('\n\n');
}

/**
 * Writes `page.json` (see PageManifest in api/page/page-files.ts), `index.html`, the assets, each also as `.br` and `.gz`,
 * and the licences. Takes about 0.3 s.
 * @throws Error with esbuild's messages when the sources have an error, or when esbuild is not installed.
 */
export async function buildPage(folder: string): Promise<void> {
  const [app, early, style] = await Promise.all([bundle('main.ts'), bundle('early.ts'), bundle('style.css')]);
  const assets = new Map([
    ['app.js', app.text],
    ['style.css', style.text],
    ['icon.svg', readFileSync(join(ROOT, 'web/icon.svg'), 'utf8')],
  ]);
  if (early.text.includes('</script')) throw new Error('early.ts would end its own script element.');
  const template = readFileSync(join(ROOT, 'web/index.html'), 'utf8').replace(
    EARLY,
    () => `<script>${early.text}</script>`,
  );
  const hash = createHash('sha256').update(template);
  for (const [name, text] of assets) hash.update(`\0${name}\0`).update(text);
  const version = hash.digest('base64url').slice(0, 12);
  const html = template.replaceAll('{{assets}}', `/assets/${version}`);

  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  for (const [name, text] of [['index.html', html] as const, ...assets]) {
    const brotli = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    write(name, text);
    write(`${name}.br`, await compressBrotli(text, { params: brotli }));
    write(`${name}.gz`, await compressGzip(text, { level: constants.Z_BEST_COMPRESSION }));
  }
  write('licences.txt', licencesOf(app.packages));
  const inlineHash = `sha256-${createHash('sha256').update(early.text).digest('base64')}`;
  write('page.json', JSON.stringify({ version, inlineHash, assets: [...assets.keys()] }));
}

if (import.meta.main) {
  try {
    await buildPage(process.argv[2] as string);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
