/** The keeper of a data folder, as a test finds and kills it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './within.ts';

function keepersOf(dataFolder: string): number[] {
  const home = join(dataFolder, 'keeper');
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return words.includes(home) && words.some((word) => /keeper\/(code-\w+\/)?main\.[jt]s$/.test(word))
        ? Number(name)
        : [];
    } catch {
      return [];
    }
  });
}

/** The pid of the keeper, once there is one. */
export function keeperPid(dataFolder: string): Promise<number> {
  return until(20_000, () => keepersOf(dataFolder)[0], 'a keeper');
}

/** `kill -9`, as a crash would. Resolves when it is gone. */
export async function killKeeper(dataFolder: string): Promise<void> {
  const pid = await keeperPid(dataFolder);
  process.kill(pid, 'SIGKILL');
  await until(20_000, () => !keepersOf(dataFolder).includes(pid), 'the end of the keeper');
}

/** The pid of the shell that stands between the keeper and the command; it leads the process group. */
export function wrapperPid(dataFolder: string, executionId: string): number {
  return Number.parseInt(readFileSync(join(dataFolder, 'keeper', 'claims', executionId), 'utf8'), 10);
}
