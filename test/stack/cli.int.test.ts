/**
 * The CLI's suites that run and follow, on Kafka and Elasticsearch. The rest is in the faults lane; what never asks a
 * server (help, completion, layout) is run once.
 */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('CLI', [
  () => import('../cli/commands/run.int.test.ts'),
  () => import('../cli/commands/tail.int.test.ts'),
]);
