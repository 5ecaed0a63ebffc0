/**
 * How many times slower this machine is than a quiet one with two cores: `LINEFEED_TEST_SLOWNESS`, which the test runner
 * measures at its start. Every time-out of the tests is multiplied by it.
 */
export function slowness(): number {
  const factor = Number(process.env.LINEFEED_TEST_SLOWNESS ?? 1);
  return factor >= 1 ? factor : 1;
}

/** A time-out of so many milliseconds on a quiet machine, for this one. */
export function scaled(ms: number): number {
  return Math.round(ms * slowness());
}
