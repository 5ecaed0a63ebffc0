/**
 * The API's suites on Kafka and Elasticsearch: those whose routes read or write through a port. What never reaches an
 * engine (keys, limits, headers, the server's connections) and what has an engine of its own making is run once.
 */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('API', [
  () => import('../api/executions.test.ts'),
  () => import('../api/output/output.test.ts'),
  () => import('../api/streams.test.ts'),
  () => import('../api/resume.int.test.ts'),
]);
