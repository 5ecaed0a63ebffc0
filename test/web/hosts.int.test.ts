/** The log of a command on several hosts: whose line is whose, and one host alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launch, withPage } from '../support/browser.ts';
import { withFolder } from '../support/folder.ts';
import { rowsUntil, type ShownRow } from '../support/log-page.ts';
import { withServer } from '../support/server.ts';
import { withSshd } from '../support/sshd.ts';
import { within } from '../support/within.ts';

const hosts = suite('a log of several hosts');

hosts('each line names its host, and one host can be seen alone', () =>
  within(
    240_000,
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
                  cmd: 'for i in 1 2 3 4 5; do echo line $i; done',
                  hosts: names.join(','),
                  port: sshd.port,
                },
              });
              await server.ended(id, 90_000);
              await page.goto(`${server.url}/executions/${id}`);
              // a shell's start-up files may print lines of their own
              const own = (shown: readonly ShownRow[]) => shown.filter(({ text }) => /^line \d$/.test(text));
              const all = own(
                await rowsUntil(page, 'ten lines', (shown) => {
                  // Names come once there are lines of more than one host.
                  return own(shown).length === 10 && own(shown).every(({ host }) => host !== '');
                }),
              );
              assert.equal([...new Set(all.map(({ host }) => host))].sort(), names);
              await page.getByLabel('Host').selectOption('127.0.0.2');
              const one = await rowsUntil(page, 'the lines of one host', (shown) => {
                return own(shown).length === 5 && shown.every(({ host }) => host === '127.0.0.2');
              });
              assert.equal(
                own(one).map(({ text }) => text),
                [1, 2, 3, 4, 5].map((i) => `line ${i}`),
              );
              await page.getByLabel('Host').selectOption('');
              await rowsUntil(page, 'all lines', (shown) => own(shown).length === 10);
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
