/**
 * The rows of following and load at full size.
 *
 * @alone it measures memory and time
 */
process.env.LINEFEED_TEST_FAULTS = '1';
await import('./load.int.test.ts');
