/** The log viewer in a real browser, on the output of real commands. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeGate } from '../support/gate.ts';
import { countUntil, readUntil, rowsUntil, SOON_MS, shownSeqs } from '../support/log-page.ts';
import type { ServerProcess } from '../support/server.ts';
import { sharedSite } from '../support/site.ts';
import { scaled } from '../support/slowness.ts';
import { until } from '../support/within.ts';

const site = sharedSite();
const log = suite('the log viewer');

const row = (page: Page, seq: number) => page.locator(`.row[data-seq="${seq}"]`);
const rowText = (page: Page, seq: number) => row(page, seq).locator('.text').innerText();
const rows = shownSeqs;
/** The log is there and takes keys. */
const linesShown = (page: Page) => page.locator('.row:not(.absent) .text').first().waitFor();

async function open(page: Page, server: ServerProcess, cmd: string, hash = ''): Promise<string> {
  const id = await server.run(cmd, { timeout: 600 });
  const { last_seq: last } = await server.ended(id, 120_000);
  await page.goto(`${server.url}/executions/${id}${hash}`);
  // without a line in the address it opens at its end
  if (hash) await linesShown(page);
  else await page.locator(`.row[data-seq="${last}"]:not(.absent)`).waitFor();
  return id;
}

log('a running command is followed from its first line to its end, and the facts are right', () =>
  site.visit(async ({ page }, server) => {
    const gate = makeGate(server.folder);
    const id = await server.run(
      `for i in $(seq 1 300); do echo line $i; sleep 0.005; done; ${gate.wait}; exit 4`,
    );
    await page.goto(`${server.url}/executions/${id}`);
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    await row(page, 300).waitFor();
    assert.is(await rowText(page, 300), 'line 300');
    await page.locator('.facts .s-running').waitFor();
    gate.open();
    await page.locator('.fact', { hasText: 'exit code 4' }).waitFor();
    await page.getByText('300 lines').waitFor();
    await page.locator('.fact-kept', { hasText: /until \d{4}-\d\d-\d\d \d\d:\d\d/ }).waitFor();
    await page.keyboard.press('g');
    await rowsUntil(page, 'the first line', ([first]) => first?.text === 'line 1');
  }),
);

log('scrolled up it stays put, counts new lines and leads back', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('seq 1 200; i=200; while true; do i=$((i+1)); echo $i; sleep 0.02; done', {
      timeout: 60,
    });
    await page.goto(`${server.url}/executions/${id}`);
    await rowsUntil(page, 'lines beyond the first', (shown) => (shown.at(-1)?.seq ?? 0) >= 205);
    await page.mouse.move(500, 500);
    await page.mouse.wheel(0, -1000);
    const unseen = async () => {
      const text = await page.locator('.pill', { hasText: /\d+ new lines?/ }).innerText();
      return Number(text.replaceAll(/\D/g, ''));
    };
    // the wheel may still be rolling at first; then a dozen lines come and nothing moves
    await until(
      SOON_MS,
      async () => {
        const [before, count] = [await rows(page), await unseen()];
        await until(SOON_MS, async () => (await unseen()) > count + 12, 'a dozen more lines');
        return `${await rows(page)}` === `${before}`;
      },
      'rows that stay where they are',
    );
    await page.locator('.pill').click();
    await page.locator('.pill').waitFor({ state: 'detached' });
    const at = (await rows(page)).at(-1) ?? 0;
    await rowsUntil(page, 'new lines in view', (shown) => (shown.at(-1)?.seq ?? 0) > at + 5);
    await page.keyboard.press('k');
    await page.locator('.pill').waitFor();
    await page.keyboard.press('End');
    await page.locator('.pill').waitFor({ state: 'detached' });
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  }),
);

log('colours, attributes and links are shown, and states carry over lines', () =>
  site.visit(async ({ page }, server) => {
    await open(
      page,
      server,
      String.raw`printf '\033[31mred\033[0m \033[1mbold\033[0m \033[4munder\033[0m\n\033[38;5;208m256\033[0m \033[38;2;1;200;3mtrue\033[0m\n\033[32mgreen\nstill green\033[0m\n\033]8;;https://example.com/a\033\\named\033]8;;\033\\ and https://example.com/b.\n'`,
    );
    const style = (seq: number, text: string, property: string) =>
      row(page, seq)
        .locator('.text span', { hasText: new RegExp(`^${text}$`) })
        .evaluate((element, name) => getComputedStyle(element)[name as 'color'], property);
    assert.is.not(await style(1, 'red', 'color'), await style(1, 'bold', 'color'));
    assert.is(await style(1, 'bold', 'fontWeight'), '700');
    assert.match(await style(1, 'under', 'textDecorationLine'), 'underline');
    assert.is.not(await style(2, '256', 'color'), await style(2, 'true', 'color'));
    assert.is(await style(3, 'green', 'color'), await style(4, 'still green', 'color'));
    const links = await row(page, 5)
      .locator('.text a')
      .evaluateAll((all) =>
        all.map((a) => [a.textContent, (a as HTMLAnchorElement).href, (a as HTMLAnchorElement).rel]),
      );
    assert.equal(links, [
      ['named', 'https://example.com/a', 'noopener noreferrer nofollow'],
      ['https://example.com/b', 'https://example.com/b', 'noopener noreferrer nofollow'],
    ]);
  }),
);

log('a progress bar is one row that changes while it runs, and an unfinished line is shown', () =>
  site.visit(async ({ page }, server) => {
    const gates = [makeGate(server.folder), makeGate(server.folder), makeGate(server.folder)];
    const [one, two, three] = gates.map((gate) => gate.wait);
    const id = await server.run(
      `printf '\\rdone  10%%'; ${one}; printf '\\rdone  45%%'; ${two}; printf '\\rdone 100%%\\n'; ${three}; printf 'name? '; sleep 300`,
    );
    await page.goto(`${server.url}/executions/${id}`);
    for (const [i, percent] of [' 10', ' 45', '100'].entries()) {
      await rowsUntil(page, `one row with ${percent} %`, ([first, ...more]) => {
        return first?.text === `done ${percent}%` && more.length === 0;
      });
      gates[i]?.open();
    }
    await rowsUntil(page, 'the prompt', (shown) => shown[1]?.text.startsWith('name? ') === true);
    await row(page, 2).locator('.caret').waitFor();
    assert.equal(await rows(page), [1, 2]);
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  }),
);

log('streams are shown together or alone, and the download is what is shown', () =>
  site.visit(async ({ page }, server) => {
    await open(
      page,
      server,
      'for i in $(seq 1 400); do echo out $i; echo err $i >&2; done; sleep 0.3; echo out end; sleep 0.3; echo err end >&2',
    );
    const alone = async (name: string, word: string) => {
      await page.getByRole('button', { name, exact: true }).click();
      await rowsUntil(page, `only ${name}`, (shown) => {
        return shown.length > 5 && shown.every(({ text }) => text.startsWith(word));
      });
    };
    await alone('stderr', 'err');
    await page.keyboard.press('g');
    await rowsUntil(page, 'the first', ([first]) => first?.text === 'err 1');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const path = await (await download).path();
    const expected = `${Array.from({ length: 400 }, (_, i) => `err ${i + 1}\n`).join('')}err end\n`;
    assert.is(await readFile(path, 'utf8'), expected);
    await alone('stdout', 'out');
    await page.getByRole('button', { name: 'Both' }).click();
    await rowsUntil(page, 'both', (shown) => {
      return ['out', 'err'].every((word) => shown.some(({ text }) => text.startsWith(word)));
    });
  }),
);

log('lines and ranges have permalinks, chosen by click and shift-click, and copied', () =>
  site.visit(
    async ({ page }, server) => {
      const id = await open(page, server, 'seq -f "\x1b[1mnumber\x1b[0m %.0f" 1 5000', '#L4000-L4002');
      await row(page, 4001).waitFor();
      const selected = page.locator('.row.selected');
      const hash = () => page.evaluate(() => location.hash);
      await countUntil(selected, 3);
      assert.is(await rowText(page, 4001), 'number 4001');
      await row(page, 3995).locator('.num').click();
      await readUntil('the address', '#L3995', hash);
      await row(page, 3998)
        .locator('.num')
        .click({ modifiers: ['Shift'] });
      await readUntil('the address', '#L3995-L3998', hash);
      const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
      await readUntil('the link', `${server.url}/executions/${id}#L3995-L3998`, clipboard);
      await page.getByRole('button', { name: 'Copy lines' }).click();
      const lines = [3995, 3996, 3997, 3998].map((n) => `number ${n}\n`).join('');
      await readUntil('the lines', lines, clipboard);
      await page.reload();
      await row(page, 3996).waitFor();
      await countUntil(selected, 4);
      await page.keyboard.press('Escape');
      await countUntil(selected, 0);
      assert.is(await hash(), '');
    },
    { permissions: ['clipboard-read', 'clipboard-write'] },
  ),
);

log('timestamps are off, by the clock or since the start', () =>
  site.visit(async ({ page }, server) => {
    await open(page, server, 'echo a; sleep 2; echo b');
    assert.is(await page.locator('.when').count(), 0);
    const shows = (seq: number, pattern: RegExp) =>
      row(page, seq).locator('.when', { hasText: pattern }).waitFor();
    await page.keyboard.press('t');
    await shows(1, /^\d\d:\d\d:\d\d\.\d{3}$/);
    await page.keyboard.press('t');
    await shows(1, /^\+\d+\.\d{3}$/);
    const seconds = async (seq: number) => Number(await row(page, seq).locator('.when').innerText());
    const apart = (await seconds(2)) - (await seconds(1));
    assert.ok(apart >= 1 && apart < 60, `${apart} s apart`);
    await page.reload();
    await shows(2, /^\+\d+\.\d{3}$/);
  }),
);

log('long lines wrap on wish, and every line stays reachable', () =>
  site.visit(async ({ page }, server) => {
    await open(
      page,
      server,
      `x=$(head -c 900 /dev/zero | tr '\\0' x); for i in $(seq 1 120); do echo "$i $x"; done`,
    );
    const height = (seq: number) =>
      row(page, seq).evaluate((element) => (element as HTMLElement).offsetHeight);
    assert.is(await height(120), 20);
    await page.getByRole('button', { name: 'Wrap' }).click();
    await until(SOON_MS, async () => (await height(120)) > 100, 'wrapping');
    const bottom = () =>
      page.evaluate(() => {
        const view = document.querySelector('.viewport')?.getBoundingClientRect();
        const last = document.querySelector('.row[data-seq="120"]')?.getBoundingClientRect();
        return (last?.bottom ?? 0) - (view?.bottom ?? 0);
      });
    await until(SOON_MS, async () => Math.abs(await bottom()) <= 16, 'the last line at the bottom');
    await page.keyboard.press('g');
    await row(page, 1).waitFor();
    const seen = new Set<number>();
    for (let i = 0; i < 200 && !seen.has(120); i += 1) {
      const shown = await rows(page);
      for (const seq of shown) seen.add(seq);
      await page.keyboard.press('PageDown');
      // On a busy machine two presses would fall into one frame, and a page in between would not be seen.
      if (!seen.has(120))
        await until(SOON_MS, async () => `${await rows(page)}` !== `${shown}`, 'the next page');
    }
    for (let seq = 1; seq <= 120; seq += 1) assert.ok(seen.has(seq), `line ${seq} was passed over`);
  }),
);

log('finding goes over all lines, not only the loaded ones, with a count, both directions and RE2', () =>
  site.visit(async ({ page }, server) => {
    await open(page, server, `for i in $(seq 1 6000); do echo "row $i value $((i % 1000))"; done`);
    await page.keyboard.press('/');
    await page.keyboard.type('value 7');
    // 7, 70-79 and 700-799 in each thousand
    await page.locator('.find-status', { hasText: '666 lines' }).waitFor();
    await page.locator('.find input').fill('value 777');
    await page.locator('.find-status', { hasText: 'of 6 lines' }).waitFor();
    await row(page, 777).waitFor();
    await page.locator('.row.hit[data-seq="777"]').waitFor();
    assert.is(await page.locator('mark.now').innerText(), 'value 777');
    await page.keyboard.press('Enter');
    await page.locator('.row.hit[data-seq="1777"]').waitFor();
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.press('Shift+Enter');
    await page.locator('.row.hit[data-seq="5777"]').waitFor();
    await page.getByRole('button', { name: 'Regular expression' }).click();
    await page.locator('.find input').fill('row (1|33|5555) ');
    await page.locator('.find-status', { hasText: 'of 3 lines' }).waitFor();
    await page.locator('.find input').fill('ROW 33 ');
    await page.locator('.find-status', { hasText: '1 of 1 line' }).waitFor();
    await page.getByRole('button', { name: 'Match case' }).click();
    await page.locator('.find-status', { hasText: 'No matches' }).waitFor();
    await page.keyboard.press('Escape');
    await countUntil(page.locator('.find'), 0);
  }),
);

log('the newest line stays in view when what is above the log takes more room', () =>
  site.visit(async ({ page }, server) => {
    await open(page, server, 'seq 1 500');
    /** Pixels between the end of the last line and that of the window. */
    const below = () =>
      page.evaluate(() => {
        const last = document.querySelector('.row[data-seq="500"]')?.getBoundingClientRect();
        return Math.round(innerHeight - (last?.bottom ?? Number.POSITIVE_INFINITY));
      });
    const atTheEnd = (what: string) =>
      until(SOON_MS, async () => (await below()) >= 0 && (await below()) < 20, what);
    await atTheEnd('the end of the log at that of the window');
    await page.keyboard.press('/');
    await page.locator('.find').waitFor();
    await atTheEnd('the same with the find bar');
    await page.setViewportSize({ width: 390, height: 600 });
    await atTheEnd('the same on a small screen');
  }),
);

log('a regular expression that is wrong is explained', () =>
  site.visit(
    async ({ page }, server) => {
      await open(page, server, 'echo x');
      await page.keyboard.press('/');
      await page.getByRole('button', { name: 'Regular expression' }).click();
      await page.locator('.find input').fill('(unclosed');
      await page.locator('.find-status.bad').waitFor();
      assert.match(await page.locator('.find-status').innerText(), /missing|unclosed|paren|regular/i);
    },
    { allow: /status of 400/ },
  ),
);

log('groups of all four kinds fold, also those far from what is loaded', () =>
  site.visit(async ({ page }, server) => {
    const lines = (n: number) => `seq -f 'inside %.0f' 1 ${n}`;
    await open(
      page,
      server,
      `echo '::group::One'; ${lines(50)}; echo '::endgroup::'; echo '##[group]Two'; ${lines(50)}; echo '##[endgroup]';
       printf 'section_start:1700000000:three[collapsed=true]\\r\\033[0KThree\\n'; ${lines(50)}; printf 'section_end:1700000007:three\\r\\033[0K\\n';
       echo '--- Four'; ${lines(2000)}; echo '+++ Five'; ${lines(500)}`,
    );
    await page.getByRole('button', { name: 'Fold' }).click();
    await page.keyboard.press('g');
    await readUntil('five folded groups', [1, 53, 105, 157, 2158], () => rows(page));
    const titles = await rowsUntil(page, 'their titles', (shown) => shown.every(({ text }) => text !== ''));
    for (const [i, title] of ['One', 'Two', 'Three', 'Four', 'Five'].entries())
      assert.match(titles[i]?.text ?? '', title);
    assert.match(await row(page, 105).innerText(), '7.0 s');
    await row(page, 53).locator('.fold').click();
    await row(page, 54).waitFor();
    assert.is(await rowText(page, 54), 'inside 1');
    assert.is(await row(page, 53).locator('.fold').getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('g');
    await page.keyboard.press(']');
    await page.keyboard.press('/');
    await page.locator('.find input').fill('inside 1999');
    await page.locator('.row.hit .text', { hasText: /^inside 1999$/ }).waitFor();
  }),
);

log('the next error is one key away, and the minimap shows where errors and matches are', () =>
  site.visit(async ({ page }, server) => {
    await open(
      page,
      server,
      'seq 1 3000; echo "ERROR: disk full"; seq 3002 6000; echo "job failed"; seq 6002 9000',
    );
    await page.keyboard.press('e');
    await page.locator('.row.selected[data-seq="3001"]').waitFor();
    await page.keyboard.press('e');
    await page.locator('.row.selected[data-seq="6001"]').waitFor();
    await page.keyboard.press('E');
    await page.locator('.row.selected[data-seq="3001"]').waitFor();
    const red = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.minimap');
        const context = canvas?.getContext('2d');
        if (!canvas?.height || !context) return [];
        const { data } = context.getImageData(0, 0, 3, canvas.height);
        const found: number[] = [];
        for (let y = 0; y < canvas.height; y += 1) {
          const at = y * 3 * 4;
          if ((data[at] ?? 0) > 150 && (data[at + 1] ?? 0) < 120 && (data[at + 3] ?? 0) > 200)
            found.push(y / canvas.height);
        }
        return found;
      });
    await until(
      SOON_MS,
      async () => {
        const marks = await red();
        return [1 / 3, 2 / 3].every((place) => marks.some((y) => Math.abs(y - place) < 0.02));
      },
      'marks at a third and two thirds',
    );
    const box = await page.locator('.minimap').boundingBox();
    assert.ok(box);
    await page.mouse.click(box.x + 5, box.y + box.height / 2);
    await row(page, 4500).waitFor();
  }),
);

log('a million lines open at their end, at any line, and scroll by wheel, keys and scroll bar', () =>
  site.visit(async ({ page }, server) => {
    const id = await open(page, server, "seq -f 'line %.0f of a million' 1 1000000");
    await row(page, 1_000_000).waitFor();
    assert.is(await rowText(page, 1_000_000), 'line 1000000 of a million');
    for (const seq of [1, 999_999, 500_000, 123_456]) {
      await page.evaluate((to) => {
        location.hash = `#L${to}`;
      }, seq);
      const wanted = `line ${seq} of a million`;
      await rowsUntil(page, wanted, (shown) => shown.some(({ text }) => text === wanted));
    }
    const first = (await rows(page))[0] ?? 0;
    await page.mouse.move(500, 500);
    for (let i = 0; i < 10; i += 1) await page.mouse.wheel(0, 100);
    await readUntil('fifty lines down', first + 50, async () => (await rows(page))[0]);
    // longer than the scroll bar takes to follow: nothing jumps back
    await page.waitForTimeout(300);
    assert.is((await rows(page))[0], first + 50);
    await page.evaluate(() => {
      const view = document.querySelector('.viewport');
      if (view) view.scrollTop = view.scrollHeight / 4;
    });
    await rowsUntil(page, 'a quarter', ([top]) => Math.abs((top?.seq ?? 0) - 250_000) < 200);
    await page.keyboard.press('End');
    await row(page, 1_000_000).waitFor();
    await page.keyboard.press('Home');
    await row(page, 1).waitFor();
    await page.goto(`${server.url}/executions/${id}#L999999`);
    await rowsUntil(page, 'the line of the address', (shown) => {
      return shown.some(({ seq, text }) => seq === 999_999 && text !== '');
    });
    const elements = await page.evaluate(() => document.querySelectorAll('.row').length);
    assert.ok(elements < 100, `${elements} rows exist`);
  }),
);

log('a follower whose server is killed reconnects, says so, and has every line once', () =>
  site.visit(
    async ({ page }, server) => {
      const gate = makeGate(server.folder);
      const id = await server.run(`seq -f 'line %.0f' 1 50; ${gate.wait}; seq -f 'line %.0f' 51 100`);
      await page.goto(`${server.url}/executions/${id}`);
      await row(page, 50).waitFor();
      await server.kill('SIGKILL');
      await page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
      gate.open();
      await server.start();
      await page.locator('.connection', { hasText: 'Complete' }).waitFor({ timeout: scaled(90_000) });
      await row(page, 100).waitFor();
      const seen = new Map<number, string>();
      await page.keyboard.press('g');
      await rowsUntil(page, 'the first line', ([top]) => top?.seq === 1 && top.text !== '');
      for (let i = 0; i < 20 && seen.size < 100; i += 1) {
        const shown = await rowsUntil(page, 'lines', (all) => all.length > 0 && all.every((one) => one.text));
        for (const { seq, text } of shown) seen.set(seq, text);
        await page.keyboard.press('PageDown');
        if (seen.size < 100)
          await rowsUntil(page, 'the next page', ([top]) => top !== undefined && top.seq !== shown[0]?.seq);
      }
      for (let i = 1; i <= 100; i += 1) assert.is(seen.get(i), `line ${i}`);
    },
    { allow: /ERR_|Failed to load resource/ },
  ),
);

log('an execution without output says so', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run('true');
    await server.ended(id);
    await page.goto(`${server.url}/executions/${id}`);
    await page.getByText('No output').waitFor();
  }),
);

log('replay shows lines in their own time, faster on wish, and can be moved through', () =>
  site.visit(async ({ page }, server) => {
    const id = await open(page, server, 'for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 1; done');
    const { runs } = await server.json<{ runs: number[][] }>(`/v1/executions/${id}/outline`);
    const times = runs.map((run) => (run[4] ?? 0) - (runs[0]?.[4] ?? 0));
    await page.keyboard.press('r');
    const slider = page.getByRole('slider');
    await slider.waitFor();
    await rowsUntil(page, 'some lines, but not all', ({ length }) => length >= 2 && length < 10);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    const held = await rows(page);
    await page.waitForTimeout(500);
    assert.equal(await rows(page), held);
    await slider.fill(String(((times[5] ?? 0) + (times[6] ?? 0)) / 2));
    await rowsUntil(page, 'six lines between the sixth and the seventh', ({ length }) => length === 6);
    await slider.fill('0');
    await rowsUntil(page, 'one line at the start', ({ length }) => length === 1);
    await page.getByLabel('Speed').selectOption('100');
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await rowsUntil(page, 'all lines', ({ length }) => length === 10);
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await page.getByRole('button', { name: 'End replay' }).click();
    await slider.waitFor({ state: 'detached' });
    assert.is((await rows(page)).length, 10);
  }),
);

log('replay shows a line that was printed in parts part by part', () =>
  site.visit(async ({ page }, server) => {
    const id = await open(
      page,
      server,
      "printf 'Password: '; sleep 2; printf 'accepted, '; sleep 2; echo welcome; printf '\\r 50%%'; sleep 2; printf '\\r100%%\\n'",
    );
    const { pieces, runs } = await server.json<{ pieces: number[][]; runs: number[][] }>(
      `/v1/executions/${id}/outline`,
    );
    assert.equal(
      pieces.map(([seq, chars]) => [seq, chars]),
      [
        [1, 'Password: '.length],
        [1, 'Password: accepted, '.length],
        [2, '\r 50%'.length],
      ],
    );
    await page.keyboard.press('r');
    const slider = page.getByRole('slider');
    await page.getByRole('button', { name: 'Pause' }).click();
    const at = (time: number | undefined) => slider.fill(String((time ?? 0) - (runs[0]?.[4] ?? 0)));
    const shows = (what: string, texts: string[]) =>
      rowsUntil(page, what, (shown) => `${shown.map(({ text }) => text.trim())}` === `${texts}`);
    await at((pieces[0]?.[2] ?? 0) - 100);
    await shows('the prompt', ['Password:']);
    await page.locator('.row .caret').waitFor();
    await at((pieces[1]?.[2] ?? 0) - 100);
    await shows('its second part', ['Password: accepted,']);
    await at((pieces[2]?.[2] ?? 0) - 100);
    await shows('the bar at its half', ['Password: accepted, welcome', '50%']);
    await page.getByRole('button', { name: 'End replay' }).click();
    await shows('all of it', ['Password: accepted, welcome', '100%']);
  }),
);

log.after(() => site.close());
log.run();
