/** What a broker refuses for good; it is a fake here, so that both events meet in one request. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kafkaWriter, type WriterOptions } from '../../../events/kafka/writer.ts';
import { recording } from '../../support/output-events.ts';

const test = suite('Kafka writer');

const LIMIT = 1000;

/** Takes what is below the limit; answers with what it has taken, by request. */
function broker() {
  const taken: number[][] = [];
  const client = {
    partitionOf: () => 0,
    compression: { none: 0, zstd: 4 },
    openProducer: () => ({
      connect: async () => {},
      destroy() {},
      async sendBatch({
        topicMessages,
      }: {
        topicMessages: { topic: string; messages: { value: Buffer }[] }[];
      }) {
        const sizes = topicMessages.flatMap(({ messages }) => messages.map(({ value }) => value.length));
        if (sizes.some((size) => size > LIMIT))
          throw Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' });
        taken.push(sizes);
        return topicMessages.map(({ topic }) => ({ topicName: topic, partition: 0, baseOffset: '0' }));
      },
    }),
  } as unknown as WriterOptions['client'];
  const writer = kafkaWriter({
    client,
    topics: { executions: 'e', output: 'o' } as WriterOptions['topics'],
    partitions: 1,
    brokers: ['broker'],
    source: 'here',
    appendTimeoutMs: 5000,
    ends: async () => ({ executions: 1, output: 1 }),
  });
  return { writer, taken };
}

test('an event that is refused for good takes what its execution appends behind it along, and nothing else', async () => {
  const [large, small] = [recording('01934f00-0000-7000-8000-00000000000a'), recording()];
  const { writer, taken } = broker();
  const outcomes = await Promise.allSettled([
    writer.append([small.requested()]),
    writer.append([large.output({ text: `${'x'.repeat(2 * LIMIT)}\n` })]),
    writer.append([small.output({ text: 'a\n' })]),
    writer.append([large.output({ text: 'behind it\n' })]),
    writer.append([small.completed()]),
  ]);
  assert.equal(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : outcome.status)),
    ['fulfilled', 'append-rejected', 'fulfilled', 'append-rejected', 'fulfilled'],
  );
  assert.is(taken.flat().length, 3);
  await writer.append([small.requested(), small.requested()]);
  assert.is(taken.at(-1)?.length, 2, 'requests are shared again');
  await writer.close();
});

test.run();
