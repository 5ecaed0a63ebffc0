/** The reliability suites on Kafka and Elasticsearch, whole: what bytes are, and what is left of them by kill -9 at any moment. */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('Reliability', [
  () => import('../e2e/bytes.int.test.ts'),
  () => import('../e2e/crash.int.test.ts'),
]);
