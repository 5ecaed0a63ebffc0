import { scaled } from './slowness.ts';

/** Fails a test that hangs: uvu has no time limit of its own. @param ms on a quiet machine; see slowness.ts. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'it'): Promise<T> {
  const limitMs = scaled(ms);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `check` first answers true (or a value); asks every 20 ms. @param ms on a quiet machine. */
export async function until<T>(
  ms: number,
  check: () => T | Promise<T>,
  what = 'the condition',
): Promise<NonNullable<T>> {
  const limitMs = scaled(ms);
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
