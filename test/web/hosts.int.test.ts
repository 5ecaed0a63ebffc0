/** The log of a command on several hosts: whose line is whose, and one host alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launch, withPage } from '../support/browser.ts';
import { withFolder } from '../support/folder.ts';
import { withServer } from '../support/server.ts';
import { withSshd } from '../support/sshd.ts';
import { until, within } from '../support/within.ts';

const hosts = suite('a log of several hosts');

hosts('each line names its host, and one host can be seen alone', () =>
  within(
    90_000,
    withSshd((sshd) =>
      withFolder(async (folder) => {
        const names = ['127.0.0.1', '127.0.0.2'];
        for (const name of names) sshd.trust(name);
        writeFileSync(
          join(folder, 'linefeed.yaml'),
          `ssh:\n  knownHosts: ${sshd.knownHosts}\n  privateKey: ${sshd.key}\n  username: ${sshd.username}\n`,
        );
        const browser = await launch();
        try {
          await withServer(folder, (server) =>
            withPage(browser, server, async ({ page }) => {
              const { id } = await server.post<{ id: string }>('/v1/executions', {
                action: 'core.remote',
                parameters: {
                  cmd: 'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done',
                  hosts: names.join(','),
                  port: sshd.port,
                },
              });
              await server.ended(id);
              await page.goto(`${server.url}/executions/${id}`);
              await page.locator('.row:not(.absent) .host').nth(9).waitFor();
              const shown = () => page.locator('.row .host').allInnerTexts();
              assert.equal([...new Set(await shown())].sort(), names);
              await page.getByLabel('Host').selectOption('127.0.0.2');
              await until(10_000, async () => (await shown()).length === 5, 'the lines of one host');
              assert.equal([...new Set(await shown())], ['127.0.0.2']);
              assert.equal(
                await page.locator('.row .text').allInnerTexts(),
                [1, 2, 3, 4, 5].map((i) => `line ${i}`),
              );
              await page.getByLabel('Host').selectOption('');
              await until(10_000, async () => (await shown()).length === 10, 'all lines');
            }),
          );
        } finally {
          await browser.close();
        }
      }),
    ),
    'the test',
  ),
);
hosts.run();
