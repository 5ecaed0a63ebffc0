/** Heartbeats on the compacted topic `<prefix>.workers`, commands on `<prefix>.commands`. */
import type { z } from 'zod';
import { CANCEL_SCHEMA, type Fleet, HEARTBEAT_SCHEMA, type Heartbeat } from '../fleet/fleet.ts';
import { cloudEventRecord } from './cloud-event-record.ts';
import type { KafkaEventLog } from './event-log.ts';
import { reconnectingProducer } from './producer.ts';
import { followTopic } from './topic-feed.ts';

const HOUR_MS = 3_600_000;

interface Known {
  heartbeat: Heartbeat;
  heardAt: number;
}

/** Resolves when the heartbeats that are there have been read. */
export async function kafkaFleet(
  log: Pick<KafkaEventLog, 'client' | 'topics' | 'brokers'>,
  source: string,
): Promise<Fleet> {
  const { client, topics, brokers } = log;
  const closing = new AbortController();
  const known = new Map<string, Known>();
  const producer = reconnectingProducer(client, brokers);

  async function send(topic: string, key: string, type: string, value: object | null): Promise<void> {
    await producer.send([{ topic, messages: [cloudEventRecord(key, type, source, value)] }]);
  }

  await new Promise<void>((resolve) => {
    void followTopic({
      client,
      topic: topics.workers,
      from: 'beginning',
      signal: closing.signal,
      onPresent: resolve,
      onMessage(message) {
        const name = message.key?.toString() ?? '';
        if (message.value === null) {
          known.delete(name);
          return;
        }
        try {
          const heartbeat = HEARTBEAT_SCHEMA.parse(JSON.parse(message.value.toString()));
          known.set(name, { heartbeat, heardAt: performance.now() });
        } catch {
          // A newer version may say something else under this key; it is no heartbeat to us.
        }
      },
    });
  });

  return {
    beat: (heartbeat) =>
      send(topics.workers, heartbeat.worker, 'worker.heartbeat', {
        ...heartbeat,
        at: new Date().toISOString(),
      }),
    workers: () =>
      [...known.values()].map(({ heartbeat, heardAt }) => ({
        ...heartbeat,
        silentMs: performance.now() - heardAt,
      })),
    forget: (worker) => send(topics.workers, worker, 'worker.heartbeat', null),
    cancel: (executionId, by) =>
      send(topics.commands, executionId, 'command.cancel', {
        execution_id: executionId,
        by,
        at: new Date().toISOString(),
      } satisfies z.input<typeof CANCEL_SCHEMA>),
    onCancel(listener, signal) {
      void followTopic({
        client,
        topic: topics.commands,
        from: Date.now() - HOUR_MS,
        signal: AbortSignal.any([signal, closing.signal]),
        onMessage(message) {
          if (message.headers.ce_type?.toString() !== 'command.cancel' || !message.value) return;
          const parsed = CANCEL_SCHEMA.safeParse(JSON.parse(message.value.toString()));
          if (parsed.success) listener({ executionId: parsed.data.execution_id, by: parsed.data.by });
        },
      });
    },
    async close() {
      closing.abort();
      producer.close();
    },
  };
}
