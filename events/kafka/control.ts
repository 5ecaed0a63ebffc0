/** One shared connection for short questions (offsets, metadata), opened anew after a failure. */
import { type Cluster, type KafkaClient, logError } from './client.ts';

export interface Control {
  /** Asks once more on a new connection when the first try fails. @throws ServiceError `event-log-unavailable`. */
  ask<T>(question: (cluster: Cluster) => Promise<T>): Promise<T>;
  close(): void;
}

export function kafkaControl(client: KafkaClient, brokers: readonly string[]): Control {
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
      for (let attempt = 1; ; attempt++) {
        current ??= open();
        const used = current;
        try {
          return await question(await used);
        } catch (error) {
          drop(used);
          if (attempt === 2) throw logError(error, brokers);
        }
      }
    },
    close() {
      if (current) drop(current);
    },
  };
}
