/**
 * Takes the screenshots in docs/screenshots from a real server with real commands: every main view in light and dark,
 * wide and on a phone. Run it after changing the look: `node tools/build/screenshots.ts`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { launch, withPage } from '../../test/support/browser.ts';
import { withFolder } from '../../test/support/folder.ts';
import { type ServerProcess, withServer } from '../../test/support/server.ts';

const TARGET = new URL('../../docs/screenshots/', import.meta.url).pathname;

const BUILD = String.raw`
echo '::group::Fetch sources'
for f in core runner viewer; do printf 'fetched \033[36m%s\033[0m from \033[4mhttps://git.example.com/%s.git\033[0m\n' $f $f; sleep 0.05; done
echo '::endgroup::'
echo '::group::Compile'
for i in $(seq 1 18); do printf '\033[2m[%2d/18]\033[0m \033[32mCC\033[0m src/module_%02d.c\n' $i $i; sleep 0.03; done
echo "src/module_07.c:112:9: warning: unused variable 'size' [-Wunused-variable]" >&2
echo '::endgroup::'
for p in 10 25 40 55 70 85 100; do printf '\r\033[33mlinking\033[0m %3d%% [%-20s]' $p $(printf '#%.0s' $(seq 1 $((p/5)))); sleep 0.05; done; echo
echo '::group::Tests'
for i in $(seq 1 9); do printf '\033[32m✓\033[0m suite %d: \033[1m%d passed\033[0m\n' $i $((i*7)); sleep 0.04; done
echo 'ERROR: suite 10: expected 200, got 503 from https://status.example.com/health' >&2
printf '\033[31m✗\033[0m suite 10: \033[1;31m1 failed\033[0m, 12 passed\n'
echo '::endgroup::'
printf '\033[48;5;236m\033[38;5;214m 256 colours \033[0m \033[38;2;255;105;180mtrue colour\033[0m \033[7minverse\033[0m\n'
`;

async function prepare(server: ServerProcess) {
  const ids: string[] = [];
  const done = async (cmd: string, parameters = {}) => {
    const id = await server.run(cmd, parameters);
    await server.ended(id);
    ids.push(id);
    return id;
  };
  await done('df -h / | tail -1');
  await done('git -C /work/main log --oneline | head -20');
  await done('for i in $(seq 1 40); do echo "request $i took $((i * 7 % 90)) ms"; done');
  await done('curl -sS --max-time 1 http://127.0.0.1:1/health; exit $?');
  await done(
    'echo "backup of 3 volumes"; sleep 1; echo "ERROR: volume data: no space left on device" >&2; exit 2',
  );
  await done('sleep 30', { timeout: 1 });
  await done('seq -f "event %.0f processed, queue empty" 1 20000');
  const build = await done(`${BUILD}exit 1`);
  const canceled = await server.run('echo "waiting for the lock"; sleep 600');
  await server.fetch(`/v1/executions/${canceled}`, { method: 'DELETE' });
  const live = await server.run(
    'i=0; while true; do i=$((i+1)); echo "tick $i: all $((i * 3)) checks passed"; sleep 0.2; done',
    { timeout: 600 },
  );
  return { build, live };
}

async function run() {
  await mkdir(TARGET, { recursive: true });
  const browser = await launch();
  try {
    await withFolder((folder) =>
      withServer(folder, async (server) => {
        const { build, live } = await prepare(server);
        for (const scheme of ['light', 'dark'] as const) {
          for (const [size, viewport] of [
            ['wide', { width: 1360, height: 860 }],
            ['phone', { width: 390, height: 844 }],
          ] as const) {
            const phone = size === 'phone';
            await withPage(
              browser,
              server,
              async ({ page }) => {
                const shot = (name: string) =>
                  page.screenshot({ path: join(TARGET, `${name}-${size}-${scheme}.png`) });
                await views(page, server.url, build, live, shot);
              },
              { colorScheme: scheme, viewport, isMobile: phone, hasTouch: phone },
            );
          }
        }
        await server.fetch(`/v1/executions/${live}`, { method: 'DELETE' });
        await server.ended(live);
      }),
    );
  } finally {
    await browser.close();
  }
}

async function views(
  page: Page,
  url: string,
  build: string,
  live: string,
  shot: (name: string) => Promise<unknown>,
) {
  await page.goto(url);
  await page.waitForSelector('.execution');
  await page.waitForTimeout(400);
  await shot('executions');
  await page.keyboard.press('n');
  await page.waitForSelector('dialog textarea');
  await page.waitForTimeout(200);
  await shot('run');
  await page.goto(`${url}/executions/${build}#L29-L32`);
  await page.waitForSelector('.row .text:not(:empty)');
  await page.waitForSelector('.fact-kept');
  await page.waitForTimeout(300);
  await shot('log');
  await page.goto(`${url}/executions/${live}`);
  await page.waitForSelector('.row .text:not(:empty)');
  await page.keyboard.press('/');
  await page.keyboard.type('checks');
  await page.waitForTimeout(900);
  await shot('log-find');
  await page.goto(`${url}/executions/${build}`);
  await page.waitForSelector('.row .text:not(:empty)');
  await page.keyboard.press('t');
  await page.keyboard.press('r');
  await page.waitForTimeout(700);
  await shot('replay');
  await page.keyboard.press('t');
  await page.keyboard.press('t');
  await page.goto(`${url}/search?q=error`);
  await page.waitForSelector('.hit-group');
  await page.waitForTimeout(500);
  await shot('search');
  await page.goto(`${url}/operations`);
  await page.waitForSelector('.figure');
  await page.waitForTimeout(4500);
  await shot('operations');
}

await run();
