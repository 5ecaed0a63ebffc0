/** Says what begins, and how long it took when it has succeeded. */
export async function timed<T>(
  say: (text: string) => void,
  what: string,
  body: () => Promise<T>,
): Promise<T> {
  say(what);
  const started = performance.now();
  const result = await body();
  say(`done in ${((performance.now() - started) / 1000).toFixed(1)} s: ${what}`);
  return result;
}
