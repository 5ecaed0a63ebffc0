/** The list of executions and everything that starts, ends or repeats one, in a real browser against a real server. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeGate } from '../support/gate.ts';
import { countUntil, readUntil, SOON_MS } from '../support/log-page.ts';
import type { ServerProcess } from '../support/server.ts';
import { sharedSite } from '../support/site.ts';
import { scaled } from '../support/slowness.ts';
import { until } from '../support/within.ts';

const site = sharedSite();
const list = suite('the list of executions');

list('without a session the page asks for the token and takes it', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(`${server.url}/operations`);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The token is not valid.').waitFor();
      await page.getByLabel('Token').fill(server.token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Operations' }).waitFor();
      assert.is(new URL(page.url()).pathname, '/operations');
    },
    { signedIn: false, allow: /status of 401/ },
  ),
);

/** The list is there and takes keys. */
async function openList(page: Page, server: ServerProcess) {
  await page.goto(server.url);
  await page.getByRole('heading', { name: 'Executions' }).waitFor();
}

list('the link that the server prints signs in and leaves no token in the address', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(`${server.url}/?token=${server.token}`);
      await page.getByRole('heading', { name: 'Executions' }).waitFor();
      assert.is(page.url(), `${server.url}/`);
    },
    { signedIn: false },
  ),
);

list('an empty list says how to begin', () =>
  site.visit(async ({ page }, server) => {
    await openList(page, server);
    await page.getByText('No executions yet').waitFor();
    await page.getByRole('button', { name: 'Run a command' }).click();
    await page.getByRole('dialog', { name: 'Run' }).waitFor();
  }),
);

list('a command line is started, followed and shows how it ended', () =>
  site.visit(async ({ page }, server) => {
    await openList(page, server);
    await page.keyboard.press('n');
    await page.getByLabel(/^cmd/).fill('echo hello from the page; exit 3');
    await page.keyboard.press('Control+Enter');
    await page.locator('.row .text', { hasText: 'hello from the page' }).waitFor();
    await page.locator('.fact', { hasText: 'exit code 3' }).waitFor();
    await page.locator('.facts .s-failed').waitFor();
    await page.locator('.connection', { hasText: 'Complete' }).waitFor();
  }),
);

list("an action is started from its schema's form, which says what is wrong", () =>
  site.visit(async ({ page }, server) => {
    await openList(page, server);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Action').selectOption('core.echo');
    await dialog.getByLabel(/^message/).waitFor();
    await dialog.getByRole('button', { name: 'Run' }).click();
    await dialog.getByText('Required.').waitFor();
    await dialog.getByLabel(/^message/).fill('from a form');
    await dialog.getByText(/^More settings/).click();
    await dialog.getByLabel('timeout').fill('soon');
    await dialog.getByRole('button', { name: 'Run' }).click();
    await dialog.getByText('Enter a number.').waitFor();
    await dialog.getByLabel('timeout').fill('30');
    await dialog.getByRole('button', { name: 'Run' }).click();
    await page.locator('.row .text', { hasText: 'from a form' }).waitFor();
  }),
);

list('executions appear and change while one looks, with a ticking duration', () =>
  site.visit(async ({ page }, server) => {
    await openList(page, server);
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    const gate = makeGate(server.folder);
    await server.run(`${gate.wait}; echo appeared-live`);
    const row = page.locator('.execution', { hasText: 'appeared-live' });
    await row.locator('.s-running').waitFor();
    const first = await row.locator('.took').innerText();
    await until(SOON_MS, async () => (await row.locator('.took').innerText()) !== first, 'a tick');
    gate.open();
    await row.locator('.s-succeeded').waitFor();
    await row.getByText('1 line').waitFor();
  }),
);

list('status and text filter the list, and the address keeps the filter', () =>
  site.visit(async ({ page }, server) => {
    await server.ended(await server.run('echo needle-in-haystack; exit 1'));
    await server.ended(await server.run('echo something-else'));
    await openList(page, server);
    await page.keyboard.press('/');
    await page.keyboard.type('needle-in');
    await countUntil(page.locator('.execution'), 1);
    await page.getByRole('button', { name: 'Succeeded' }).click();
    await page.getByText('No executions match').waitFor();
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.locator('.execution', { hasText: 'needle-in-haystack' }).waitFor();
    await page.reload();
    await page.locator('.execution', { hasText: 'needle-in-haystack' }).waitFor();
    await countUntil(page.locator('.execution'), 1);
    assert.is(await page.getByRole('searchbox').inputValue(), 'needle-in');
  }),
);

list('the keyboard selects, opens and cancels', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('echo to-be-canceled; sleep 300');
    await openList(page, server);
    await page.locator('.execution', { hasText: 'to-be-canceled' }).locator('.s-running').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    assert.is((await server.ended(id)).status, 'canceled');
    await page.locator('.execution', { hasText: 'to-be-canceled' }).locator('.s-canceled').waitFor();
    await page.keyboard.press('o');
    await page.waitForURL(`**/executions/${id}`);
    await page.locator('.row .text', { hasText: 'to-be-canceled' }).waitFor();
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: 'Executions' }).waitFor();
  }),
);

list('an execution is canceled after one question', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('echo up; sleep 300');
    await page.goto(`${server.url}/executions/${id}`);
    await page.locator('.row .text', { hasText: 'up' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel execution' }).click();
    await page.locator('.facts .s-canceled').waitFor();
  }),
);

list('an execution is run again with changes and leads back to the first', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('echo first-run');
    await server.ended(id);
    await page.goto(`${server.url}/executions/${id}`);
    await page.locator('.row .text', { hasText: 'first-run' }).waitFor();
    await page.keyboard.press('R');
    const field = page.getByRole('dialog').getByLabel(/^cmd/);
    await readUntil('the old command', 'echo first-run', () => field.inputValue());
    await field.fill('echo second-run');
    await page.getByRole('dialog').getByRole('button', { name: 'Run' }).click();
    await page.locator('.row .text', { hasText: 'second-run' }).waitFor();
    await page.getByRole('link', { name: 'Re-run of another execution' }).click();
    await page.locator('.row .text', { hasText: 'first-run' }).waitFor();
  }),
);

list('an execution that is not there says so', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(`${server.url}/executions/019a0000-0000-7000-8000-000000000000`);
      await page.getByText('This execution cannot be shown').waitFor();
      await page.getByRole('toolbar').waitFor({ state: 'hidden' });
      await page.getByRole('link', { name: 'See all executions' }).click();
      await page.getByRole('heading', { name: 'Executions' }).waitFor();
    },
    { allow: /status of 404/ },
  ),
);

list('the page says that it lost the server, and goes on by itself', () =>
  site.visit(
    async ({ page }, server) => {
      await openList(page, server);
      await page.locator('.connection', { hasText: 'Live' }).waitFor();
      await server.kill('SIGKILL');
      await page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
      await server.start();
      await page.locator('.connection', { hasText: 'Live' }).waitFor({ timeout: scaled(90_000) });
      await server.run('echo after-the-restart');
      await page.locator('.execution', { hasText: 'after-the-restart' }).waitFor();
    },
    { allow: /ERR_|Failed to load resource/ },
  ),
);

list.after(() => site.close());
list.run();
