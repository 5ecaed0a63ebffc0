/** Output made to harm whoever looks at it: it shows as text, runs nothing, loads nothing, and the page goes on. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readUntil, shownTexts } from '../support/log-page.ts';
import { sharedSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const site = sharedSite();
const hostile = suite('hostile output');

/** Asks for the path as it is: `fetch` would take the dots out before the server sees them. */
function getAsWritten(url: string, path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    })
      .on('error', reject)
      .end();
  });
}

const ATTACKS = String.raw`
echo '<img src=x onerror="document.title=1;alert(1)"><script>alert(2)</script><svg onload=alert(3)>'
echo '</span></div></body><iframe srcdoc="<script>alert(4)</script>"></iframe>'
printf '\033]8;;javascript:alert(5)\033\\click me\033]8;;\033\\ \033]8;;JaVaScRiPt:alert(6)\007me too\033]8;;\007 \033]8;;data:text/html,<script>alert(7)</script>\007and me\033]8;;\007\n'
printf '\033]8;;https://example.com/"onclick="alert(8)\007quoted\033]8;;\007\n'
printf '\033]0;owned title\007\033]2;owned\033\\after a title\n'
printf '\033]52;c;b3duZWQ=\007after a clipboard\n'
printf '\033[10A\033[2J\033[H\033[3J\033[?1049hafter cursor moves\n'
printf '\033P$q"p\033\\\033[6n\033[c\033[5nafter queries\n'
printf 'access \342\200\256\342\201\246// only admins\342\201\251 \342\201\246granted\n'
printf '\000\001\002nul and friends\177\n'
printf 'javascript:alert(9) data:text/html,x vbscript:x https://ok.example/path\n'
printf '::group::<b onmouseover=alert(10)>title</b>\n::endgroup::\n'
printf '\377\376\375 not utf-8 \303(\n'
`;

hostile('HTML, scripts, links, titles, cursor moves and bidi controls are inert', () =>
  site.visit(async ({ page }, server) => {
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy refused ${event.blockedURI} ${event.violatedDirective}`);
      });
    });
    const id = await server.run(ATTACKS);
    await server.ended(id);
    await page.goto(`${server.url}/executions/${id}`);
    await page.locator('.row .text', { hasText: 'not utf-8' }).waitFor();
    const texts = await shownTexts(page);
    assert.ok(texts[0]?.startsWith('<img src=x onerror="document.title=1;alert(1)"><script>'));
    assert.is(texts[4], 'after a title');
    assert.is(texts[5], 'after a clipboard');
    assert.is(texts[6], 'after cursor moves');
    assert.is(texts[7], 'after queries');
    assert.match(texts[8] ?? '', '⟨U+202E⟩');
    assert.match(texts[9] ?? '', '␀␁␂nul and friends␡');
    const links = await page
      .locator('.viewport .text a')
      .evaluateAll((all) =>
        all.map((a) => [(a as HTMLAnchorElement).href, a.getAttributeNames().sort().join()]),
      );
    assert.equal(links, [
      ['https://example.com/%22onclick=%22alert(8)', 'href,rel,tabindex,target,title'],
      ['https://ok.example/path', 'href,rel,tabindex,target,title'],
    ]);
    const foreign = await page.evaluate(
      () => document.querySelectorAll('.viewport :not(div, span, a, button, mark)').length,
    );
    assert.is(foreign, 0, 'no other element is in the log');
    assert.not(
      await page.evaluate(() => document.querySelector('[onerror], [onclick], [onload], [onmouseover]')),
    );
    assert.not((await page.title()).includes('owned'));
    // every element of the log under the pointer, in case something waits for that
    for (const box of await page.locator('.row').all()) await box.hover({ timeout: 1000 }).catch(() => {});
    await page.keyboard.press('/');
    await page.keyboard.type('<script>');
    await page.locator('mark').first().waitFor();
    for (const url of requests) assert.ok(url.startsWith(server.url) || url.startsWith('blob:'), url);
  }),
);

hostile('a command, an action form and search results with HTML are inert', () =>
  site.visit(async ({ page }, server) => {
    const cmd = `echo '<img src=x onerror=alert(11)> needle' # <img src=x onerror=alert(12)>`;
    const id = await server.run(cmd);
    await server.ended(id);
    await page.goto(server.url);
    await page.locator('.execution', { hasText: 'onerror=alert(12)' }).first().waitFor();
    await page.goto(`${server.url}/search?q=${encodeURIComponent('needle <img')}`);
    await page.goto(`${server.url}/search?q=needle`);
    await page.locator('.hit-line mark', { hasText: 'needle' }).first().waitFor();
    await page.goto(`${server.url}/executions/${id}#"><img src=x onerror=alert(13)>`);
    await page.locator('.row .text').first().waitFor();
    assert.is(await page.locator('img').count(), 0);
  }),
);

hostile(
  'a line of 5 MB and one of 100,000 colour changes are shortened, whole on demand, and the page goes on',
  () =>
    site.visit(async ({ page }, server) => {
      const id = await server.run(
        String.raw`head -c 5000000 /dev/zero | tr '\0' x; echo; awk 'BEGIN { for (i = 0; i < 100000; i++) printf "\033[38;5;%dm%c", i % 256, 97 + i % 26; print "" }'; echo after`,
        { timeout: 120 },
      );
      await server.ended(id, 120_000);
      await page.goto(`${server.url}/executions/${id}`);
      await page.locator('.row[data-seq="3"] .text', { hasText: 'after' }).waitFor();
      const spans = await page.locator('.row[data-seq="2"] .text span').count();
      assert.ok(spans > 100 && spans < 2000, `${spans} pieces`);
      await page.locator('.row[data-seq="2"] .more-text', { hasText: '90,000 characters' }).waitFor();
      const more = page.locator('.row[data-seq="1"] .more-text');
      assert.is(await more.innerText(), '+ 4,990,000 characters');
      // sixty frames in which everything is looked at again: a page that hangs never gets through them
      await page.evaluate(async () => {
        for (let i = 0; i < 60; i += 1) {
          document.querySelector('.viewport')?.dispatchEvent(new Event('scroll'));
          await new Promise(requestAnimationFrame);
        }
      });
      await more.click();
      const whole = page.getByLabel('The whole line');
      await until(60_000, async () => (await whole.inputValue()).length === 5_000_000, 'the whole line');
    }),
);

hostile('an unterminated sequence hides no line after it', () =>
  site.visit(async ({ page }, server) => {
    const id = await server.run(String.raw`printf 'a\033]0;never ended\nb\033[\nc\033Pq\nd\n'`);
    await server.ended(id);
    await page.goto(`${server.url}/executions/${id}`);
    await readUntil('four lines', ['a', 'b', 'c', 'd'], () => shownTexts(page));
  }),
);

hostile(
  'the answers carry a strict policy, and assets are immutable, compressed and inside their folder',
  () =>
    site.visit(async (_, server) => {
      for (const path of ['/', '/executions/x', '/search', '/operations']) {
        const response = await fetch(`${server.url}${path}`);
        const policy = response.headers.get('content-security-policy') ?? '';
        assert.match(policy, "default-src 'none'");
        assert.match(policy, /script-src 'self' 'sha256-[^']+';/);
        assert.not.match(policy, /unsafe|\*|https?:/);
        const document = await response.text();
        const inline = [...document.matchAll(/<script(?![^>]* src=)[^>]*>([\s\S]*?)<\/script>/g)];
        assert.is(inline.length, 1, 'one script in the document');
        const hash = createHash('sha256')
          .update(inline[0]?.[1] ?? '')
          .digest('base64');
        assert.match(policy, `'sha256-${hash}'`);
        assert.not.match(document.replace(inline[0]?.[0] ?? '', ''), /style="|\son\w+=/);
      }
      const html = await (await fetch(server.url)).text();
      const script = /src="([^"]+)"/.exec(html)?.[1] ?? '';
      const response = await fetch(`${server.url}${script}`, { headers: { 'accept-encoding': 'br' } });
      assert.is(response.headers.get('content-encoding'), 'br');
      assert.match(response.headers.get('cache-control') ?? '', 'immutable');
      assert.match(response.headers.get('content-type') ?? '', 'text/javascript');
      const root = script.split('/').slice(0, 3).join('/');
      for (const path of [
        '/../package.json',
        '/%2e%2e/package.json',
        '/..%2fpackage.json',
        '/log',
        '/../../../package.json',
        '/../../../../../../../../../../etc/passwd',
      ]) {
        const { status, body } = await getAsWritten(server.url, `${root}${path}`);
        assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
        assert.not.match(body, /"name": "linefeed"|root:x:/, path);
      }
    }),
);

hostile.after(() => site.close());
hostile.run();
