/** One shared connection for short questions (offsets, metadata), opened anew after a failure. */
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import type { KafkaClient } from './client.ts';
import type { Cluster } from './cluster.ts';
import { toServiceError } from './service-error.ts';

const SETTLING_MS = 5000;
const SETTLING_RETRY_MS = 50;

interface ClusterQueries {
  /** Asks once more on a new connection when the first try fails, and longer while leaders are being found. @throws ServiceError `event-log-unavailable`. */
  ask<T>(question: (cluster: Cluster) => Promise<T>): Promise<T>;
  close(): void;
}

export function clusterQueries(client: KafkaClient, brokers: readonly string[]): ClusterQueries {
  let current: Promise<Cluster> | undefined;

  async function open(): Promise<Cluster> {
    const cluster = client.openCluster();
    try {
      await cluster.connect();
    } catch (error) {
      cluster.destroy();
      throw error;
    }
    return cluster;
  }
  function drop(used: Promise<Cluster>): void {
    if (current === used) current = undefined;
    void used.then((cluster) => cluster.destroy()).catch(() => {});
  }

  return {
    async ask(question) {
      const deadline = performance.now() + SETTLING_MS;
      for (let attempt = 1; ; attempt++) {
        current ??= open();
        const used = current;
        try {
          return await question(await used);
        } catch (error) {
          drop(used);
          // A topic made a moment ago, or a partition whose leader has just changed: the broker answers, soon rightly.
          const settles = (error as { name?: string; retriable?: boolean }).name === 'KafkaJSProtocolError';
          if (attempt >= 2 && !(settles && performance.now() < deadline))
            throw toServiceError(error, brokers);
          if (attempt >= 2) await abortableSleep(SETTLING_RETRY_MS);
        }
      }
    },
    close() {
      if (current) drop(current);
    },
  };
}
