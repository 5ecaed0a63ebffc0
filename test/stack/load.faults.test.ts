/**
 * The rows of following and load on Kafka and Elasticsearch, smaller than on the embedded engines: see the suite's sizes.
 *
 * @needs stack
 * @alone it measures memory and time
 */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('Load', [() => import('../e2e/load.int.test.ts')]);
