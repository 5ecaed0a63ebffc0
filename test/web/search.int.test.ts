/** Search over all executions and the operations page, in a real browser. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countUntil, SOON_MS } from '../support/log-page.ts';
import { sharedSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const site = sharedSite();
const search = suite('search and operations');

/** A time zone where it is another day than in UTC, save around midnight. */
const ELSEWHERE = new Date().getUTCHours() >= 10 ? 'Pacific/Kiritimati' : 'Pacific/Niue';

search(
  "lines are found in all executions, with context, a plot and counts by the reader's own day, and lead to their place",
  () =>
    site.visit(
      async ({ page }, server) => {
        const one = await server.run('seq 1 50; echo "connection refused by zebra"; seq 51 100');
        await server.ended(one);
        await server.ended(await server.run('echo "zebra crossing" >&2; exit 1'));
        await page.goto(`${server.url}/search`);
        await page.getByText('Search everything that was printed').waitFor();
        await page.keyboard.type('zebra');
        await page.keyboard.press('Enter');
        await page.locator('.hit-group').nth(1).waitFor();
        await countUntil(page.locator('.hit-line.match'), 2);
        const context = await page
          .locator('.hit-group', { hasText: 'refused' })
          .locator('.hit-line code')
          .allInnerTexts();
        assert.equal(context, ['49', '50', 'connection refused by zebra', '51', '52']);
        assert.equal(await page.locator('.hit-line.match mark').allInnerTexts(), ['zebra', 'zebra']);
        await page.locator('.hit-title.command', { hasText: 'echo "zebra crossing"' }).waitFor();
        await page.locator('.plot rect.bar').first().waitFor();
        await page.locator('.summary', { hasText: '2 lines' }).waitFor();
        await page
          .locator('.facet', { hasText: 'Stream' })
          .getByRole('button', { name: /stderr/ })
          .click();
        await countUntil(page.locator('.hit-group'), 1);
        assert.match(await page.evaluate(() => location.search), 'stream=stderr');
        await page.getByRole('button', { name: 'Clear filters' }).click();
        await page
          .locator('.facet', { hasText: 'Status' })
          .getByRole('button', { name: /succeeded/ })
          .click();
        await page.locator('.hit-group', { hasText: 'refused' }).waitFor();
        await countUntil(page.locator('.hit-group'), 1);
        const day = page.locator('.facet', { hasText: 'Day' }).getByRole('button');
        const name = await day.locator('.facet-name').innerText();
        const { start_timestamp: start } = await server.json<{ start_timestamp: string }>(
          `/v1/executions/${one}`,
        );
        assert.is(name, new Intl.DateTimeFormat('sv-SE', { timeZone: ELSEWHERE }).format(new Date(start)));
        await day.click();
        await page.locator('.facet [aria-pressed="true"]', { hasText: name }).waitFor();
        await page.locator('.hit-group', { hasText: 'refused' }).waitFor();
        await page.getByRole('link', { name: 'Line 51' }).click();
        await page.locator('.row.selected[data-seq="51"]').waitFor();
        assert.is(await page.evaluate(() => location.pathname), `/executions/${one}`);
      },
      { timezoneId: ELSEWHERE },
    ),
);

search('a bar of the plot narrows the time', () =>
  site.visit(async ({ page }, server) => {
    await server.ended(await server.run('echo giraffe early; sleep 2.5; echo giraffe late'));
    await page.goto(`${server.url}/search?q=giraffe`);
    await page.locator('.hit-line.match').nth(1).waitFor();
    await page.locator('.plot rect.bar').nth(1).waitFor();
    // the plot as a whole takes the click
    await page.locator('.plot rect.bar').last().click({ force: true });
    await countUntil(page.locator('.hit-line.match'), 1);
    await page.locator('.hit-line.match', { hasText: 'late' }).waitFor();
  }),
);

search('live mode shows hits as they are printed', () =>
  site.visit(async ({ page }, server) => {
    await page.goto(`${server.url}/search?q=walrus`);
    await page.getByText('No lines match').waitFor();
    await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'Live' }).click();
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    await server.run('echo a live walrus');
    await page.locator('.hit-line.match', { hasText: 'a live walrus' }).waitFor();
  }),
);

search('a query that cannot be read is explained', () =>
  site.visit(
    async ({ page }, server) => {
      await page.goto(`${server.url}/search?q=${encodeURIComponent('/(a/')}`);
      await page.getByText('The search failed').waitFor();
    },
    { allow: /status of 400/ },
  ),
);

search('operations shows load, rates, followers, storage and retention as they change', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('while true; do seq 1 20; sleep 0.1; done', { timeout: 60 });
    const follower = await server.fetch(`/v1/executions/${id}/output`);
    await page.goto(`${server.url}/operations`);
    const figure = (name: string) =>
      page
        .locator('.figure', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) })
        .locator('.figure-value');
    await until(SOON_MS, async () => (await figure('Running').innerText()) === '1', 'one running');
    await until(SOON_MS, async () => Number(await figure('Lines a second').innerText()) > 20, 'the rate');
    await until(SOON_MS, async () => Number(await figure('Followers').innerText()) >= 1, 'a follower');
    await page.locator('.pairs', { hasText: 'Output is deleted' }).getByText('after 7 d').waitFor();
    assert.is(await page.locator('.plot path.line').count(), 4);
    await page.locator('.next-to-go', { hasText: /Output of \d{4}-\d\d-\d\d/ }).waitFor();
    await follower.body?.cancel();
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
    await until(SOON_MS, async () => (await figure('Running').innerText()) === '0', 'none running');
  }),
);

search('the lag of the projector rises while its index takes nothing, with the reason, and falls again', () =>
  site.visit(async ({ page }, server) => {
    const figure = page.locator('.figure', { has: page.locator('dt', { hasText: /^Projector$/ }) });
    // what the plot says to who cannot see it: "Projector lag: highest 4.1 s, last 3.9 s"
    const plot = page.getByRole('img', { name: /^Projector lag: / });
    const shown = async () => {
      const [, highest = '', last = ''] =
        /highest (.+), last (.+)$/.exec((await plot.getAttribute('aria-label')) ?? '') ?? [];
      const height = (await plot.locator('path.line').getAttribute('d')) ?? '';
      return { highest, last, levels: new Set(height.match(/ [\d.]+/g)).size };
    };
    await page.goto(`${server.url}/operations`);
    await figure.getByText('up to date').waitFor();
    const index = new DatabaseSync(join(server.folder, 'output.sqlite'));
    try {
      // somebody else writes to the index and does not finish, as a backup may
      index.exec('BEGIN IMMEDIATE');
      const id = await server.run('echo printed while nobody projects');
      await figure.getByText(/ s behind$/).waitFor();
      await page.locator('.failure', { hasText: /^Projector: .*is in use/ }).waitFor();
      await until(SOON_MS, async () => (await shown()).levels >= 3, 'a line that rises twice');
      const rising = await shown();
      assert.is(rising.last, rising.highest);
      index.exec('ROLLBACK');
      await figure.getByText('up to date').waitFor();
      await until(SOON_MS, async () => (await shown()).last === '0 ms', 'the end of the plot on its base');
      assert.is((await server.ended(id)).status, 'succeeded');
      assert.is(await page.locator('.failure').count(), 0);
    } finally {
      index.close();
    }
  }),
);

search.after(() => site.close());
search.run();
