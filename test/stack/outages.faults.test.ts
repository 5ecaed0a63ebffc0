/** A minute without Elasticsearch, and the broker killed twice. @needs stack */
process.env.LINEFEED_TEST_FAULTS = '1';
await import('./outages.int.test.ts');
