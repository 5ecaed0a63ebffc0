/**
 * Serves the web page: one HTML document for its addresses, and its script, styles and icon under an address that names
 * their content. Holds no data of the installation, so it needs no sign-in; what it shows comes from the API.
 */
import { extname } from 'node:path';
import { type Context, Hono } from 'hono';
import { pageStamp } from './page-assets.ts';
import { type Encoded, loadSite, prepareSite, type Site } from './page-site.ts';

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

export interface PageRoutes {
  /** `/`, `/executions/:id`, `/search`, `/operations` and `/assets/*`. */
  router: Hono;
  /** Has the page made before somebody asks for it. */
  prepare(): void;
}

/** @param signal ends what is under way for a page that nobody waits for any more. */
export function pageRoutes(signal?: AbortSignal): PageRoutes {
  let stamp: string | undefined;
  let site: Promise<Site> | undefined;
  let prepared: Promise<void> | undefined;

  /** Loaded when first wanted; again when a file changed, so that a checkout shows what is in it. */
  function current(): Promise<Site> {
    const now = pageStamp();
    if (site && stamp === now) return site;
    stamp = now;
    const loading = Promise.resolve(prepared).then(() => loadSite());
    // a page that cannot be made, because somebody is writing it, is tried again by the next who asks
    loading.catch(() => {
      if (site === loading) site = undefined;
    });
    site = loading;
    return loading;
  }

  const app = new Hono();
  for (const path of VIEWS) {
    app.get(path, async (c) => {
      const { html, version, inline } = await current();
      const headers = { ...HEADERS, 'content-security-policy': policy(inline), etag: `"${version}"` };
      if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers);
      return send(c, html, {
        ...headers,
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
      });
    });
  }
  app.get('/assets/*', async (c) => {
    const { version, files } = await (site ?? current());
    const match = /^\/assets\/([\w-]{12})\/(.+)$/.exec(c.req.path);
    const body = files.get(match?.[2] ?? '');
    if (!body) return c.text('There is no such file. Reload the page.', 404, HEADERS);
    return send(c, body, {
      'content-type': TYPES[extname(match?.[2] ?? '')] ?? 'text/plain; charset=utf-8',
      // an address with another version is an old page's: it gets what there is now, and must ask again
      'cache-control': match?.[1] === version ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${match?.[1]}"`,
    });
  });
  app.get('/favicon.ico', async (c) => c.redirect(`/assets/${(await current()).version}/icon.svg`, 302));
  const prepare = () => {
    prepared ??= prepareSite(signal).catch(() => {});
  };
  return { router: app, prepare };
}
