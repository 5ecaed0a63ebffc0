/** What kafkajs' producer leaves out of its answers while leaders move; the brokers are doubles, the producer is kafkajs' own. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reconnectingProducer } from '../../../events/kafka/producer.ts';
import type { ServiceError } from '../../../lib/errors.ts';
import { kafkaBrokers } from '../../support/kafka-brokers.ts';
import { within } from '../../support/within.ts';

const test = suite('Kafka producer');
const TOPIC = 'linefeed.executions';
const PARTITIONS = 6;
const BROKERS = 3;

const record = (partition: number, value: string) => ({
  key: `k${partition}`,
  value,
  headers: {},
  partition,
});
const one = (value: string) => [
  { topic: TOPIC, messages: Array.from({ length: PARTITIONS }, (_, at) => record(at, value)) },
];

function open() {
  const brokers = kafkaBrokers([TOPIC], PARTITIONS, BROKERS);
  const producer = reconnectingProducer(brokers.client, ['broker']);
  const values = (partition: number) => brokers.partition(TOPIC, partition).records.map(({ value }) => value);
  return { brokers, producer, values };
}

test('a partition that moved to a broker that had answered already is sent again', async () => {
  const { brokers, producer, values } = open();
  await producer.send(one('first'));
  // Broker 1 leads partitions 1 and 4, and answers for these before broker 0 refuses partition 0.
  brokers.partition(TOPIC, 0).leader = 1;
  const answers = await within(5000, producer.send(one('second')));
  for (let at = 0; at < PARTITIONS; at++) assert.equal(values(at), ['first', 'second'], `partition ${at}`);
  assert.equal([...new Set(answers.map(({ partition }) => partition))].sort(), [0, 1, 2, 3, 4, 5]);
  assert.is(brokers.producersOpened(), 1, 'on the same connection, so that nothing is stored twice');
});

test('what is sent again lies before what is sent later', async () => {
  const { brokers, producer, values } = open();
  await producer.send(one('first'));
  brokers.partition(TOPIC, 0).leader = 1;
  await producer.send(one('second'));
  await producer.send(one('third'));
  assert.equal(values(0), ['first', 'second', 'third']);
});

test('a partition that the brokers do not name ends in an error that may be retried', async () => {
  const { brokers, producer, values } = open();
  brokers.hide(TOPIC, 3);
  const failure = await producer.send(one('first')).then(
    () => undefined,
    (error) => error as ServiceError,
  );
  assert.is(failure?.code, 'event-log-unavailable');
  assert.is(failure?.retriable, true);
  assert.match(failure?.message ?? '', 'no leader for partition 3 of linefeed.executions');
  brokers.show(TOPIC, 3);
  await producer.send(one('first'));
  assert.equal(values(3), ['first']);
});

test('after a lost answer the next request has a new producer', async () => {
  const { brokers, producer, values } = open();
  await producer.send(one('first'));
  brokers.beforeRequest(() => 'lost-answer');
  const failure = await producer.send(one('second')).then(
    () => undefined,
    (error) => error as ServiceError,
  );
  assert.is(failure?.code, 'event-log-unavailable');
  brokers.beforeRequest(() => undefined);
  await producer.send(one('third'));
  assert.is(brokers.producersOpened(), 2);
  for (let at = 0; at < PARTITIONS; at++) assert.is(values(at).at(-1), 'third');
});

test.run();
