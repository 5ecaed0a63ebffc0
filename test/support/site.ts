/**
 * One server and one browser for all tests of a file: started at first use, ended by `close`, which a suite calls in its
 * `after` hook. Tests share executions' ids but no state.
 */
import type { Browser } from 'playwright-core';
import { launch, type Visit, withPage } from './browser.ts';
import { withFolder } from './folder.ts';
import { type ServerProcess, withServer } from './server.ts';
import { within } from './within.ts';

export interface Site {
  visit(body: (visit: Visit, server: ServerProcess) => Promise<void>, options?: VisitOptions): Promise<void>;
  close(): Promise<void>;
}
export type VisitOptions = NonNullable<Parameters<typeof withPage>[3]>;

/** No test of the page takes longer, on any machine. */
const TEST_MS = 240_000;

export function sharedSite(env: Record<string, string> = {}): Site {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let running: Promise<unknown> | undefined;
  let ready: Promise<{ server: ServerProcess; browser: Browser }> | undefined;

  function open() {
    ready ??= new Promise((resolve, reject) => {
      running = withFolder((folder) =>
        withServer(
          folder,
          async (server) => {
            const browser = await launch();
            resolve({ server, browser });
            await released;
            await browser.close();
          },
          { env: { LINEFEED_LOG_LEVEL: 'warn', ...env } },
        ),
      ).catch(reject);
    });
    return ready;
  }

  return {
    async visit(body, options) {
      const { server, browser } = await open();
      await within(
        TEST_MS,
        withPage(browser, server, (visit) => body(visit, server), options),
        'the test',
      );
    },
    async close() {
      release();
      await running;
    },
  };
}
