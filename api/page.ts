/**
 * Serves the web page: one HTML document for its addresses, and the files of web/ as a browser takes them. In a checkout
 * the TypeScript is stripped of its types on the way out; the published package holds it compiled. Holds no data of the
 * installation, so it needs no sign-in; what it shows comes from the API.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type Context, Hono } from 'hono';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Modules of other packages that the page imports by name, and where they are served. */
const VENDOR: Record<string, string> = {
  preact: 'vendor/preact.js',
  'preact/hooks': 'vendor/preact-hooks.js',
};

/** Paths that show the page, and the module of the view that each begins with. */
const VIEWS: readonly [path: string, page: string][] = [
  ['/', 'executions'],
  ['/executions', 'executions'],
  ['/executions/:id', 'execution'],
  ['/search', 'search'],
  ['/operations', 'operations'],
];

interface Asset {
  path: string;
  type: string;
  read(): string;
}
interface Encoded {
  plain: Buffer<ArrayBuffer>;
  br: Buffer<ArrayBuffer>;
  gzip: Buffer<ArrayBuffer>;
}
interface Site {
  stamp: string;
  version: string;
  /** One document a view: they differ in what they tell the browser to load ahead. */
  html: Map<string, Promise<Encoded>>;
  assets: Map<string, Asset>;
  encoded: Map<string, Promise<Encoded>>;
}

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

async function encode(text: string): Promise<Encoded> {
  const plain = Buffer.from(text);
  const [br, zipped] = await Promise.all([
    brotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    deflate(plain, { level: 9 }),
  ]);
  return { plain, br: br as Buffer<ArrayBuffer>, gzip: zipped as Buffer<ArrayBuffer> };
}

/** Types out, `preact` in by address: a browser knows no package names, and an import map would need an inline script. */
function browserModule(source: string, typescript: boolean): string {
  let code = source;
  if (typescript) {
    const warn = process.emitWarning;
    // Node calls the function experimental, once, on the server's stderr; a user can do nothing about it
    process.emitWarning = () => {};
    try {
      code = stripTypeScriptTypes(source);
    } finally {
      process.emitWarning = warn;
    }
  }
  return code.replace(
    /(\bfrom\s*|\bimport\s*)(['"])(preact(?:\/hooks)?)\2/g,
    (_, keyword: string, quote: string, name: string) =>
      `${keyword}${quote}{{assets}}/${VENDOR[name]}${quote}`,
  );
}

/** The folder of the page's scripts, and of its other files (a package has those only beside its sources). */
function folders(): { scripts: string; files: string; ext: 'ts' | 'js' } {
  const here = dirname(fileURLToPath(import.meta.url));
  const scripts = join(here, '..', 'web');
  const ext = existsSync(join(scripts, 'main.ts')) ? 'ts' : 'js';
  const files = existsSync(join(scripts, 'style.css')) ? scripts : join(here, '..', '..', 'web');
  return { scripts, files, ext };
}

function walk(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}

function listAssets(): Map<string, Asset> {
  const { scripts, files, ext } = folders();
  const assets = new Map<string, Asset>();
  const add = (name: string, path: string, read: () => string) =>
    assets.set(name, { path, read, type: TYPES[extname(name)] ?? 'text/plain; charset=utf-8' });
  for (const name of walk(scripts)) {
    if (!name.endsWith(`.${ext}`) || name.endsWith('.d.ts')) continue;
    const path = join(scripts, name);
    add(name, path, () => browserModule(readFileSync(path, 'utf8'), ext === 'ts'));
  }
  for (const name of ['style.css', 'icon.svg']) {
    const path = join(files, name);
    add(name, path, () => readFileSync(path, 'utf8'));
  }
  const require = createRequire(import.meta.url);
  for (const [name, served] of Object.entries(VENDOR)) {
    const path = require.resolve(name);
    add(served, path, () =>
      browserModule(readFileSync(path, 'utf8').replace(/\/\/# sourceMapping.*$/m, ''), false),
    );
  }
  add('index.html', join(files, 'index.html'), () => readFileSync(join(files, 'index.html'), 'utf8'));
  return assets;
}

/** A module and all that it imports, itself included; what is loaded on demand is not. */
function importsOf(name: string, texts: ReadonlyMap<string, string>, found = new Set<string>()): Set<string> {
  const text = texts.get(name);
  if (text === undefined || found.has(name)) return found;
  found.add(name);
  for (const [, path = ''] of text.matchAll(/\b(?:from|import)\s*['"]([^'"]+)['"]/g)) {
    if (path.startsWith('{{assets}}/')) importsOf(path.slice('{{assets}}/'.length), texts, found);
    else importsOf(join(dirname(name), path), texts, found);
  }
  return found;
}

function buildSite(assets: Map<string, Asset>, stamp: string): Site {
  const hash = createHash('sha256');
  const texts = new Map<string, string>();
  for (const [name, asset] of assets) {
    const text = asset.read();
    texts.set(name, text);
    hash.update(name).update('\0').update(text).update('\0');
  }
  const version = hash.digest('base64url').slice(0, 12);
  const root = `/assets/${version}`;
  const place = (text: string) => text.replaceAll('{{assets}}', root);
  const { ext } = folders();
  const document = place(texts.get('index.html') ?? '').replaceAll('{{ext}}', ext);
  const html = new Map<string, Promise<Encoded>>();
  for (const [path, page] of VIEWS) {
    const needed = new Set([...importsOf(`main.${ext}`, texts), ...importsOf(`pages/${page}.${ext}`, texts)]);
    const links = [...needed].map((name) => `<link rel="modulepreload" href="${root}/${name}">`);
    html.set(path, encode(document.replace('{{preload}}', links.join('\n'))));
  }
  const encoded = new Map<string, Promise<Encoded>>();
  for (const [name, text] of texts) {
    if (name !== 'index.html') encoded.set(name, encode(place(text)));
  }
  return { stamp, version, html, assets, encoded };
}

function send(c: Context, body: Encoded, headers: Record<string, string>): Response {
  const accepted = c.req.header('accept-encoding') ?? '';
  const coding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined;
  const bytes = coding ? body[coding] : body.plain;
  return c.body(bytes, 200, {
    ...HEADERS,
    ...headers,
    vary: 'accept-encoding',
    'content-length': String(bytes.length),
    ...(coding ? { 'content-encoding': coding } : {}),
  });
}

/** The page's routes: `/`, `/executions/:id`, `/search`, `/operations` and `/assets/*`. */
export function pageRoutes(): Hono {
  let site: Site | undefined;

  /** Built at the first request; again when a file changed, so that a checkout shows what is in it. */
  function current(): Site {
    const assets = listAssets();
    const stamp = [...assets.values()].map((asset) => statSync(asset.path).mtimeMs).join();
    if (site?.stamp !== stamp) site = buildSite(assets, stamp);
    return site;
  }

  async function page(c: Context, path: string) {
    const { html, version } = current();
    const etag = `"${version}"`;
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, { ...HEADERS, etag });
    return send(c, (await html.get(path)) as Encoded, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      etag,
    });
  }

  const app = new Hono();
  for (const [path] of VIEWS) app.get(path, (c) => page(c, path));
  app.get('/assets/*', async (c) => {
    site ??= current();
    const match = /^\/assets\/([\w-]{12})\/(.+)$/.exec(c.req.path);
    const name = match?.[2] ?? '';
    const [asset, body] = [site.assets.get(name), site.encoded.get(name)];
    if (!asset || !body) return c.text('There is no such file. Reload the page.', 404, HEADERS);
    return send(c, await body, {
      'content-type': asset.type,
      // an address with another version is an old page's: it gets what there is now, and must ask again
      'cache-control': match?.[1] === site.version ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${match?.[1]}"`,
    });
  });
  app.get('/favicon.ico', (c) => c.redirect(`/assets/${current().version}/icon.svg`, 302));
  return app;
}
