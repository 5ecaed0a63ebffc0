/** What everyone can use: axe finds nothing in any view, light or dark, wide or on a phone; the keyboard reaches all. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SOON_MS } from '../support/log-page.ts';
import type { ServerProcess } from '../support/server.ts';
import { sharedSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const site = sharedSite();
const access = suite('access for everyone');

const COLOURS = String.raw`
for i in $(seq 0 255); do printf '\033[38;5;%dm%3d\033[0m \033[48;5;%dm%3d\033[0m \033[38;5;%d;48;5;%dmboth\033[0m ' $i $i $i $i $i $((255-i)); [ $((i%8)) = 7 ] && echo; done
for i in 30 31 32 33 34 35 36 37 90 91 92 93 94 95 96 97; do printf '\033[%dmcolour\033[0m \033[2;%dmdim\033[0m \033[7;%dminverse\033[0m ' $i $i $i; done; echo
echo '::group::A group'; echo 'see https://example.com/'; echo 'ERROR: on stderr' >&2; echo '::endgroup::'
printf '\033]8;;https://example.com/a\033\\a link\033]8;;\033\\ \000\n'; exit 1`;

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

async function inspect(page: Page, what: string) {
  await page.evaluate(AXE);
  const findings = (await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(root: Document, options: unknown): Promise<{ violations: unknown[] }> };
    };
    const result = await axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      resultTypes: ['violations'],
    });
    return result.violations;
  })) as Finding[];
  const text = findings.map(
    ({ id, impact, nodes }) =>
      `${id} (${impact}), ${nodes.length} times: ${nodes[0]?.html.slice(0, 300)}\n${nodes[0]?.failureSummary}`,
  );
  assert.is(text.length, 0, `${what}:\n${text.join('\n')}`);
}

let ids: Promise<{ failed: string; running: string }> | undefined;
function prepared(server: ServerProcess) {
  ids ??= (async () => {
    const failed = await server.run(COLOURS);
    await server.ended(failed);
    const running = await server.run('i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.1; done', {
      timeout: 600,
    });
    return { failed, running };
  })();
  return ids;
}

const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
for (const scheme of ['light', 'dark'] as const) {
  for (const size of ['wide', 'phone'] as const) {
    access(`axe finds nothing in any view, ${scheme}, ${size}`, () =>
      site.visit(
        async ({ page }, server) => {
          const { failed, running } = await prepared(server);
          await page.goto(server.url);
          await page.locator('.execution').nth(1).waitFor();
          await inspect(page, 'executions');
          const overflow = () =>
            page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.is(await overflow(), 0, 'the list is as wide as the screen');
          await page.getByRole('button', { name: 'Run', exact: true }).click();
          await page.getByRole('dialog').getByLabel(/^cmd/).waitFor();
          await page.getByText(/^More settings/).click();
          await inspect(page, 'the form');
          await page.keyboard.press('Escape');
          await page.goto(`${server.url}/executions/${failed}#L5-L8`);
          await page.locator('.row.selected').first().waitFor();
          await page.locator('.pairs, .facts .status').first().waitFor();
          await inspect(page, 'a log with 256 colours');
          const outside = await page.evaluate(() =>
            [...document.querySelectorAll('.toolbar button')]
              .filter((button) => button.getBoundingClientRect().right > innerWidth)
              .map((button) => button.getAttribute('aria-label') ?? button.textContent),
          );
          assert.equal(outside, [], 'no tool is beyond the edge of the screen');
          await page.keyboard.press('Escape');
          await page.keyboard.press('G');
          await page.keyboard.press('t');
          await page.keyboard.press('/');
          await page.keyboard.type('o');
          await page.locator('mark').first().waitFor();
          await page.keyboard.press('Escape');
          await page.keyboard.press('r');
          await page.getByRole('slider').waitFor();
          await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
          await page.keyboard.press('/');
          await page.keyboard.type('o');
          // Without a current hit yet Enter goes to the next one.
          const current = page.locator('mark.now').first();
          await until(45_000, async () => {
            if (await current.isVisible()) return true;
            await page.keyboard.press('Enter');
            await page.waitForTimeout(500);
            return false;
          });
          await inspect(page, 'find and replay');
          assert.is(await overflow(), 0, 'the log is as wide as the screen');
          await page.goto(`${server.url}/executions/${running}`);
          await page.locator('.row').nth(5).waitFor();
          await page.keyboard.press('g');
          await page.keyboard.press('w');
          await page.locator('.pill').waitFor();
          await inspect(page, 'a running log');
          await page.keyboard.press('w');
          await page.keyboard.press('x');
          await page.getByRole('dialog').waitFor();
          await inspect(page, 'a question');
          await page.goto(`${server.url}/search?q=error`);
          await page.locator('.hit-group').first().waitFor();
          await page.locator('.plot rect').first().waitFor();
          await inspect(page, 'search');
          assert.is(await overflow(), 0, 'search is as wide as the screen');
          await page.goto(`${server.url}/search`);
          await page.locator('.syntax').waitFor();
          await inspect(page, 'empty search');
          await page.goto(`${server.url}/operations`);
          await page.locator('.figure').first().waitFor();
          await inspect(page, 'operations');
          assert.is(await overflow(), 0, 'operations is as wide as the screen');
          await page.keyboard.press('?');
          await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
          await inspect(page, 'help');
        },
        { colorScheme: scheme, viewport: SIZES[size] },
      ),
    );
  }
}

access('axe finds nothing where one signs in', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(server.url);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await inspect(page, 'sign-in');
    },
    { signedIn: false, allow: /status of 401/ },
  ),
);

access('the help lists every key of the view, and each place has one', () =>
  site.visit(async ({ page }, server) => {
    const { failed } = await prepared(server);
    await page.goto(`${server.url}/executions/${failed}`);
    await page.locator('.row').first().waitFor();
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keyboard' });
    for (const text of [
      'Find in the log',
      'Next error',
      'Wrap long lines',
      'Replay',
      'Cancel',
      'Go to Search',
    ]) {
      await dialog.getByText(text, { exact: true }).waitFor();
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.press('2');
    await page.getByRole('heading', { name: 'Search' }).waitFor();
    await page.locator('h1').click();
    await page.keyboard.press('Escape');
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press('3');
    await page.getByRole('heading', { name: 'Operations' }).waitFor();
  }),
);

access('all controls are reached by Tab, the log scrolls by keys, focus is always seen', () =>
  site.visit(async ({ page }, server) => {
    const { failed } = await prepared(server);
    await page.goto(`${server.url}/executions/${failed}`);
    await page.locator('.row').first().waitFor();
    await page.locator('.facts .status').waitFor();
    const reached = new Set<string>();
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        if (!element || element === document.body) return undefined;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return {
          name: element.getAttribute('aria-label') ?? element.textContent ?? '',
          seen: outlineStyle !== 'none' && outlineWidth !== '0px',
        };
      });
      if (!at) continue;
      reached.add(at.name.trim());
      assert.ok(at.seen, `focus on "${at.name}" is not seen`);
    }
    for (const name of [
      'Skip to content',
      'Executions',
      'Run again',
      'stderr',
      'Find',
      'Wrap',
      'Replay',
      'Download',
      'Output',
    ]) {
      assert.ok(reached.has(name), `${name} is not reached: ${[...reached].join(', ')}`);
    }
  }),
);

access('the theme follows the system until one is chosen, and the choice is kept', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(server.url);
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      await page.getByRole('heading', { name: 'Executions' }).waitFor();
      assert.is(await theme(), 'dark');
      await page.emulateMedia({ colorScheme: 'light' });
      await until(SOON_MS, async () => (await theme()) === 'light', 'light');
      await page.getByRole('button', { name: 'Theme: system' }).click();
      await page.getByRole('button', { name: 'Theme: light' }).click();
      assert.is(await theme(), 'dark');
      await page.reload();
      await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
      assert.is(await theme(), 'dark');
    },
    { colorScheme: 'dark' },
  ),
);

access.after(() => site.close());
access.run();
