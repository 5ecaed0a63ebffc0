/** What the rows of the log in a page show, read at one instant and in their order; and waits that a busy machine may need. */
import type { Locator, Page } from 'playwright-core';
import { until } from './within.ts';

/** How long something that will happen may take on a slow and busy machine. */
export const SOON_MS = 30_000;

export interface ShownRow {
  seq: number;
  text: string;
  host: string;
}

/** The rows that are drawn, by line. A line that is still fetched has no text. */
export function shownRows(page: Page): Promise<ShownRow[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('.row')]
      .map((row) => ({
        seq: Number(row.dataset.seq),
        text: row.querySelector<HTMLElement>('.text')?.innerText ?? '',
        host: row.querySelector<HTMLElement>('.host')?.innerText ?? '',
      }))
      .sort((a, b) => a.seq - b.seq),
  );
}

export async function shownSeqs(page: Page): Promise<number[]> {
  return (await shownRows(page)).map(({ seq }) => seq);
}

export async function shownTexts(page: Page): Promise<string[]> {
  return (await shownRows(page)).map(({ text }) => text);
}

/** Waits until the rows pass the check, and gives them; a failure tells what they were. */
export async function rowsUntil(
  page: Page,
  what: string,
  check: (rows: readonly ShownRow[]) => boolean,
): Promise<ShownRow[]> {
  let last: ShownRow[] = [];
  try {
    return await until(
      SOON_MS,
      async () => {
        last = await shownRows(page);
        return check(last) ? last : undefined;
      },
      what,
    );
  } catch (error) {
    const rows = last.map(({ seq, text }) => `${seq}: ${text.slice(0, 60)}`);
    throw new Error(`${(error as Error).message}; the rows were\n${rows.join('\n')}`);
  }
}

/** Waits until exactly so many elements are there. */
export async function countUntil(locator: Locator, count: number): Promise<void> {
  let last = -1;
  await until(SOON_MS, async () => {
    last = await locator.count();
    return last === count;
  }).catch(() => {
    throw new Error(`${last} instead of ${count} of ${locator}`);
  });
}

/** Waits until what is read equals what is expected (as JSON). */
export async function readUntil<T>(what: string, expected: T, read: () => Promise<T>): Promise<void> {
  let last: T | undefined;
  await until(SOON_MS, async () => {
    last = await read();
    return JSON.stringify(last) === JSON.stringify(expected);
  }).catch((error: Error) => {
    throw new Error(
      `${what}: ${JSON.stringify(last)} instead of ${JSON.stringify(expected)}; ${error.message}`,
    );
  });
}
