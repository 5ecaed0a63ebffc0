// Prints what executions print, as it comes, with kafkajs:
//   node docs/examples/follow-output.mjs <broker> [topic prefix]

import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';

const [broker = '127.0.0.1:9092', prefix = 'linefeed'] = process.argv.slice(2);
const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = kafkajs;
// Linefeed compresses with zstd, which kafkajs leaves to you.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }) => promisify(zstdCompress)(buffer),
  decompress: (buffer) => promisify(zstdDecompress)(buffer),
});

const kafka = new Kafka({ clientId: 'example', brokers: [broker], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `example-${process.pid}` });
await consumer.connect();
await consumer.subscribe({ topic: `${prefix}.output`, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    if (String(message.headers?.ce_type) !== 'output.appended') return;
    const { execution_id, seq, text, encoding } = JSON.parse(String(message.value));
    const bytes = Buffer.from(text, encoding ?? 'utf8');
    process.stdout.write(`${execution_id} ${seq} ${bytes.toString()}`);
  },
});
