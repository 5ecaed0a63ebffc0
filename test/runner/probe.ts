/** Measures how slow this machine is now: processor work and starts of Node, several at once as the tests run. */
import { spawn } from 'node:child_process';

/** What one round takes on the reference machine (two cores, nothing else running), with two at once. */
const REFERENCE_MS = 300;
const ROUNDS = 3;
/** A machine that is slower than this is stuck. */
const MOST = 10;

const WORK = `
let sum = 0;
for (let n = 0; n < 6e7; n++) sum = (sum * 31 + n) | 0;
process.exitCode = sum === 1 ? 1 : 0;
`;

function round(): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', WORK], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', () => resolve(performance.now() - started));
  });
}

/** A factor from 1 to 10, to one decimal. */
export async function measureSlowness(): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn++) times.push(...(await Promise.all([round(), round()])));
  const median = times.sort((a, b) => a - b)[times.length >> 1] as number;
  return Math.min(MOST, Math.max(1, Math.round((median / REFERENCE_MS) * 10) / 10));
}
