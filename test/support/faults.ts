/**
 * The size of a fault: short in `npm test`, long in the faults lane, whose files set `LINEFEED_TEST_FAULTS` and load the
 * suites anew.
 */
export function sized<T>(short: T, long: T): T {
  return process.env.LINEFEED_TEST_FAULTS === '1' ? long : short;
}
