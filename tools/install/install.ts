/**
 * Installs what the tests need, once: `node tools/install/install.ts [tool …]`, or through the test runner before the first
 * test. Does nothing when all is there. Two runs that start at once take turns.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../stack/packages.ts';
import { installPackages } from './debian.ts';
import { timed } from './timed.ts';
import { TOOLS, type Tool } from './tools.ts';

/** Why a tool is missing, by its name. */
export type Missing = Map<string, string>;

const tool = (name: string): Tool => {
  const found = TOOLS[name];
  if (!found) throw new Error(`Unknown tool: ${name}. Known: ${Object.keys(TOOLS).join(', ')}`);
  return found;
};

async function absentOf(names: readonly string[]): Promise<string[]> {
  const present = await Promise.all(names.map((name) => tool(name).present()));
  return names.filter((_, at) => !present[at]);
}

/**
 * Installs the tools that are not there.
 * @returns those that could not be installed, with the reason.
 */
export async function installTools(names: readonly string[], say: (text: string) => void): Promise<Missing> {
  if ((await absentOf(names)).length === 0) return new Map();
  return withLock(say, async () => {
    const absent = await absentOf(names);
    const reasons: Missing = new Map();
    const packages = new Set(absent.flatMap((name) => [...(tool(name).packages ?? [])]));
    if (packages.size > 0) {
      say(`missing: ${absent.join(', ')}`);
      await installPackages([...packages], say).catch((error: Error) => {
        for (const name of absent) reasons.set(name, error.message);
      });
    }
    for (const name of await absentOf(absent)) {
      const { install } = tool(name);
      if (!install) continue;
      await timed(say, `installing ${name}`, () => install(say)).catch((error: Error) => {
        reasons.set(name, [error.message, reasons.get(name)].filter(Boolean).join('; '));
      });
    }
    return new Map((await absentOf(absent)).map((name) => [name, explain(name, reasons.get(name))]));
  });
}

function explain(name: string, reason: string | undefined): string {
  const { byHand, packages = [] } = tool(name);
  const help = byHand ?? `install the Debian packages ${packages.join(' ')}`;
  return reason ? `${reason} (${help})` : help;
}

/** Holds a lock that ends with this process, however it ends: flock(1) keeps it until its input closes. */
async function withLock<T>(say: (text: string) => void, body: () => Promise<T>): Promise<T> {
  mkdirSync(cacheFolder(), { recursive: true });
  const lock = join(cacheFolder(), 'install.lock');
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo locked; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = setTimeout(() => say('another run is installing; waiting for it'), 1000);
  try {
    await once(holder.stdout, 'data');
    clearTimeout(waiting);
    return await body();
  } finally {
    clearTimeout(waiting);
    holder.stdin.end();
  }
}

if (import.meta.main) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(TOOLS);
  const missing = await installTools(names, (text) => console.log(text));
  for (const [name, reason] of missing) console.error(`${name} is missing: ${reason}`);
  if (missing.size === 0) console.log(`All there: ${names.join(', ')}`);
  process.exit(missing.size > 0 ? 1 : 0);
}
