/** The CLI's other suites that talk to a server, on Kafka and Elasticsearch. @needs stack */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('CLI', [() => import('../cli/commands/others.int.test.ts')]);
