/** What an execution does not keep is said on its page: expired output, and the note beside its result. */
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launch, withPage } from '../support/browser.ts';
import { withFolder } from '../support/folder.ts';
import { withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite<{ browser: Browser }>('the page of an execution that is not complete');
test.before(async (context) => {
  context.browser = await launch();
});
test.after(({ browser }) => browser.close());

test('expired output is not shown as an execution without output', ({ browser }) =>
  within(
    120_000,
    withFolder((folder) =>
      withServer(
        folder,
        async (server) => {
          const id = await server.run('echo gone');
          await server.ended(id);
          await until(30_000, async () => {
            await server.post('/v1/purge');
            return (await server.json(`/v1/executions/${id}`)).output_expired;
          });
          await withPage(browser, server, async ({ page }) => {
            await page.goto(`${server.url}/executions/${id}`);
            await page.getByText('Output expired').waitFor();
            await page.getByText('Retention deleted the output of this execution: 1 line, 5 B.').waitFor();
            assert.is(await page.getByText('No output').count(), 0);
          });
        },
        { args: ['--set', 'retention.outputTtl=1s'] },
      ),
    ),
    'the test',
  ));

test('the note beside the result is shown', ({ browser }) =>
  within(
    120_000,
    withFolder((folder) =>
      withServer(folder, async (server) => {
        const id = await server.run('(sleep 30 &); echo started');
        await server.ended(id);
        await withPage(browser, server, async ({ page }) => {
          await page.goto(`${server.url}/executions/${id}`);
          await page.getByText(/Background processes were left running/).waitFor();
        });
      }),
    ),
    'the test',
  ));

test.run();
