/** Opens the engines that the configuration selects. Only this folder knows adapters. */
import { openEmbeddedEngines } from './embedded.ts';
import type { EngineOptions, Engines } from './engines.ts';
import { openKafkaEngines } from './kafka.ts';

/** @throws ServiceError when an engine cannot be opened, or is unavailable for a minute. */
export function openEngines(options: EngineOptions): Promise<Engines> {
  const { brokers } = options.config.kafka;
  return brokers.length === 0 ? openEmbeddedEngines(options) : openKafkaEngines(options);
}
