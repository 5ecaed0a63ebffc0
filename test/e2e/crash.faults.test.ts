/** Twenty lives of a server instead of a few. */
process.env.LINEFEED_TEST_FAULTS = '1';
await import('./crash.int.test.ts');
