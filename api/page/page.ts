/**
 * Serves the web page: one HTML document for all its addresses, and its script, styles and icon under an address that
 * contains a hash of their content. It contains no data of the installation, so it needs no sign-in; the API does.
 */
import { extname } from 'node:path';
import { type Context, Hono } from 'hono';
import type { Encoded, PageFiles } from './page-files.ts';
import { type PageSource, pageSource } from './page-source.ts';

/** @param inlineHash the hash of the one script that the document may contain. */
const policy = (inlineHash: string) =>
  [
    "default-src 'none'",
    `script-src 'self' '${inlineHash}'`,
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

/** Addresses that show the page. */
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
  /** Builds the page before the first visitor asks for it. */
  prepare(): void;
}

/** Loads the page when it is first wanted, and again when a source has changed. */
function cached(source: PageSource) {
  let stamp: string | undefined;
  let loaded: Promise<PageFiles> | undefined;
  let prepared: Promise<unknown> | undefined;

  return {
    /** Keeps nothing in memory: the page is only built. An error is told to the first visitor. */
    prepare() {
      prepared ??= source.load().catch(() => {});
    },
    /** @throws Error when the page cannot be built. */
    current(): Promise<PageFiles> {
      const now = source.stamp();
      if (loaded && stamp === now) return loaded;
      stamp = now;
      const loading = Promise.resolve(prepared).then(() => source.load());
      loaded = loading;
      // the next visitor tries again
      loading.catch(() => {
        if (loaded === loading) loaded = undefined;
      });
      return loading;
    },
    /** The page that was last loaded; a visitor's assets belong to it. */
    latest(): Promise<PageFiles> {
      return loaded ?? this.current();
    },
  };
}

/** @param signal ends a build of the page. */
export function pageRoutes(signal?: AbortSignal, source: PageSource = pageSource(signal)): PageRoutes {
  const page = cached(source);
  const app = new Hono();
  app.onError((error, c) => c.text(`The page cannot be shown.\n\n${error.message}\n`, 503, HEADERS));
  for (const path of VIEWS) {
    app.get(path, async (c) => {
      const { html, version, inlineHash } = await page.current();
      const headers = { ...HEADERS, 'content-security-policy': policy(inlineHash), etag: `"${version}"` };
      if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers);
      return send(c, html, {
        ...headers,
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
      });
    });
  }
  app.get('/assets/*', async (c) => {
    const { version, assets } = await page.latest();
    const match = /^\/assets\/([\w-]{12})\/(.+)$/.exec(c.req.path);
    const body = assets.get(match?.[2] ?? '');
    if (!body) return c.text('File not found. Reload the page.', 404, HEADERS);
    return send(c, body, {
      'content-type': TYPES[extname(match?.[2] ?? '')] ?? 'text/plain; charset=utf-8',
      // an address with another version belongs to an older page: it gets the current file and must ask again
      'cache-control': match?.[1] === version ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${match?.[1]}"`,
    });
  });
  app.get('/favicon.ico', async (c) => c.redirect(`/assets/${(await page.current()).version}/icon.svg`, 302));
  return { router: app, prepare: page.prepare };
}
