/** The examples of docs/events.md, run. kcat is a second Kafka client that is not ours. @needs kcat */
import { execFile, spawn } from 'node:child_process';
import { randomUUIDv7 } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kafkaEventLog } from '../../../events/kafka/event-log.ts';
import { recording } from '../../support/output-events.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';
import { until } from '../../support/within.ts';

const test = suite('Examples of docs/events.md');
const root = new URL('../../../', import.meta.url);

const { kafka } = await sharedStack();

async function withOutput(body: (prefix: string, id: string) => Promise<void>): Promise<void> {
  const prefix = randomPrefix();
  const log = await kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix: prefix,
    partitions: 3,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
  });
  try {
    const id = randomUUIDv7();
    const record = recording(id);
    const lines = [1, 2, 3].map((n) => record.output({ text: `${`line ${n} `.padEnd(2000, 'x')}\n` }));
    const events = [record.requested(), record.scheduled(), record.started(), ...lines];
    await log.append([...events, record.completed()]);
    await body(prefix, id);
  } finally {
    await log.close();
  }
}

test('kcat reads what Linefeed wrote, with the commands of the page', () =>
  withOutput(async (prefix, id) => {
    const page = readFileSync(new URL('docs/events.md', root), 'utf8');
    const [first, second] = [...page.matchAll(/^kcat .*$/gm)].map(([line]) =>
      line.replace('127.0.0.1:9092', kafka.address).replaceAll('linefeed.', `${prefix}.`),
    );
    const run = async (line = '') => (await promisify(execFile)('sh', ['-c', line])).stdout;
    const output = (await run(first)).trim().split('\n');
    assert.is(output.length, 3);
    for (const [at, line] of output.entries()) {
      assert.ok(line.startsWith(`${id} {`));
      assert.match(JSON.parse(line.slice(id.length + 1)).text, new RegExp(`^line ${at + 1} x`));
    }
    assert.match(await run(second), /ce_type=execution\.completed.*"status":"succeeded"/);
  }));

test('the kafkajs example prints output as it comes', () =>
  withOutput(async (prefix, id) => {
    const file = new URL('docs/examples/follow-output.mjs', root).pathname;
    const child = spawn(process.execPath, [file, kafka.address, prefix], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    child.stdout.on('data', (data) => {
      printed += data;
    });
    try {
      await until(30_000, () => printed.split('\n').length > 3, 'the lines');
      assert.match(printed, new RegExp(`${id} 3 line 3 x`));
    } finally {
      child.kill();
    }
  }));

test.run();
