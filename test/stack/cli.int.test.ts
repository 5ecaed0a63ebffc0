/** The CLI's suites that talk to a server, on Kafka and Elasticsearch. What never asks one (help, completion, layout) is run once. */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('CLI', [
  () => import('../cli/commands/run.int.test.ts'),
  () => import('../cli/commands/tail.int.test.ts'),
  () => import('../cli/commands/others.int.test.ts'),
]);
