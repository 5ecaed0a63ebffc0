/** Three rounds of every fault of a process, while twenty commands print. @needs stack */
process.env.LINEFEED_TEST_FAULTS = '1';
await import('./faults.int.test.ts');
