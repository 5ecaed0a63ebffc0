/**
 * A real Chromium for tests of the page. A page made here fails its test when the browser reports an error, a refused
 * policy or a dialog: a page that is right prints nothing.
 *
 * @needs chromium
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { CHROMIUM } from '../../tools/install/tools.ts';
import { scaled } from './slowness.ts';

export async function launch(extra: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...extra,
    ],
  });
}

export interface Visit {
  page: Page;
  /** Everything that the browser complained about so far. */
  complaints: string[];
}

/** The session's cookie, as the link that the server prints gives it. */
async function sessionOf(server: { url: string; token: string }) {
  const answer = await fetch(`${server.url}/?token=${server.token}`, { redirect: 'manual' });
  const [, name, value] = /^([^=]+)=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '') ?? [];
  if (!name || !value) throw new Error(`The server gave no session: ${answer.status}`);
  return { name, value, url: server.url, httpOnly: true, sameSite: 'Strict' as const };
}

/**
 * Gives the body a signed-in page, which shows nothing yet, and fails afterwards when the browser complained.
 * @param server where it is and its token.
 */
export async function withPage<T>(
  browser: Browser,
  server: { url: string; token: string },
  body: (visit: Visit) => Promise<T>,
  options: BrowserContextOptions & { signedIn?: boolean; allow?: RegExp } = {},
): Promise<T> {
  const { signedIn = true, allow, ...contextOptions } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions });
  const complaints: string[] = [];
  try {
    const page = await context.newPage();
    // things take as long as they take on a slow machine: a limit ends what will never come
    page.setDefaultTimeout(scaled(45_000));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    if (signedIn) await context.addCookies([await sessionOf(server)]);
    const real = () => complaints.filter((text) => !allow?.test(text)).join('\n');
    const result = await body({ page, complaints }).catch((error: Error) => {
      if (real()) error.message += `\nthe browser complained:\n${real()}`;
      throw error;
    });
    if (real()) throw new Error(`the browser complained:\n${real()}`);
    return result;
  } finally {
    await context.close();
  }
}
