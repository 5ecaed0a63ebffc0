import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kafkaClient } from '../../../events/kafka/client.ts';

const test = suite('Kafka client');

test('what is tried again for long is said once, with the reason; a short failure is not', async () => {
  const said: string[] = [];
  const client = await kafkaClient({ brokers: ['broker:9092'], warn: (message) => said.push(message) });
  const refused = Object.assign(new Error('Not authorized to access topics'), {
    type: 'TOPIC_AUTHORIZATION_FAILED',
  });
  client.complain('To read a', performance.now() - 1000, refused);
  assert.equal(said, []);
  client.complain('To read a', performance.now() - 20_000, refused);
  client.complain('To read a', performance.now() - 21_000, refused);
  client.complain('To be in b', performance.now() - 30_000, new Error('connection refused'));
  assert.is(said.length, 2);
  assert.match(said[0] ?? '', /^To read a has not been possible for 20 s .* refused access .*ACLs/);
  assert.match(said[1] ?? '', /^To be in b .* cannot be reached \(connection refused\)/);
});

test.run();
