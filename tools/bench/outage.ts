/**
 * `npm run soak:outage [-- --seconds N]`: the outage test with the broker away for five minutes, and again with
 * Elasticsearch away for five minutes, on servers of their own. Every line of twenty printing commands is compared.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } });
const TEST = new URL('../../test/stack/outages.int.test.ts', import.meta.url).pathname;

for (const variable of ['LINEFEED_OUTAGE_SECONDS', 'LINEFEED_ELASTICSEARCH_OUTAGE_SECONDS']) {
  const started = performance.now();
  console.log(`${variable}=${values.seconds}`);
  const env = { ...process.env, LINEFEED_TEST_FAULTS: '1', [variable]: values.seconds };
  const child = spawn(process.execPath, [TEST], { env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  console.log(
    `${code === 0 ? 'exact' : 'FAILED'} after ${Math.round((performance.now() - started) / 1000)} s`,
  );
  if (code !== 0) process.exit(1);
}
