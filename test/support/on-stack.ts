/**
 * Runs suites that are written for any engines a second time, on a real Kafka and Elasticsearch that all of them share.
 * The suites are loaded here, after the engines were chosen, and run in this process, one after the other.
 */
import { shareEngines } from './engines.ts';

/** @param load imports of the suites' files; nothing that imports uvu may have been loaded before. */
export async function runOnStack(name: string, load: (() => Promise<unknown>)[]): Promise<void> {
  // uvu would run what is there as soon as the first file is loaded.
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: [[name]] });
  const uvu = await import('uvu');
  process.env.LINEFEED_TEST_ENGINES = 'stack';
  for (const next of load) await next();
  const closeShared = shareEngines();
  await uvu.exec();
  await closeShared();
}
