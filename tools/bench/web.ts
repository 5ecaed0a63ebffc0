/**
 * `npm run bench:web`: the page's figures, from Chromium's own trace of real visits to a real server: first lines of a
 * running execution, a million lines opened and jumped through, following at speed, heap, weight.
 *
 *   npm run bench:web -- [--only weight,first,million,following] [--minutes 1] [--lines 1000000] [--rate 5000]
 *                        [--rounds 7] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { launch, withPage } from '../../test/support/browser.ts';
import { withFolder } from '../../test/support/folder.ts';
import { type ServerProcess, withServer } from '../../test/support/server.ts';
import { within } from '../../test/support/within.ts';
import { median, percentile, type Row, table } from './report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'weight,first,million,following' },
    minutes: { type: 'string', default: '1' },
    lines: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'string' },
  },
});
const LINES = Number(values.lines);
const RATE = Number(values.rate);
const ROUNDS = Number(values.rounds);
const parts = new Set(values.only.split(','));
const rows: Row[] = [];

function add(row: Row): void {
  rows.push(row);
  console.error(table([row]).split('\n').at(-1));
}

interface TraceEvent {
  name: string;
  /** Microseconds. */
  ts: number;
  dur?: number;
  /** Of a mark: milliseconds since the navigation began. */
  args?: { data?: { startTime?: number } };
}

/** Runs the body under Chromium's tracer and gives the events in order of time. */
async function traced(browser: Browser, page: Page, body: () => Promise<void>): Promise<TraceEvent[]> {
  await browser.startTracing(page, {
    categories: [
      'blink.user_timing',
      'devtools.timeline',
      'disabled-by-default-devtools.timeline.frame',
      'cc',
    ],
  });
  await body();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  return trace.traceEvents.sort((a, b) => a.ts - b.ts);
}

/** Marks `name` in the trace when the predicate first holds, looked at after every change and in every frame. */
async function markWhen(page: Page, name: string, line: number): Promise<void> {
  await page.addInitScript(
    ([mark, seq]) => {
      const look = () => {
        const element = document.querySelector(
          seq ? `.row[data-seq="${seq}"]:not(.absent) .text` : '.row:not(.absent) .text',
        );
        if (element?.textContent) performance.mark(String(mark));
        else requestAnimationFrame(look);
      };
      look();
    },
    [name, line] as const,
  );
}

/** From the start of the navigation to the first frame that was drawn after the mark, in milliseconds. */
function drawnAfter(events: TraceEvent[], mark: string): number {
  const marked = events.find(({ name }) => name === mark);
  const sinceNavigation = marked?.args?.data?.startTime;
  if (!marked || sinceNavigation === undefined) throw new Error(`The trace has no mark ${mark}`);
  const frame = events.find(({ name, ts }) => name === 'DrawFrame' && ts >= marked.ts);
  return sinceNavigation + ((frame ?? marked).ts - marked.ts) / 1000;
}

async function opens(
  browser: Browser,
  server: ServerProcess,
  url: string,
  line: number,
): Promise<{ first: number; warm: number[] }> {
  const times: number[] = [];
  await withPage(browser, server, async ({ page }) => {
    await markWhen(page, 'lines-shown', line);
    for (let i = 0; i < ROUNDS; i += 1) {
      await page.goto('about:blank');
      const events = await traced(browser, page, async () => {
        await page.goto(url);
        await page
          .locator(line ? `.row[data-seq="${line}"]:not(.absent)` : '.row:not(.absent)')
          .first()
          .waitFor();
        await sleep(200);
      });
      times.push(drawnAfter(events, 'lines-shown'));
    }
  });
  const [first = Number.NaN, ...warm] = times;
  return { first, warm };
}

const PRODUCER = (rate: number) =>
  `${process.execPath} -e '
let n = 0; const start = Date.now();
setInterval(() => {
  const due = Math.floor((Date.now() - start) * ${rate} / 1000);
  let text = "";
  while (n < due) { n += 1; text += "event " + n + " handled by worker " + (n % 17) + ", queue holds " + (n * 7919 % 1000) + " entries, all is well\\n"; }
  process.stdout.write(text);
}, 20);'`;

async function firstLines(browser: Browser, server: ServerProcess): Promise<void> {
  const id = await server.run(PRODUCER(100), { timeout: 0 });
  await sleep(2000);
  const { first, warm } = await opens(browser, server, `${server.url}/executions/${id}`, 0);
  add({ measure: 'First lines of a running execution, first visit', value: first, unit: 'ms' });
  add({ measure: 'First lines of a running execution', value: median(warm), unit: 'ms', goal: 300 });
  await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  await server.ended(id);
}

async function million(browser: Browser, server: ServerProcess): Promise<void> {
  const id = await server.run(
    `seq -f 'line %.0f: the quick brown fox jumps over the lazy dog, again and again, 100 bytes' 1 ${LINES}`,
    { timeout: 600 },
  );
  await server.ended(id, 300_000);
  const url = `${server.url}/executions/${id}`;
  const { warm } = await opens(browser, server, url, LINES);
  add({
    measure: `${LINES.toLocaleString('en')} lines open at their end`,
    value: median(warm),
    unit: 'ms',
    goal: 500,
    note: `slowest ${Math.round(Math.max(...warm))} ms`,
  });

  await withPage(browser, server, async ({ page }) => {
    await page.goto(url);
    await page.locator(`.row[data-seq="${LINES}"]:not(.absent)`).waitFor();
    await sleep(2000);
    const jumps: number[] = [];
    for (let i = 0; i < 40; i += 1) {
      const seq = 1 + Math.floor(((i * 0.618034) % 1) * (LINES - 1));
      const events = await traced(browser, page, async () => {
        await page.evaluate(
          (to) =>
            new Promise<void>((resolve) => {
              performance.mark('jump-asked');
              location.hash = `#L${to}`;
              const look = () => {
                if (!document.querySelector(`.row[data-seq="${to}"]:not(.absent)`))
                  requestAnimationFrame(look);
                else {
                  performance.mark('jump-shown');
                  requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
                }
              };
              look();
            }),
          seq,
        );
      });
      const at = (name: string) => events.find((event) => event.name === name)?.ts ?? Number.NaN;
      const shown = at('jump-shown');
      const frame = events.find(({ name, ts }) => name === 'DrawFrame' && ts >= shown)?.ts ?? shown;
      jumps.push((frame - at('jump-asked')) / 1000);
    }
    add({
      measure: 'A jump to any line of them',
      value: percentile(jumps, 0.95),
      unit: 'ms',
      goal: 200,
      note: `95th percentile of 40; median ${Math.round(median(jumps))} ms`,
    });
    const scroll = await traced(browser, page, async () => {
      await page.evaluate(async () => {
        const view = document.querySelector('.viewport');
        for (let i = 0; i < 180 && view; i += 1) {
          view.scrollTop += i % 30 === 29 ? 4000 : 170;
          await new Promise(requestAnimationFrame);
        }
      });
    });
    const { fps, longest } = frames(scroll);
    add({
      measure: 'Frames a second while scrolling them',
      value: fps,
      unit: 'frames/s',
      note: `longest gap ${longest} ms`,
    });
  });
}

function frames(events: TraceEvent[]): { fps: number; longest: number } {
  const times = events.filter(({ name }) => name === 'DrawFrame').map(({ ts }) => ts / 1000);
  let longest = 0;
  for (let i = 1; i < times.length; i += 1)
    longest = Math.max(longest, (times[i] ?? 0) - (times[i - 1] ?? 0));
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return { fps: ((times.length - 1) * 1000) / spanMs, longest: Math.round(longest) };
}

async function heapMegabytes(session: CDPSession, collect: boolean): Promise<number> {
  if (collect) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / 1e6;
}

async function following(browser: Browser, server: ServerProcess): Promise<void> {
  const minutes = Number(values.minutes);
  const id = await server.run(PRODUCER(RATE), { timeout: 0 });
  await withPage(browser, server, async ({ page }) => {
    const session = await page.context().newCDPSession(page);
    await page.goto(`${server.url}/executions/${id}`);
    await page.locator('.row:not(.absent)').first().waitFor();
    const end = Date.now() + minutes * 60_000;
    let highest = 0;
    const rates: number[] = [];
    let longest = 0;
    let before = { at: Date.now(), seq: await lastSeq(page) };
    const lineRates: number[] = [];
    while (Date.now() < end) {
      const events = await traced(browser, page, () => sleep(5000));
      const measured = frames(events);
      rates.push(measured.fps);
      longest = Math.max(longest, measured.longest);
      highest = Math.max(highest, await heapMegabytes(session, false));
      const now = { at: Date.now(), seq: await lastSeq(page) };
      lineRates.push(((now.seq - before.seq) * 1000) / (now.at - before.at));
      before = now;
      await sleep(Math.min(5000, Math.max(0, end - Date.now())));
    }
    add({
      measure: `Frames a second while following ${RATE.toLocaleString('en')} lines/s`,
      value: median(rates),
      unit: 'frames/s',
      goal: 50,
      atLeast: true,
      note: `lowest 5 s ${Math.min(...rates).toFixed(0)}, longest gap ${longest} ms`,
    });
    add({ measure: 'Lines a second that it showed', value: median(lineRates), unit: 'lines/s' });
    const { seq } = before;
    add({
      measure: `Heap after ${minutes} min`,
      value: highest,
      unit: 'MB',
      goal: 200,
      note: `highest seen, garbage included, after ${seq.toLocaleString('en')} lines; ${(await heapMegabytes(session, true)).toFixed(0)} MB after collection`,
    });
  });
  await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  await server.ended(id);
}

function lastSeq(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.max(0, ...[...document.querySelectorAll<HTMLElement>('.row')].map((row) => Number(row.dataset.seq))),
  );
}

async function weight(browser: Browser, server: ServerProcess): Promise<void> {
  await withPage(
    browser,
    server,
    async ({ page }) => {
      const session = await page.context().newCDPSession(page);
      await session.send('Network.enable');
      await session.send('Network.setCacheDisabled', { cacheDisabled: true });
      const urls = new Map<string, string>();
      let bytes = 0;
      let files = 0;
      session.on('Network.responseReceived', ({ requestId, response }) => urls.set(requestId, response.url));
      session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
        if (!/\/assets\/|\/search$/.test(urls.get(requestId) ?? '')) return;
        bytes += encodedDataLength;
        files += 1;
      });
      await page.goto(`${server.url}/search`);
      await page.getByRole('heading', { name: 'Search' }).waitFor();
      await sleep(500);
      add({
        measure: 'Weight of the page, compressed, headers included',
        value: bytes / 1000,
        unit: 'kB',
        goal: 150,
        note: `${files} files, nothing cached`,
      });
    },
    { allow: /preload/ },
  );
}

const browser = await launch(['--js-flags=--expose-gc']);
try {
  await withFolder((folder) =>
    withServer(
      folder,
      async (server) => {
        if (parts.has('weight')) await within(60_000, weight(browser, server), 'weighing the page');
        if (parts.has('first'))
          await within(300_000, firstLines(browser, server), 'opening a running execution');
        if (parts.has('million')) await within(400_000, million(browser, server), 'a million lines');
        if (parts.has('following')) {
          const limit = Number(values.minutes) * 90_000 + 120_000;
          await within(limit, following(browser, server), 'following');
        }
      },
      { env: { LINEFEED_LOG_LEVEL: 'warn' } },
    ),
  );
} finally {
  await browser.close();
}
console.log(table(rows));
if (values.json) writeFileSync(values.json, JSON.stringify(rows, null, 2));
if (rows.some(({ goal, atLeast, value }) => goal !== undefined && (atLeast ? value < goal : value > goal)))
  process.exitCode = 1;
