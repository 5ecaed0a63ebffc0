/**
 * A real Kafka and Elasticsearch for a test file: one pair a process, or the pair that the test runner started before
 * (`LINEFEED_STACK_KAFKA`, `LINEFEED_STACK_ELASTICSEARCH`). Names inside are random, so that nothing is shared.
 */
import { randomBytes } from 'node:crypto';
import { type Stack, startStack } from '../../tools/stack/stack.ts';

let shared: Promise<Stack> | undefined;

/** A prefix for topics and indices that nobody else uses. */
export function randomPrefix(): string {
  return `t${randomBytes(5).toString('hex')}`;
}

/**
 * The stack of this process. Its servers end with the process.
 * @throws Error when this machine cannot run them.
 */
export function sharedStack(): Promise<Stack> {
  const brokers = process.env.LINEFEED_STACK_KAFKA;
  const node = process.env.LINEFEED_STACK_ELASTICSEARCH;
  shared ??= startStack({ ...(brokers ? { brokers } : {}), ...(node ? { node } : {}) });
  return shared;
}

/** Runs the body with servers of its own that it may kill. */
export async function withPrivateStack<T>(body: (stack: Stack) => Promise<T>): Promise<T> {
  const stack = await startStack({ private: true });
  try {
    return await body(stack);
  } finally {
    await stack.stop();
  }
}
