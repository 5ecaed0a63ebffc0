/**
 * API keys on the compacted topic `<prefix>.keys`: the newest state of each lies there, and every node holds all of them
 * in memory and follows. While the brokers are away keys that are known go on working, and none can be changed.
 */

import { cloudEventRecord } from '../../events/kafka/cloud-event-record.ts';
import type { FetchedMessage } from '../../events/kafka/cluster.ts';
import type { KafkaEventLog } from '../../events/kafka/event-log.ts';
import { reconnectingProducer } from '../../events/kafka/producer.ts';
import { followTopic } from '../../events/kafka/topic-feed.ts';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { ServiceError } from '../../lib/errors.ts';
import { joined, KEY_SCHEMA, type KeyStore, type StoredKey, type WireKey } from '../key-store.ts';

/** Longer than the choice of a new leader takes; as long as an append of an event may take. */
const WRITE_TIMEOUT_MS = 5000;
const RETRY_MS = 200;

const wireTime = (at: number) => new Date(at).toISOString();

function toWire({ hash, createdAt, revokedAt, scopes, ...rest }: StoredKey): WireKey {
  return {
    ...rest,
    scopes: [...scopes],
    hash: hash.toString('hex'),
    created_at: wireTime(createdAt),
    ...(revokedAt === undefined ? {} : { revoked_at: wireTime(revokedAt) }),
  };
}

/** Undefined for what is no key to this version; whoever shows it is refused. */
function fromWire(text: string): StoredKey | undefined {
  try {
    const { hash, created_at, revoked_at, ...rest } = KEY_SCHEMA.parse(JSON.parse(text));
    return {
      ...rest,
      hash: Buffer.from(hash, 'hex'),
      createdAt: Date.parse(created_at),
      ...(revoked_at === undefined ? {} : { revokedAt: Date.parse(revoked_at) }),
    };
  } catch {
    return undefined;
  }
}

/** Resolves when every key that is there has been read, however long the brokers are away. */
export async function kafkaKeyStore(
  log: Pick<KafkaEventLog, 'client' | 'topics' | 'brokers'>,
  source: string,
): Promise<KeyStore> {
  const { client, topics, brokers } = log;
  const closing = new AbortController();
  const known = new Map<string, StoredKey>();
  let sorted: readonly StoredKey[] | undefined;
  /**
   * Keys that were revoked and whose newest record does not say so: a write that was thought lost came in late. Compaction
   * would leave that record alone, so the revocation is written once more.
   */
  const undone = new Set<string>();
  let isPresent = false;

  function learn(key: StoredKey): void {
    known.set(key.id, joined(known.get(key.id), key));
    sorted = undefined;
  }

  function hear({ key, value }: FetchedMessage): void {
    const id = key?.toString() ?? '';
    if (value === null) {
      known.delete(id);
      undone.delete(id);
      sorted = undefined;
      return;
    }
    const heard = fromWire(value.toString());
    if (heard?.id !== id) return;
    learn(heard);
    if (heard.revokedAt === undefined && known.get(id)?.revokedAt !== undefined) undone.add(id);
    else undone.delete(id);
    if (isPresent) mend();
  }

  function mend(): void {
    for (const id of undone) {
      undone.delete(id);
      // When it fails it is tried with the next record; another node, or the next start, finds the same.
      write(known.get(id) as StoredKey).catch(() => undone.add(id));
    }
  }

  /** With a connection of its own: keys change seldom, and an idle one would be closed by the brokers meanwhile. */
  async function send(key: StoredKey, timeoutMs: number): Promise<void> {
    const producer = reconnectingProducer(client, brokers);
    const timer = setTimeout(producer.close, timeoutMs);
    closing.signal.addEventListener('abort', producer.close, { once: true });
    try {
      const type = key.revokedAt === undefined ? 'key.created' : 'key.revoked';
      const message = cloudEventRecord(key.id, type, source, toWire(key));
      await producer.send([{ topic: topics.keys, messages: [message] }]);
    } finally {
      clearTimeout(timer);
      closing.signal.removeEventListener('abort', producer.close);
      producer.close();
    }
  }

  async function write(key: StoredKey): Promise<void> {
    const deadline = performance.now() + WRITE_TIMEOUT_MS;
    for (;;) {
      try {
        return await send(key, deadline - performance.now());
      } catch (cause) {
        if (closing.signal.aborted || performance.now() + RETRY_MS > deadline) {
          const message = `API keys cannot be changed while Kafka at ${brokers.join(', ')} does not take them; those that exist go on working. Look at the list of keys before trying again`;
          throw new ServiceError('keys-unavailable', message, { cause, retriable: true });
        }
        await abortableSleep(RETRY_MS);
      }
    }
  }

  await new Promise<void>((resolve) => {
    void followTopic({
      client,
      topic: topics.keys,
      from: 'beginning',
      signal: closing.signal,
      onMessage: hear,
      onPresent() {
        isPresent = true;
        mend();
        resolve();
      },
    });
  });

  return {
    all() {
      sorted ??= [...known.values()].sort((a, b) => a.createdAt - b.createdAt);
      return sorted;
    },
    async put(key) {
      const state = joined(known.get(key.id), key);
      await write(state);
      learn(state);
    },
    async close() {
      closing.abort();
    },
  };
}
