/**
 * The reliability suites on Kafka and Elasticsearch, whole: what bytes are, and what is left of them by kill -9.
 *
 * @needs stack
 * @alone it measures memory and time
 */
import { runOnStack } from '../support/on-stack.ts';

process.env.LINEFEED_TEST_FAULTS = '1';
await runOnStack('Reliability', [
  () => import('../e2e/bytes.int.test.ts'),
  () => import('../e2e/crash.int.test.ts'),
]);
