/** The CLI's suites that talk to a server, on Kafka and Elasticsearch. @needs stack */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('CLI', [
  () => import('../cli/commands/executions.int.test.ts'),
  () => import('../cli/commands/search.int.test.ts'),
  () => import('../cli/commands/replay.int.test.ts'),
  () => import('../cli/commands/maintenance.int.test.ts'),
  () => import('../cli/commands/keys.int.test.ts'),
  () => import('../cli/commands/actions.int.test.ts'),
  () => import('../cli/commands/completion.int.test.ts'),
  () => import('../cli/commands/doctor.int.test.ts'),
  () => import('../cli/commands/server.int.test.ts'),
  () => import('../cli/commands/config.int.test.ts'),
  () => import('../cli/help.int.test.ts'),
]);
