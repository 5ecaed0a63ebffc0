/** Whatever leaders and answers do: what the writer acknowledged is in the log, and each execution's events are in order. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import { kafkaWriter, type WriterOptions } from '../../../events/kafka/writer.ts';
import { kafkaBrokers } from '../../support/kafka-brokers.ts';
import { recording } from '../../support/output-events.ts';
import { within } from '../../support/within.ts';

const test = suite('Kafka writer while leaders move');
const TOPICS = { executions: 'e', output: 'o' };
const PARTITIONS = 6;
const BROKERS = 3;

/** Before a request: which partition gets which leader, and whether its answer is lost. */
const step = fc.record({
  topic: fc.constantFrom(TOPICS.executions, TOPICS.output),
  partition: fc.nat(PARTITIONS - 1),
  leader: fc.nat(BROKERS - 1),
  move: fc.boolean(),
  losesAnswer: fc.nat(11).map((n) => n === 0),
});

test('every acknowledged event is in the log, behind its predecessors', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 2, max: 4 }),
      async (steps, rounds) => {
        const brokers = kafkaBrokers(Object.values(TOPICS), PARTITIONS, BROKERS);
        const script = [...steps];
        brokers.beforeRequest(() => {
          const next = script.shift();
          if (next?.move) brokers.partition(next.topic, next.partition).leader = next.leader;
          return next?.losesAnswer ? 'lost-answer' : undefined;
        });
        const writer = kafkaWriter({
          client: brokers.client,
          topics: TOPICS as WriterOptions['topics'],
          partitions: PARTITIONS,
          brokers: ['broker'],
          source: 'here',
          appendTimeoutMs: 5000,
          ends: async (partition) => ({
            executions: brokers.partition(TOPICS.executions, partition).records.length,
            output: brokers.partition(TOPICS.output, partition).records.length,
          }),
        });
        const sources = Array.from({ length: 2 * PARTITIONS }, (_, at) =>
          recording(`01934f00-0000-7000-8000-${at.toString(16).padStart(12, '0')}`),
        );
        const appended: ExecutionEvent[] = [];
        for (let round = 0; round < rounds; round++) {
          const events = sources.map((source) =>
            round === 0
              ? source.requested()
              : round % 2
                ? source.started()
                : source.output({ text: 'a line\n' }),
          );
          await within(20_000, writer.append(events));
          appended.push(...events);
        }
        await writer.close();
        for (const { executionId, position, type } of appended) {
          const partition = brokers.client.partitionOf(executionId, PARTITIONS);
          const topic = type === 'output.appended' ? TOPICS.output : TOPICS.executions;
          const positions = brokers
            .partition(topic, partition)
            .records.filter(({ key }) => key === executionId)
            .map(({ value }) => JSON.parse(value).position as number);
          assert.ok(positions.includes(position), `event ${position} of partition ${partition} is in no log`);
          const firsts = [...new Set(positions)];
          assert.equal(
            firsts,
            [...firsts].sort((a, b) => a - b),
            'in order',
          );
        }
      },
    ),
    { numRuns: 40 },
  );
});

test.run();
