/** What is left of the bytes by kill -9 at any moment, on Kafka and Elasticsearch. What bytes are is in the faults lane. */
import { runOnStack } from '../support/on-stack.ts';

await runOnStack('Reliability', [() => import('../e2e/crash.int.test.ts')]);
