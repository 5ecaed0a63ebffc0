/**
 * Serves the web page: one HTML document for its addresses, and its script, styles and icon under an address that names
 * their content. Holds no data of the installation, so it needs no sign-in; what it shows comes from the API.
 */
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type Context, Hono } from 'hono';
import { pageStamp, readPageAssets } from './page-assets.ts';

/** @param inline the hash of the one script that may stand in the document. */
const policy = (inline: string) =>
  [
    "default-src 'none'",
    `script-src 'self' ${inline}`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ');

const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Paths that show the page. */
const VIEWS = ['/', '/executions', '/executions/:id', '/search', '/operations'];

interface Encoded {
  plain: Buffer<ArrayBuffer>;
  br: Buffer<ArrayBuffer>;
  gzip: Buffer<ArrayBuffer>;
}
interface Site {
  stamp: string;
  version: string;
  policy: string;
  html: Promise<Encoded>;
  files: Map<string, Promise<Encoded>>;
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

function buildSite(stamp: string): Site {
  const { version, html, inline, files } = readPageAssets();
  return {
    stamp,
    version,
    policy: policy(inline),
    html: encode(html),
    files: new Map([...files].map(([name, text]) => [name, encode(text)])),
  };
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
    const stamp = pageStamp();
    if (site?.stamp !== stamp) site = buildSite(stamp);
    return site;
  }

  const app = new Hono();
  for (const path of VIEWS) {
    app.get(path, async (c) => {
      const { html, version, policy } = current();
      const headers = { ...HEADERS, 'content-security-policy': policy, etag: `"${version}"` };
      if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers);
      return send(c, await html, {
        ...headers,
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
      });
    });
  }
  app.get('/assets/*', async (c) => {
    site ??= current();
    const match = /^\/assets\/([\w-]{12})\/(.+)$/.exec(c.req.path);
    const name = match?.[2] ?? '';
    const body = site.files.get(name);
    if (!body) return c.text('There is no such file. Reload the page.', 404, HEADERS);
    return send(c, await body, {
      'content-type': TYPES[extname(name)] ?? 'text/plain; charset=utf-8',
      // an address with another version is an old page's: it gets what there is now, and must ask again
      'cache-control': match?.[1] === site.version ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${match?.[1]}"`,
    });
  });
  app.get('/favicon.ico', (c) => c.redirect(`/assets/${current().version}/icon.svg`, 302));
  return app;
}
