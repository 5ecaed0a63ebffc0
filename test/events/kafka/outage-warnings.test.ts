import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutageWarnings } from '../../../events/kafka/outage-warnings.ts';

const test = suite('Kafka: warnings of outages');

test('a long outage is warned of once, with the reason; a short one is not', () => {
  const said: string[] = [];
  const warnOfOutage = createOutageWarnings(['broker:9092'], (message) => said.push(message));
  const refused = Object.assign(new Error('Not authorized to access topics'), {
    type: 'TOPIC_AUTHORIZATION_FAILED',
  });
  warnOfOutage('To read a', performance.now() - 1000, refused);
  assert.equal(said, []);
  warnOfOutage('To read a', performance.now() - 20_000, refused);
  warnOfOutage('To read a', performance.now() - 21_000, refused);
  warnOfOutage('To be in b', performance.now() - 30_000, new Error('connection refused'));
  assert.is(said.length, 2);
  assert.match(said[0] ?? '', /^To read a has not been possible for 20 s .* refused access .*ACLs/);
  assert.match(said[1] ?? '', /^To be in b .* cannot be reached \(connection refused\)/);
});

test.run();
